"""What is told of a quantized model, and what is advised where it costs too much."""

from __future__ import annotations

import json
import re

import pytest

from edgetrain.tflite.calibration import Calibration, LayerError

LAYERS = (
    LayerError("net/a/b/conv/Relu6", "CONV_2D", 0.05, 0),
    LayerError("net/a/b/depthwise/Relu6", "DEPTHWISE_CONV_2D", 0.4, 0.02),
    LayerError("add", "ADD", 0.2, 0.31),
    LayerError("scores", "LOGISTIC", 0.01, 0.009),
)


def _calibration(pictures=20, available=80, layers=LAYERS):
    return Calibration(pictures, available, 8, "validation", layers)


def test_the_layers_that_differ_most_are_named_with_the_end_of_their_names():
    note, _ = _calibration().notes()

    assert note.startswith("on 8 validation pictures int8 differs most from float32 in b/depthwise/Relu6 (40%), ")
    assert "add (20%), b/conv/Relu6 (5%); all layers" in note
    assert "scores" not in note


def test_ranges_that_are_too_narrow_are_noted():
    """From one value in a hundred on; the worst is named."""
    _, note = _calibration().notes()

    assert note == (
        "on 8 validation pictures 2 of 4 layers have 1% or more of their values outside the measured range, "
        "most of all add (31%)"
    )


@pytest.mark.parametrize(
    ("pictures", "layers", "expected"),
    [
        pytest.param(20, LAYERS, "20 of 80 .*: raise quantize.representative_images", id="narrow ranges"),
        pytest.param(20, LAYERS[:1], "20 of 80 .*; more of them can only widen ranges, .*", id="wide ranges"),
        pytest.param(20, (), "20 of 80 .*: raise quantize.representative_images", id="unknown ranges"),
        pytest.param(80, LAYERS, "all 80 .*: only more training pictures give more", id="all were used"),
    ],
)
def test_the_first_remedy_counts_the_pictures(pictures, layers, expected):
    first = _calibration(pictures, layers=layers).remedies()[0]

    assert re.fullmatch(expected, first)


def test_the_second_remedy_is_other_pictures_where_ranges_are_too_narrow():
    second = _calibration().remedies()[1]

    assert "2 of 4 layers" in second
    assert "or try another quantize.seed" in second


def test_wide_enough_ranges_are_said_to_be_so():
    """Then other pictures are not advised."""
    remedies = _calibration(layers=LAYERS[:1]).remedies()

    assert "on 8 validation pictures no layer has 1% of its values outside the measured range" in remedies
    assert "quantize.seed" not in "".join(remedies)


def test_without_layers_in_common_nothing_is_said_of_them():
    calibration = _calibration(layers=())

    assert calibration.notes() == ()
    assert len(calibration.remedies()) == 1


def test_a_report_gives_back_what_was_put_into_it():
    calibration = _calibration()

    report = json.loads(json.dumps({"calibration": calibration.to_results()}))

    assert Calibration.from_report(report) == calibration


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(None, id="no report"),
        pytest.param({"representative_images": 4}, id="an older report"),
        pytest.param({"calibration": 3}, id="a number"),
        pytest.param({"calibration": {"pictures": 3, "layers": []}}, id="too little"),
        pytest.param({"calibration": {"layers": [{"name": "a"}]}}, id="half a layer"),
    ],
)
def test_a_report_that_does_not_say_it_gives_nothing(report):
    assert Calibration.from_report(report) is None
