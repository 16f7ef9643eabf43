"""A detector of TensorFlow 2 gives a model all that fits it, class by class, and every variable is accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.networks.start.coco_classes import COCO_IDS, coco_id
from tests.support.closeness import assert_close
from tests.support.tiny_run import pipeline_text, write_backbone_archive

pytestmark = pytest.mark.tensorflow
CLASSES = ("widget", "person", "Traffic_Light")
SIZE = 128
NETWORKS = ("mobilenet_v2_ssd", "mobilenet_v2_ssdlite", "mobilenet_v2_fpnlite", "mobilenet_v1_fpn")


def built(tmp_path, network, names, **changes):
    """Return the configuration of a network for these classes, and a model of it."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    text = pipeline_text(
        network, num_classes=len(names), image_size=SIZE, **{"checkpoint_type": "detection", **changes}
    )
    config = parse_pipeline_config(text, where="test")
    config.train_input_reader.label_map_path = str(tmp_path / "mine.pbtxt")
    write_label_map(tmp_path / "mine.pbtxt", LabelMap(tuple(names)))
    return config, api.build_model(config, is_training=False)


def randomized(model):
    """Give every variable other values, as a training does."""
    noise = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(variable + noise.uniform(0.01, 0.1, variable.shape))
    return model


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a function that gives a detector of COCO's classes and its checkpoint, as the model zoo has them."""
    import tensorflow as tf

    made = {}

    def make(network):
        if network not in made:
            folder = tmp_path_factory.mktemp(network)
            model = randomized(built(folder, network, [str(number) for number in range(COCO_IDS)])[1])
            # With state in the optimizer, as after a step.
            optimizer = tf.keras.optimizers.legacy.SGD(0.1, momentum=0.9)
            optimizer.apply_gradients([(tf.zeros_like(model.variables[0]), model.variables[0])])
            checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, step=tf.Variable(5, dtype=tf.int64))
            made[network] = model, Path(checkpoint.save(str(folder / "ckpt")))
        return made[network]

    return make


def outputs(model):
    """Return raw boxes and class scores for one picture."""
    import tensorflow as tf

    picture = np.random.default_rng(1).integers(0, 256, (1, SIZE, SIZE, 3)).astype(np.float32)
    found = model.predict(*model.preprocess(tf.constant(picture)))
    return found["box_encodings"].numpy(), found["class_predictions_with_background"].numpy()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_detector_of_the_model_zoo_computes_the_same_in_a_model_of_other_classes(tmp_path, published, network):
    """Boxes, background, person and traffic light are COCO's own; a widget is new."""
    from edgetrain.training import object_detection_api as api

    theirs, prefix = published(network)
    config, model = built(tmp_path, network, CLASSES)

    api.restore_start(model, config, prefix)

    (boxes, scores), (expected_boxes, expected_scores) = outputs(model), outputs(theirs)
    assert_close(boxes, expected_boxes, 1e-5)
    ids = [0, coco_id("person"), coco_id("traffic light")]
    assert_close(scores[..., [0, 2, 3]], expected_scores[..., ids], 1e-5)


def test_every_variable_of_model_and_checkpoint_is_in_the_table(tmp_path, published):
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    _, prefix = published("mobilenet_v2_fpnlite")
    config, model = built(tmp_path, "mobilenet_v2_fpnlite", CLASSES)

    matches = api.restore_start(model, config, prefix)

    there = {name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE") for name, _ in tf.train.list_variables(str(prefix))}
    assert [match.variable for match in matches if match.variable] == [one.name[:-2] for one in model.variables]
    assert {match.source for match in matches} == there - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    assert {match.note for match in matches} == {
        "taken",
        "taken: background, person, Traffic_Light; 1 of 3 classes are new",
        "left out: state of the optimizer",
        "left out: number of the checkpoint",
        "left out: number of the step",
    }


def test_a_former_run_gives_each_class_its_own_predictor(tmp_path):
    """Ids do not matter, names do; a class that only one of both has is new, or left behind."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    theirs = ("boat", "fish", "house")
    former = randomized(built(tmp_path, "mobilenet_v2_ssd", theirs)[1])
    prefix = Path(tf.train.Checkpoint(model=former).save(str(tmp_path / "ckpt")))
    write_label_map(tmp_path / "label_map.pbtxt", LabelMap(theirs))
    config, model = built(tmp_path, "mobilenet_v2_ssd", ("fish", "otter", "boat"))
    start = outputs(model)[1]

    matches = api.restore_start(model, config, prefix)

    (boxes, scores), (expected_boxes, expected_scores) = outputs(model), outputs(former)
    assert_close(boxes, expected_boxes, 1e-5)
    assert_close(scores[..., [0, 1, 3]], expected_scores[..., [0, 2, 1]], 1e-5)
    assert np.abs(scores[..., 2] - expected_scores[..., 3]).max() > 0.1
    assert start.shape == scores.shape
    assert "taken: background, fish, boat; 1 of 3 classes are new" in {match.note for match in matches}


def test_without_names_no_class_predictor_is_taken_even_if_the_number_is_equal(tmp_path):
    """Nothing says that the first class is the same; boxes and all other layers are taken."""
    import tensorflow as tf

    from edgetrain.networks.start.weight_matches import summary_of
    from edgetrain.training import object_detection_api as api

    former = randomized(built(tmp_path, "mobilenet_v2_ssd", CLASSES)[1])
    prefix = Path(tf.train.Checkpoint(model=former).save(str(tmp_path / "ckpt")))
    config, model = built(tmp_path, "mobilenet_v2_ssd", CLASSES)

    matches = api.restore_start(model, config, prefix)

    new = [match for match in matches if match.variable and not match.is_taken]
    assert {match.variable.split("/")[2] for match in new} == {"ClassPredictor"}
    assert {match.note for match in new if match.variable.endswith("bias")} == {
        "new: the checkpoint's shape (12,) is not that of COCO's classes",
        "new: the checkpoint's shape (24,) is not that of COCO's classes",
    }
    assert summary_of(matches) == (
        "312 variables taken from the checkpoint, 12 new; class predictors all new (train/start_weights.csv)"
    )


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        pytest.param("mobilenet_v1_fpn", {}, id="another network"),
        pytest.param("mobilenet_v2_fpnlite", {"depth_multiplier": 0.5}, id="another width"),
    ],
)
def test_a_detector_of_another_network_is_refused_and_changes_nothing(tmp_path, published, network, changes):
    from edgetrain.training import object_detection_api as api

    config, model = built(tmp_path, network, CLASSES, **changes)
    before = [variable.numpy() for variable in model.variables]

    with pytest.raises(TrainingError, match=r"does not fit the network's backbone: \S+: .*\(\d+ such variables\)"):
        api.restore_start(model, config, published("mobilenet_v2_fpnlite")[1])
    assert all(np.array_equal(old, new.numpy()) for old, new in zip(before, model.variables))


def test_the_plain_detector_starts_the_backbone_of_a_pyramid(tmp_path, published):
    """The summary says what is new, and what of the checkpoint has no place."""
    from edgetrain.networks.start.weight_matches import summary_of
    from edgetrain.training import object_detection_api as api

    config, model = built(tmp_path, "mobilenet_v2_fpnlite", CLASSES)

    matches = api.restore_start(model, config, published("mobilenet_v2_ssd")[1])

    expected = "260 variables taken from the checkpoint, 124 new; class predictors all new; the checkpoint has a head"
    assert summary_of(matches).startswith(expected)


@pytest.mark.parametrize(
    ("plain", "pyramid"),
    [
        pytest.param("mobilenet_v1_ssd", "mobilenet_v1_fpn", id="v1"),
        pytest.param("mobilenet_v2_ssd", "mobilenet_v2_fpnlite", id="v2"),
    ],
)
def test_a_backbone_fits_both_networks_that_have_it_layer_by_layer(tmp_path, plain, pyramid):
    """The values of each layer are those of the layer of the same name."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    write_backbone_archive(tmp_path, plain, 0.25)
    config, model = built(tmp_path, pyramid, CLASSES, checkpoint_type="classification")

    api.restore_start(model, config, tmp_path / "ckpt-0")

    _, twin = built(tmp_path, plain, CLASSES)
    parts = twin.restore_from_objects(fine_tune_checkpoint_type="classification")
    tf.train.Checkpoint(**parts).read(str(tmp_path / "ckpt-0")).expect_partial()
    expected = {variable.name: variable.numpy() for variable in parts["feature_extractor"].variables}
    found = model.restore_from_objects(fine_tune_checkpoint_type="classification")["feature_extractor"].variables
    assert len(found) == len(expected)
    assert all(np.array_equal(variable.numpy(), expected[variable.name]) for variable in found)


def test_a_checkpoint_that_was_cut_is_one_message(tmp_path):
    from edgetrain.training import object_detection_api as api

    write_backbone_archive(tmp_path, "mobilenet_v2_ssd", 0.25)
    data = tmp_path / "ckpt-0.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    config, model = built(tmp_path, "mobilenet_v2_ssd", CLASSES, checkpoint_type="classification")

    with pytest.raises(TrainingError, match=r"ckpt-0: this checkpoint is damaged \(.*\)\. Fetch it again\."):
        api.restore_start(model, config, tmp_path / "ckpt-0")


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        pytest.param("mobilenet_v2_ssdlite", "mobilenet_v2_ssd", id="separable in plain"),
        pytest.param("mobilenet_v2_ssd", "mobilenet_v2_ssdlite", id="plain in separable"),
    ],
)
def test_a_head_of_another_kind_is_left_whole(tmp_path, published, theirs, mine):
    """Some of its layers stand at the same place and have the same shape."""
    from edgetrain.networks.start.weight_matches import summary_of
    from edgetrain.training import object_detection_api as api

    config, model = built(tmp_path, mine, CLASSES)

    matches = api.restore_start(model, config, published(theirs)[1])

    taken = [match.variable for match in matches if match.is_taken]
    assert len(taken) == 260
    assert not any("/FeatureMaps/" in name or "BoxPredictor/" in name for name in taken)
    assert "; the checkpoint has a head of another kind" in summary_of(matches)
