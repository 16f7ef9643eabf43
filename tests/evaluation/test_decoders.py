"""Each decoder against one written here from the definition, box by box in plain Python."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np
import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import ModelError
from edgetrain.evaluation.decoders import decode_of, detector_kind
from edgetrain.tflite.file import parse_tflite
from tests.support.tflite_models import ModelSpec, TensorSpec, content_of, detector, write_model

SIZE = ImageSize(96, 64)  # width is not height: a mixed-up axis shows
CELLS = [(s, x, y) for s in (8, 16, 32) for y in range(SIZE.height // s) for x in range(SIZE.width // s)]
CLASSES = 3
BOXES, LOGITS = (1, len(CELLS), 64), (1, len(CELLS), CLASSES)


def write(path, *shapes, more=()):
    """Write a file that takes a picture and has outputs of some shapes."""
    tensors = [TensorSpec("picture", (1, SIZE.height, SIZE.width, 3), "UINT8")]
    tensors += [TensorSpec(f"o{i}", shape) for i, shape in enumerate(shapes)]
    return write_model(path, ModelSpec((*tensors, *more), (), ("picture",), tuple(f"o{i}" for i in range(len(shapes)))))


def iou(one, two):
    """Return the IoU of two boxes: ymin, xmin, ymax, xmax."""
    height = min(one[2], two[2]) - max(one[0], two[0])
    width = min(one[3], two[3]) - max(one[1], two[1])
    common = max(height, 0) * max(width, 0)
    both = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, two)) - common
    return common / both if both else 0


def suppressed(candidates, most, *, each_class):
    """Return candidates (score, class, box) that no better one overlaps too much, best first."""
    kept = []
    for score, label, box in sorted(candidates, key=lambda c: -c[0]):
        rivals = [k for k in kept if not each_class or k[1] == label]
        if all(iou(box, rival[2]) <= most for rival in rivals):
            kept.append((score, label, box))
    return kept[:100]


def assert_equal(found, expected):
    assert len(found) == len(expected) > 3
    for one, (score, label, box) in zip(found, expected):
        corners = (one.box.ymin, one.box.xmin, one.box.ymax, one.box.xmax)
        assert one.class_index == label
        assert one.score == pytest.approx(score, abs=1e-5)
        assert corners == pytest.approx(box, abs=1e-5)


def test_yolo_dfl_is_what_its_definition_says(tmp_path):
    randomness = np.random.default_rng(1)
    distances, logits = randomness.normal(0, 3, BOXES), randomness.normal(-3, 2, LOGITS)
    candidates = []
    for row, (stride, x, y) in enumerate(CELLS):
        means = []
        for side in range(4):
            powers = [math.exp(value) for value in distances[0, row, 16 * side : 16 * side + 16]]
            means.append(stride * sum(i * power for i, power in enumerate(powers)) / sum(powers))
        cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
        box = (
            (cy - means[1]) / SIZE.height,
            (cx - means[0]) / SIZE.width,
            (cy + means[3]) / SIZE.height,
            (cx + means[2]) / SIZE.width,
        )
        label = int(np.argmax(logits[0, row]))
        score = 1 / (1 + math.exp(-logits[0, row, label]))
        if score >= 0.01:
            candidates.append((score, label, box))
    path = write(tmp_path / "m.tflite", BOXES, LOGITS)

    found = decode_of(path)([distances.astype(np.float32), logits.astype(np.float32)], SIZE)

    assert_equal(found, suppressed(candidates, 0.4, each_class=False))


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("unit", [1, 640], ids=["fractions", "pixels"])
def test_yolo_is_what_its_definition_says(tmp_path, is_transposed, unit):
    randomness = np.random.default_rng(2)
    values = randomness.uniform(0, 1, (4 + CLASSES, len(CELLS))).astype(np.float32)
    values[2:4] *= 0.2
    values[4:] **= 6
    scaled = values.copy()
    if unit > 1:
        scaled[[0, 2]] *= SIZE.width
        scaled[[1, 3]] *= SIZE.height
    candidates = [
        (values[4 + c, i], c, (cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2))
        for i, (cx, cy, w, h) in enumerate(values[:4].T.tolist())
        for c in range(CLASSES)
        if values[4 + c, i] >= 0.01
    ]
    given = scaled.T if is_transposed else scaled
    path = write(tmp_path / "m.tflite", (1, *given.shape))

    found = decode_of(path)([given[np.newaxis]], SIZE)

    assert_equal(found, suppressed(candidates, 0.45, each_class=True))


@pytest.mark.parametrize("is_logit", [False, True], ids=["scores", "logits"])
@pytest.mark.parametrize("corners", [False, True], ids=["centres", "corners"])
def test_efficientdet_is_what_its_definition_says(tmp_path, is_logit, corners):
    randomness = np.random.default_rng(3)
    rows = 40
    anchors = np.concatenate([randomness.uniform(0.5, 0.9, (rows, 2)), randomness.uniform(0.1, 0.4, (rows, 2))], axis=1)
    encodings = randomness.normal(0, 0.4, (1, rows, 4))
    logits = randomness.normal(-2, 2, (1, rows, CLASSES))
    scores = 1 / (1 + np.exp(-logits))
    candidates = []
    for i, (ya, xa, ha, wa) in enumerate(anchors):
        ty, tx, th, tw = encodings[0, i]
        cy, cx, h, w = ty * ha + ya, tx * wa + xa, math.exp(th) * ha, math.exp(tw) * wa
        box = (cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2)
        candidates += [(scores[0, i, c], c, box) for c in range(CLASSES) if scores[0, i, c] >= 0.01]
    stored = np.concatenate([anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2], axis=1)
    data = (stored if corners else anchors).astype(np.float32).tobytes()
    constant = TensorSpec("anchors", (rows, 4), "FLOAT32", (), data=data)
    path = write(tmp_path / "m.tflite", (1, rows, CLASSES), (1, rows, 4), more=(constant,))

    found = decode_of(path)([(logits if is_logit else scores).astype(np.float32), encodings.astype(np.float32)], SIZE)

    assert_equal(found, suppressed(candidates, 0.5, each_class=True))


@pytest.mark.parametrize(
    "order",
    [
        ("boxes", "classes", "scores", "count"),
        ("scores", "boxes", "count", "classes"),
        ("count", "classes", "boxes", "scores"),
    ],
)
def test_ssd_is_read_in_any_order(tmp_path, order):
    path = write_model(tmp_path / "m.tflite", replace(detector(), outputs=order))
    values = {
        "boxes": np.array([[[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.6, 0.6]]], np.float32),
        "classes": np.array([[2, 0]], np.float32),
        "scores": np.array([[0.9, 0.2]], np.float32),
        "count": np.array([1], np.float32),
    }

    (found,) = decode_of(path)([values[name] for name in order], SIZE)

    assert (found.class_index, found.score) == (2, pytest.approx(0.9))
    assert (found.box.ymin, found.box.xmax) == (pytest.approx(0.1), pytest.approx(0.4))


def told(path_shapes, decoder="auto", more=()):
    tensors = [TensorSpec("picture", (1, 64, 96, 3), "UINT8")]
    tensors += [TensorSpec(f"o{i}", shape) for i, shape in enumerate(path_shapes)]
    spec = ModelSpec((*tensors, *more), (), ("picture",), tuple(f"o{i}" for i in range(len(path_shapes))))
    return detector_kind(parse_tflite(content_of(spec), "m"), "m.tflite", decoder)


def test_a_flag_overrides_where_shapes_allow_it():
    assert told([(1, 9, 500)], "yolo").classes == 5


@pytest.mark.parametrize("decoder", ["ssd", "yolo-dfl", "efficientdet"])
def test_a_decoder_that_does_not_fit_is_an_error(decoder):
    with pytest.raises(ModelError, match=rf"--decoder {decoder} does not fit its outputs 1x9x500"):
        told([(1, 9, 500)], decoder)


def test_what_no_decoder_reads_is_named():
    with pytest.raises(ModelError, match=r"no detector and no classifier that is known here\. Its outputs are 1x17x3"):
        told([(1, 17, 3)])


def test_damaged_anchors_are_no_traceback(tmp_path):
    constant = TensorSpec("anchors", (40, 4), "FLOAT32", (), data=struct.pack("<f", 1.0))
    path = write(tmp_path / "m.tflite", (1, 40, CLASSES), (1, 40, 4), more=(constant,))

    with pytest.raises(ModelError, match="anchors are not 40 boxes"):
        decode_of(path)
