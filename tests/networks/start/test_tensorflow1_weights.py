"""A detector of TensorFlow 1 computes the same in the Keras model, and every variable is accounted for."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.system.files import write_text
from edgetrain.core.system.progress import Listener, listening
from edgetrain.networks.start.coco_classes import COCO_IDS, coco_id
from tests.support.closeness import assert_close
from tests.support.places import PROJECT_DIR
from tests.support.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow
NETWORKS = ["mobilenet_v1_ssd", "mobilenet_v2_ssd", "mobilenet_v2_ssdlite", "mobiledet_ssd"]
CLASSES = ("widget", "person", "Traffic_Light")
OPTIONAL = ("/FeatureMaps/", "BoxPredictor/")


class Notes(Listener):
    """Remembers what was noted."""

    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """Return a function that gives the folder of a TF1 detector with COCO's classes, made once for each network."""
    made = {}

    def make(network):
        if network not in made:
            made[network] = tmp_path_factory.mktemp(network)
            command = [
                sys.executable,
                "-m",
                "tests.support.tensorflow1_detector",
                network,
                str(COCO_IDS),
                str(made[network]),
            ]
            environment = {**os.environ, "PYTHONPATH": "src", "TF_CPP_MIN_LOG_LEVEL": "2"}
            done = subprocess.run(
                command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        return made[network]

    return make


def _label_map():
    return "".join(f"item {{ id: {number} name: '{name}' }}\n" for number, name in enumerate(CLASSES, 1))


@pytest.fixture
def start(tmp_path):
    """Return a function that builds a model and starts it from a checkpoint of TensorFlow 1."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    def build(folder, network, kind="detection", **changes):
        write_text(tmp_path / "label_map.pbtxt", _label_map())
        text = pipeline_text(
            network, checkpoint_version=1, checkpoint_type=kind, **{"depth_multiplier": 1.0, **changes}
        )
        config = parse_pipeline_config(text, where="test")
        config.train_input_reader.label_map_path = str(tmp_path / "label_map.pbtxt")
        model = api.build_model(config, is_training=False)
        before = {variable.name: variable.numpy() for variable in model.variables}
        return model, before, api.restore_start(model, config, folder / "model.ckpt")

    return build


def _outputs(model, picture):
    import tensorflow as tf

    pixels, shapes = model.preprocess(tf.constant(picture))
    found = model.predict(pixels, shapes)
    return found["box_encodings"].numpy(), found["class_predictions_with_background"].numpy()


@pytest.mark.parametrize("network", NETWORKS)
def test_both_models_give_the_same_raw_boxes_and_scores(detector, start, network):
    """Person and traffic light are COCO's own; the checkpoint's moving average is what counts."""
    expected = np.load(detector(network) / "outputs.npz")

    model, _, _ = start(detector(network), network)

    boxes, scores = _outputs(model, expected["picture"])
    assert np.ptp(expected["boxes"]) > 0.1
    assert_close(boxes, expected["boxes"].reshape(boxes.shape), 1e-4)
    known = [coco_id("person"), coco_id("traffic light")]
    assert_close(scores[..., 2:], expected["scores"][..., known], 1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_variable_of_model_and_checkpoint_is_in_the_table(detector, start, network):
    import tensorflow as tf

    model, _, matches = start(detector(network), network)

    there = {name for name, _ in tf.train.list_variables(str(detector(network) / "model.ckpt"))}
    averaged = {name.removesuffix("/ExponentialMovingAverage") for name in there if name.endswith("MovingAverage")}
    assert [match.variable for match in matches if match.variable] == [one.name[:-2] for one in model.variables]
    assert {match.source for match in matches} == there - averaged
    assert {match.note for match in matches if not match.variable} == {
        "left out: range of fake quantization",
        "left out: state of the optimizer",
        "left out: number of the step",
        "left out: not part of this network",
    }


def test_the_background_and_a_class_that_coco_has_not_keep_their_start(detector, start):
    """A background that was learnt as a class would be most of the first losses, and nothing reads its score here."""
    model, before, matches = start(detector("mobilenet_v2_ssd"), "mobilenet_v2_ssd")

    variable = next(one for one in model.variables if one.name.startswith("BoxPredictor/ConvolutionalClassHead_0/Cla"))
    now, old = (value.reshape(-1, 4) for value in (variable.numpy(), before[variable.name]))
    note = next(match.note for match in matches if match.variable == variable.name[:-2])
    assert [np.array_equal(now[:, i], old[:, i]) for i in range(4)] == [True, True, False, False]
    assert note == "taken: person, Traffic_Light; background and 1 of 3 classes are new"


def test_a_backbone_fills_the_backbone_only(detector, start, tmp_path):
    """A slim classifier has the detector's names without their first part."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(detector("mobilenet_v2_ssd") / "model.ckpt"))
    scope = "FeatureExtractor/MobilenetV2/"
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(scope) and "/layer_" not in name]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "model.ckpt"),
        tensor_names=[name.removeprefix("FeatureExtractor/") for name in names],
        shape_and_slices=[""] * len(names),
        tensors=[reader.get_tensor(name) for name in names],
    )

    model, before, _ = start(tmp_path, "mobilenet_v2_ssd", kind="classification")

    changed = {one.name for one in model.variables if not np.array_equal(one.numpy(), before[one.name])}
    assert changed == {name for name in before if not any(part in name for part in OPTIONAL)}


def test_a_feature_pyramid_takes_the_backbone_only(detector, start):
    """Its extra layers and predictors are others."""
    _, _, matches = start(detector("mobilenet_v2_ssd"), "mobilenet_v2_fpnlite")

    taken = [match for match in matches if match.is_taken]
    assert len(taken) == 260
    assert all(match.source.startswith("FeatureExtractor/MobilenetV2/") for match in taken)
    assert not any("Predictor" in match.variable or "FeatureMaps" in match.variable for match in taken)


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        pytest.param("mobilenet_v2_ssdlite", "mobilenet_v2_ssd", id="separable in plain"),
        pytest.param("mobilenet_v2_ssd", "mobilenet_v2_ssdlite", id="plain in separable"),
    ],
)
def test_a_head_of_another_kind_is_left_whole_and_the_table_says_why(detector, start, theirs, mine):
    """The pointwise halves of separable layers have the names and shapes of plain ones; they are not taken for them."""
    from edgetrain.networks.start.weight_matches import summary_of

    model, before, matches = start(detector(theirs), mine)

    changed = {one.name for one in model.variables if not np.array_equal(one.numpy(), before[one.name])}
    assert changed == {name for name in before if not any(part in name for part in OPTIONAL)}
    head = [one for one in matches if any(part in one.variable for part in OPTIONAL)]
    assert all(one.note.startswith("new: ") for one in head)
    assert {one.note.partition(" (")[0] for one in head} >= {"new: the checkpoint has other extra layers"}
    rest = {one.note for one in matches if not one.variable and "Depthwise" not in one.source}
    assert "left out: the network has other extra layers" in rest or mine == "mobilenet_v2_ssdlite"
    assert "260 variables taken from the checkpoint" in summary_of(matches)
    assert "; the checkpoint has a head of another kind" in summary_of(matches)


def test_another_networks_checkpoint_is_refused_and_changes_nothing(detector, start):
    with pytest.raises(TrainingError, match=r"does not fit the network's backbone: conv.*not in the checkpoint \(\d+"):
        start(detector("mobilenet_v2_ssd"), "mobilenet_v1_ssd")


def test_another_width_is_refused_with_the_shapes(detector, start):
    expected = r"the checkpoint has shape \(.*\), the network \(.*network\.depth_multiplier"
    with pytest.raises(TrainingError, match=expected):
        start(detector("mobilenet_v2_ssd"), "mobilenet_v2_ssd", depth_multiplier=0.5)


def test_the_summary_says_what_was_taken_and_what_has_no_place(detector, start):
    from edgetrain.networks.start.weight_matches import summary_of

    _, _, matches = start(detector("mobilenet_v1_ssd"), "mobilenet_v1_ssd")

    assert summary_of(matches) == (
        "199 variables taken from the checkpoint, 0 new; class predictors taken: person, Traffic_Light; "
        "background and 1 of 3 classes are new; 1 variable of it not part of this network, such as Unknown/weights "
        "(train/start_weights.csv)"
    )


def test_a_run_that_starts_from_tensorflow_1_leaves_the_table_and_says_so(detector, tmp_path):
    """The table stands in the run directory, one line for each variable of model and checkpoint."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training.loop import RunPaths, Trainer
    from edgetrain.training.recipe import Recipe

    text = pipeline_text(checkpoint_version=1, checkpoint_type="detection", depth_multiplier=1.0)
    config = parse_pipeline_config(text, where="test")
    config.train_input_reader.label_map_path = str(tmp_path / "label_map.pbtxt")
    write_text(tmp_path / "label_map.pbtxt", _label_map())

    paths = RunPaths(tmp_path, tmp_path / "history.csv", detector("mobilenet_v2_ssd") / "model.ckpt", ())
    with listening(notes := Notes()):
        Trainer(config, paths, Recipe(seed=0), cache_bytes=0)

    lines = (tmp_path / "start_weights.csv").read_text(encoding="utf-8").splitlines()
    expected = "Conv1/kernel,FeatureExtractor/MobilenetV2/Conv/weights/ExponentialMovingAverage,taken"
    assert expected in lines
    assert len(lines) == 1 + 324 + 5
    assert "324 variables taken from the checkpoint, 0 new" in str(notes.texts)
