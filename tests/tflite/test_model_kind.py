"""What a model is, told from its outputs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetrain.tflite.file import parse_tflite
from edgetrain.tflite.model_kind import SSD_ORDER, TENSORFLOW_2_ORDER, kind_of
from tests.support.tflite_models import ModelSpec, TensorSpec, content_of, detector

CELLS = 8 * 8 + 4 * 4 + 2 * 2  # of a picture of 64 pixels, strides 8, 16 and 32


def kind(spec):
    return kind_of(parse_tflite(content_of(spec), "m"))


def outputs(*shapes, picture=(1, 64, 64, 3), more=()):
    """Return a graph that takes a picture and has outputs of some shapes."""
    tensors = (TensorSpec("picture", picture, "UINT8"), *(TensorSpec(f"o{i}", s) for i, s in enumerate(shapes)), *more)
    return ModelSpec(tensors, (), ("picture",), tuple(f"o{i}" for i in range(len(shapes))))


def test_a_detector_with_post_processing_names_its_outputs():
    found = kind(detector())

    assert (found.kind, found.decoder, found.outputs, found.classes) == ("detector", "ssd", SSD_ORDER, 3)
    assert found.findings == ()


def test_the_order_of_tensorflow_2_is_a_finding():
    found = kind(replace(detector(), outputs=TENSORFLOW_2_ORDER))

    assert found.outputs == TENSORFLOW_2_ORDER
    (finding,) = found.findings
    assert finding.startswith("the outputs are scores, boxes, count, classes, as TensorFlow 2.6 and later write them")
    assert 'run "ci/inv adapt"' in finding


def test_any_other_order_is_a_finding_too():
    found = kind(replace(detector(), outputs=("count", "boxes", "classes", "scores")))

    assert found.findings[0].startswith("the outputs are count, boxes, classes, scores; Frigate")


@pytest.mark.parametrize(
    ("shapes", "order"),
    [
        pytest.param(((1, 10, 4), (1, 10), (1, 10), (1,)), SSD_ORDER, id="TensorFlow 1"),
        pytest.param(((1, 10), (1, 10, 4), (1,), (1, 10)), TENSORFLOW_2_ORDER, id="TensorFlow 2"),
    ],
)
def test_four_outputs_without_their_operator_are_told_by_shape(shapes, order):
    found = kind(outputs(*shapes))

    assert (found.decoder, found.outputs) == ("ssd", order)


@pytest.mark.parametrize(
    ("shapes", "decoder", "names", "classes"),
    [
        pytest.param(
            ((1, CELLS, 64), (1, CELLS, 5)), "yolo-dfl", ("box distances", "class logits"), 5, id="distances first"
        ),
        pytest.param(
            ((1, CELLS, 1), (1, CELLS, 5), (1, CELLS, 64)),
            "yolo-dfl",
            ("best score", "class logits", "box distances"),
            5,
            id="with a best score",
        ),
        pytest.param(((1, 9, CELLS),), "yolo", ("boxes and scores",), 5, id="YOLO, channels first"),
        pytest.param(((1, CELLS, 9),), "yolo", ("boxes and scores",), 5, id="YOLO, channels last"),
        pytest.param(((1, 3 * CELLS, 10),), "", ("boxes, objectness and scores",), 5, id="YOLO before version 8"),
        pytest.param(((1, 30, 4), (1, 30, 7)), "", ("box encodings", "scores"), 7, id="no anchors"),
    ],
)
def test_a_detector_is_told_by_its_shapes(shapes, decoder, names, classes):
    found = kind(outputs(*shapes))

    assert (found.kind, found.decoder, found.outputs, found.classes) == ("detector", decoder, names, classes)


@pytest.mark.parametrize("shape", [(30, 4), (1, 30, 4)])
def test_encodings_with_anchors_in_the_file_are_efficientdet(shape):
    anchors = TensorSpec("anchors", shape, "FLOAT32", (), data=bytes(480))

    found = kind(outputs((1, 30, 7), (1, 30, 4), more=(anchors,)))

    assert (found.decoder, found.outputs) == ("efficientdet", ("scores", "box encodings"))


@pytest.mark.parametrize("count", [1, 64])
def test_classes_that_frigate_takes_for_boxes_are_a_finding(count):
    (finding,) = kind(outputs((1, CELLS, 64), (1, CELLS, count))).findings

    assert f"with {count} class" in finding
    assert "Train with one more class" in finding


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        pytest.param(((1, 1001),), "classifier", id="scores"),
        pytest.param(((1, 1, 1, 1001),), "classifier", id="scores with rank 4"),
        pytest.param(((1, 17, 3),), "other", id="points"),
        pytest.param(((1, 33, 33, 21),), "other", id="a mask"),
        pytest.param(((1, 4), (1, 4)), "other", id="two rows"),
        pytest.param((), "other", id="no output"),
    ],
)
def test_what_is_no_detector_is_named(shapes, name):
    assert kind(outputs(*shapes)).kind == name


@pytest.mark.parametrize("found", [detector(), outputs((1, 1001)), outputs((1, 17, 3)), outputs((1, 9, CELLS))])
def test_each_kind_is_one_line_for_a_person(found):
    assert "\n" not in kind(found).text()
