"""A part of the head is taken from a checkpoint whole, or not at all, and what reads a new part is new."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgetrain.networks.start.head_parts import part_of, whole_parts
from edgetrain.networks.start.weight_matches import NO_PLACE, Proposal, WeightMatch

EXTRA = "x/FeatureMaps/layer_19_1_Conv2d_2_1x1_256_conv/kernel"
BOX = "BoxPredictor/ConvolutionalBoxHead_0/BoxEncodingPredictor/kernel"
CLASS = "BoxPredictor/ConvolutionalClassHead_0/ClassPredictor/kernel"


def given(name, note="taken", *, other_classes=False):
    """Return a proposal; it has a value where its note says so."""
    value = np.zeros(1, np.float32) if note == "taken" else None
    return Proposal(SimpleNamespace(name=f"{name}:0"), name, value, note, other_classes)


def notes(proposals, *unplaced):
    """Return what is said of the model's and of the checkpoint's variables."""
    kept, rest = whole_parts(proposals, [WeightMatch("", source, NO_PLACE) for source in unplaced])
    return [one.note for one in kept], [one.note for one in rest]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param("block_3_expand/kernel", "", id="backbone"),
        pytest.param("FeatureExtractor/MobilenetV2/expanded_conv_3/expand/weights", "", id="TF1 backbone"),
        pytest.param("model/_feature_extractor/classification_backbone/layer-1/kernel", "", id="TF2 backbone"),
        pytest.param(EXTRA, "extra layers", id="extra layer"),
        pytest.param("FeatureExtractor/MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_512_depthwise/BatchNorm/beta",
                     "extra layers", id="TF1 extra layer"),
        pytest.param("FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_1_Conv2d_2_1x1_256/weights",
                     "extra layers", id="TF1 extra layer of v1"),
        pytest.param("model/_feature_extractor/feature_map_generator/convolutions/2/0/kernel",
                     "extra layers", id="TF2 extra layer"),
        pytest.param("model/_feature_extractor/_coarse_feature_layers/0/0/kernel", "extra layers", id="TF2 coarse"),
        pytest.param("x/bottom_up_Conv2d_20_batchnorm/beta", "extra layers", id="coarse level"),
        pytest.param(BOX, "box predictors", id="boxes"),
        pytest.param("BoxPredictor_0/BoxEncodingPredictor_depthwise/BatchNorm/beta", "box predictors", id="TF1 boxes"),
        pytest.param("model/_box_predictor/_prediction_heads/box_encodings/0/_box_encoder_layers/0/kernel",
                     "box predictors", id="TF2 boxes"),
        pytest.param(CLASS, "class predictors", id="classes"),
        pytest.param("BoxPredictor_0/ClassPredictor/biases", "class predictors", id="TF1 classes"),
        pytest.param("model/_box_predictor/_prediction_heads/class_predictions_with_background/0/x/kernel",
                     "class predictors", id="TF2 classes"),
        pytest.param("WeightSharedConvolutionalBoxPredictor/PredictionTower/conv2d_0/BatchNorm/feature_0/beta",
                     "prediction tower", id="tower"),
        pytest.param("model/_box_predictor/_base_tower_layers_for_heads/box_encodings/0/1/beta",
                     "prediction tower", id="TF2 tower"),
    ],
)  # fmt: skip
def test_a_variable_belongs_to_a_part_by_its_name(name, part):
    assert part_of(name) == part


def test_what_fits_is_taken():
    assert notes([given(EXTRA), given(BOX), given(CLASS)], "elsewhere") == (["taken"] * 3, [NO_PLACE])


def test_a_variable_too_many_in_the_checkpoint_tells_of_another_kind_of_part():
    source = "BoxPredictor_0/BoxEncodingPredictor_depthwise/depthwise_weights"

    assert notes([given(EXTRA), given(BOX), given(CLASS)], source) == (
        ["taken", f"new: the checkpoint has other box predictors ({source} too)", "taken"],
        ["left out: the network has other box predictors"],
    )


def test_a_variable_too_few_tells_too_and_what_reads_the_part_is_new():
    """The background's predictor was trained on other maps than the new extra layers make."""
    lacking = given(EXTRA.replace("kernel", "bias"), "new: not in the checkpoint")

    (first, second, box, classes), _ = notes([given(EXTRA), lacking, given(BOX), given(CLASS)])

    assert first == second == f"new: the checkpoint has other extra layers ({lacking.name}: not in the checkpoint)"
    assert box == classes == "new: it reads extra layers, which are new"


def test_other_classes_are_no_other_kind_of_part():
    """Of a separable predictor the depthwise half serves all classes."""
    depthwise = given(CLASS.replace("ClassPredictor", "ClassPredictor_depthwise"))

    assert notes([given(EXTRA), depthwise, given(CLASS, "new: 3 classes", other_classes=True)]) == (
        ["taken", "taken", "new: 3 classes"],
        [],
    )


def test_a_part_that_the_checkpoint_has_not_keeps_what_was_said_of_it():
    """As with a checkpoint that is only a backbone."""
    absent = [given(name, "new: not in the checkpoint") for name in (EXTRA, BOX, CLASS)]

    assert notes(absent, "MobilenetV2/Logits/biases") == (["new: not in the checkpoint"] * 3, [NO_PLACE])
