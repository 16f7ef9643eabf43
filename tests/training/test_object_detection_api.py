"""The door to the Object Detection API: frozen means frozen, and a foreign checkpoint is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import write_label_map
from tests.support.tiny_run import pipeline_text, write_backbone_archive

pytestmark = pytest.mark.tensorflow
FROZEN = {"train_whole_model": False}
PLAIN = {"BoxPredictor", "FeatureMaps"}
PYRAMID = {"WeightSharedConvolutionalBoxPredictor", "FeatureMaps", "bottom_up_Conv2d"}
NETWORKS = [
    pytest.param(name, id=name)
    for name in (
        "mobilenet_v1_ssd",
        "mobilenet_v2_ssd",
        "mobilenet_v2_ssdlite",
        "mobiledet_ssd",
        "mobilenet_v2_fpnlite",
        "mobilenet_v1_fpn",
    )
]


def _model(**changes):
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    config = parse_pipeline_config(pipeline_text(**changes), where="test")
    return config, api.build_model(config, is_training=True)


def _backbone(model):
    return model._feature_extractor.classification_backbone


BOXES = [[[0.1, 0.1, 0.6, 0.7], [0.5, 0.5, 0.9, 0.6]], [[0.2, 0.3, 0.8, 0.7]], []]


def _picture(number):
    """Return a random picture, its boxes and their classes."""
    pixels = np.random.default_rng(number).integers(0, 256, (120, 150, 3), dtype=np.uint8)
    boxes = np.array(BOXES[number], np.float32).reshape(-1, 4)
    return pixels, boxes, 1 + np.arange(len(boxes))


def _batch(config, model):
    """Return three random pictures, the last without an object, as they are trained on."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    inputs = []
    for number in range(3):
        pixels, boxes, classes = _picture(number)
        picture = (tf.constant(pixels), tf.constant(boxes), tf.constant(classes))
        inputs.append(api.augmented(config, model, picture, tf.constant([0, number], tf.int64)))
    return tf.nest.map_structure(lambda *parts: tf.stack(parts), *inputs)


def _step(config, model):
    """Do one big step of plain gradient descent."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    with tf.GradientTape() as tape:
        losses = api.training_losses(model, config, _batch(config, model))
        total = losses.localization + losses.classification + losses.penalty
    gradients = tape.gradient(total, model.trainable_variables)
    tf.keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, model.trainable_variables))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_losses_are_those_that_the_api_computes_itself(network):
    """Its own way: padded ground truth, assigned to the anchors in the step; ours: assigned while the batch is made."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    config, model = _model(network=network, augmentations=())
    batch = _batch(config, model)
    ours = api.training_losses(model, config, batch)
    truth = [_picture(number)[1:] for number in range(3)]
    padded = [np.pad(boxes, ((0, 5 - len(boxes)), (0, 0))) for boxes, _ in truth]
    classes = [np.eye(3, dtype=np.float32)[np.pad(ids, (0, 5 - len(ids))) - 1] for _, ids in truth]
    weights = [np.pad(np.ones(len(ids), np.float32), (0, 5 - len(ids))) for _, ids in truth]
    model.provide_groundtruth(
        groundtruth_boxes_list=list(map(tf.constant, padded)),
        groundtruth_classes_list=list(map(tf.constant, classes)),
        groundtruth_weights_list=list(map(tf.constant, weights)),
    )
    shapes = tf.constant([[96, 96, 3]] * 3)
    theirs = model.loss(model.predict(batch.images, shapes), shapes)

    assert float(ours.localization) == pytest.approx(float(theirs["Loss/localization_loss"]), rel=1e-5)
    assert float(ours.classification) == pytest.approx(float(theirs["Loss/classification_loss"]), rel=1e-5)
    assert float(ours.localization) > 0


@pytest.mark.parametrize("network", NETWORKS)
def test_feature_maps_in_the_place_of_pictures_give_the_same_losses(network):
    """And the model is saved as before: nothing of it was replaced for good."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    config, model = _model(network=network, **FROZEN)
    batch = _batch(config, model)
    maps_of = api.feature_function(model, config)
    features = tuple(tf.stack(parts) for parts in zip(*map(maps_of, batch.images)))
    maps = batch._replace(images=(), features=features)
    theirs, ours = (api.training_losses(model, config, one) for one in (batch, maps))

    assert [float(loss) for loss in ours] == pytest.approx([float(loss) for loss in theirs], rel=1e-3)  # float16
    assert model.feature_extractor.classification_backbone is _backbone(model)


@pytest.mark.parametrize("network", NETWORKS)
def test_class_predictors_begin_at_the_configured_bias(network):
    """The API forgets it in separable ones, which then call every second anchor an object."""
    _, model = _model(network=network)

    biases = [one.numpy() for one in model.variables if re.search(r"ClassPredictor/bias:0$", one.name)]

    assert biases
    assert all(bias == pytest.approx(-4.6) for bias in biases)


def test_a_backbone_of_which_a_block_learns_is_not_frozen():
    from edgetrain.training import object_detection_api as api

    models = [_model(**settings)[1] for settings in (FROZEN, {}, {"frozen_blocks": 3})]

    assert [api.has_frozen_backbone(model) for model in models] == [True, False, False]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_frozen_backbone_keeps_every_weight_and_statistic(network):
    """Neither gradient nor moving average reaches the backbone; the layers after it learn."""
    config, model = _model(network=network, **FROZEN)
    before = [variable.numpy() for variable in _backbone(model).variables]
    heads = [variable.numpy() for variable in model.trainable_variables]

    _step(config, model)

    assert all(np.array_equal(old, new) for old, new in zip(before, _backbone(model).variables))
    assert not all(np.array_equal(old, new) for old, new in zip(heads, model.trainable_variables))


def test_the_whole_model_learns_unless_frozen():
    """Weights and moving averages of the backbone change in one step."""
    config, model = _model()
    before = [variable.numpy() for variable in _backbone(model).variables]

    _step(config, model)

    changed = [not np.array_equal(old, new) for old, new in zip(before, _backbone(model).variables)]
    assert sum(changed) > 0.9 * len(changed)


@pytest.mark.parametrize("network", NETWORKS)
def test_only_the_layers_after_the_backbone_are_trained_when_frozen(network):
    """What would be trained otherwise is the backbone's, which is frozen, or is trained: nothing is in between."""
    _, whole = _model(network=network)
    _, model = _model(network=network, **FROZEN)

    trainable, trained = ({_plain(one) for one in part.trainable_variables} for part in (whole, model))

    assert trainable - trained == {_plain(one) for one in _backbone(whole).trainable_variables}
    assert trained == trainable - {_plain(one) for one in _backbone(model).variables}
    assert {_part(name) for name in trained} == (PYRAMID if "fpn" in network else PLAIN)


def _part(name):
    """Return the part of the network that a variable belongs to: the first word below the feature extractor."""
    return re.sub(r"^ssd_\w+_extractor/|_\d+_\w+", "", name).split("/")[0]


def _plain(variable):
    """Return a variable's name without what tells two models of a process apart."""
    return re.sub(r"(feature_extractor)_\d+/", r"\1/", variable.name)


@pytest.mark.parametrize(
    ("network", "first"),
    [
        pytest.param("mobilenet_v1_ssd", ("conv1", "conv_dw_1", "conv_pw_1", "conv_dw_2", "conv_pw_2"), id="v1"),
        pytest.param("mobilenet_v2_ssd", ("Conv1", "expanded_conv", "block_1"), id="v2"),
        pytest.param("mobilenet_v2_ssdlite", ("Conv1", "expanded_conv", "block_1"), id="v2 lite"),
        pytest.param("mobiledet_ssd", ("mobiledet_stem", "mobiledet_1", "mobiledet_2"), id="mobiledet"),
        pytest.param("mobilenet_v1_fpn", ("conv1", "conv_dw_1", "conv_pw_1", "conv_dw_2", "conv_pw_2"), id="v1 fpn"),
        pytest.param("mobilenet_v2_fpnlite", ("Conv1", "expanded_conv", "block_1"), id="v2 fpnlite"),
    ],
)
def test_the_first_blocks_and_the_statistics_stay_on_request(network, first):
    """The layers named and no other of the backbone, and every batch normalization of the backbone."""
    _, model = _model(network=network, frozen_blocks=2)
    layers = {variable.name.split("/")[0].removeprefix("bn_") for variable in _backbone(model).trainable_variables}
    whole = {
        variable.name.split("/")[0].removeprefix("bn_") for variable in _backbone(_model(network=network)[1]).variables
    }
    _, still = _model(network=network, freeze_batch_norm=True)

    kept = {name for name in whole if re.match(f"({'|'.join(first)})(_|$)", name)}
    assert whole - layers == kept
    assert len(kept) >= 8
    assert {variable.name.split("/")[1] for variable in _backbone(still).trainable_variables} == {
        "kernel:0",
        "depthwise_kernel:0",
    }
    assert any("batchnorm/gamma" in variable.name for variable in still.trainable_variables)


@pytest.mark.parametrize(
    ("network", "depth_multiplier"),
    [
        pytest.param("mobilenet_v1_ssd", 0.25, id="another network"),
        pytest.param("mobilenet_v2_ssd", 0.5, id="another width"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path, network, depth_multiplier):
    """The message names the checkpoint, the network and the setting to change."""
    from edgetrain.training import object_detection_api as api

    write_backbone_archive(tmp_path, network, depth_multiplier)
    config, model = _model()

    expected = r"does not fit the network's backbone: \S+: (the checkpoint has|not in the checkpoint).*network"
    with pytest.raises(TrainingError, match=expected):
        api.restore_start(model, config, tmp_path / "ckpt-0")


def test_the_right_checkpoint_fills_the_backbone(tmp_path):
    """After the restoration the backbone's variables are those of the checkpoint."""
    from edgetrain.training import object_detection_api as api

    write_backbone_archive(tmp_path, "mobilenet_v2_ssd", 0.25)
    config, model = _model()
    before = _backbone(model).variables[0].numpy()

    api.restore_start(model, config, tmp_path / "ckpt-0")

    assert not np.array_equal(before, _backbone(model).variables[0].numpy())


def test_a_detector_of_other_classes_gives_all_but_its_predictors(tmp_path):
    """As the model zoo's COCO checkpoints: backbone and extra feature layers are taken, 90 classes do not matter."""
    import tensorflow as tf

    from edgetrain.networks.start.checkpoints import checkpoint_kind
    from edgetrain.training import object_detection_api as api

    _, zoo = _model(num_classes=90)
    step = tf.Variable(0, dtype=tf.int64)
    prefix = tf.train.Checkpoint(model=zoo, step=step, optimizer=tf.keras.optimizers.SGD(0.1)).save(
        str(tmp_path / "ckpt")
    )
    config, model = _model(checkpoint_type=checkpoint_kind(Path(prefix), "zoo").type)
    config.train_input_reader.label_map_path = str(tmp_path / "label_map.txt")
    write_label_map(tmp_path / "label_map.txt", LabelMap(("boat", "fish", "house")))

    api.restore_start(model, config, Path(prefix))

    extractors = [one._feature_extractor.variables for one in (zoo, model)]
    assert len(extractors[0]) > len(_backbone(model).variables)
    assert all(np.array_equal(*pair) for pair in zip(*extractors))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_detects_in_a_picture(network):
    """As many detections as its post-processing allows, best first, from boxes and anchors of all its levels."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    config, model = _model(network=network, image_size=128)

    found = api.detect(model, config, tf.zeros((2, 128, 128, 3), tf.uint8))

    scores = found.scores.numpy()
    assert (found.boxes.shape, found.counts.numpy().tolist()) == ((2, 100, 4), [100, 100])
    assert (np.diff(scores) <= 0).all()
    assert scores[0, 0] > 0
