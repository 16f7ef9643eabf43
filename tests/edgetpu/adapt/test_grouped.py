"""Grouped convolutions that stay as they are, and why."""

from __future__ import annotations

import struct

import pytest

from edgetrain.edgetpu.adapt.grouped import group_count, without_grouped
from edgetrain.edgetpu.adapt.versions import with_lower_versions
from edgetrain.tflite.editing import EditedModel, EditedOperator, EditedTensor


def convolution(channels=8, each=1, outputs=8, **changes):
    """Return a model of one grouped convolution, its weights changed."""
    given = {"type": "INT8", "shape": (outputs, 3, 3, each), "data": bytes(outputs * 9 * each)}
    weights = EditedTensor("w", **{**given, "scales": (0.1,) * outputs, "zero_points": (0,) * outputs, **changes})
    tensors = (
        EditedTensor("x", "INT8", (1, 4, 4, channels), scales=(0.5,), zero_points=(0,)),
        weights,
        EditedTensor("b", "INT32", (outputs,), struct.pack(f"<{outputs}i", *range(outputs))),
        EditedTensor("y", "INT8", (1, 4, 4, outputs), scales=(0.5,), zero_points=(0,)),
    )
    options = {"Padding": 0, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    operator = EditedOperator("CONV_2D", 6, (0, 1, 2), (3,), kind="Conv2DOptions", options=options)
    return EditedModel(tensors, (operator,), (0,), (3,), "", "", (), (), ())


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(convolution(data=None), "computed, or not whole", id="computed weights"),
        pytest.param(convolution(data=bytes(5)), "computed, or not whole", id="half the weights"),
        pytest.param(convolution(type="INT4"), "its weights are INT4", id="int4"),
        pytest.param(convolution(outputs=12), "12 channels do not divide into 8 groups", id="channels"),
        pytest.param(convolution(axis=3), "along another axis", id="axis"),
        pytest.param(convolution(channels=128, each=2, outputs=64), "at most 32 are worth it", id="many groups"),
    ],
)
def test_what_stays_is_named(model, reason):
    after, changes, kept = without_grouped(model)

    assert (after, changes) == (model, [])
    assert "the grouped CONV_2D that makes 'y'" in kept[0]
    assert reason in kept[0]


def test_a_depth_multiplier_takes_more_outputs_than_inputs():
    after, _, _ = without_grouped(convolution(channels=4, outputs=8))

    (operator,) = after.operators
    assert (operator.name, operator.options["DepthMultiplier"]) == ("DEPTHWISE_CONV_2D", 2)
    assert after.tensors[operator.inputs[1]].shape == (1, 3, 3, 8)


def test_each_group_has_its_own_scales_and_bias():
    after, _, _ = without_grouped(
        convolution(channels=4, each=2, scales=tuple(float(number) for number in range(1, 9)), outputs=8)
    )

    second = after.operators[2]
    weights, bias = (after.tensors[place] for place in second.inputs[1:])
    assert (weights.scales, struct.unpack("<4i", bias.data)) == ((5.0, 6.0, 7.0, 8.0), (4, 5, 6, 7))


def test_a_plain_convolution_has_no_groups():
    model = convolution(channels=1)

    assert group_count(model, model.operators[0]) is None


def test_a_version_that_is_needed_stays():
    model, changes, kept = with_lower_versions(convolution())

    assert (model.operators[0].version, changes) == (6, [])
    assert kept == ["CONV_2D version 6: it is a grouped convolution"]
