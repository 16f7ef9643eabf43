"""What a detector's outputs mean: boxes, classes and scores, by the decoder that fits the model.

``ssd``
    The four outputs of ``TFLite_Detection_PostProcess``, already decoded, in any order.
``yolo-dfl``
    As Frigate's ``yolo-generic`` takes it: for each cell of the grids of strides 8, 16 and 32, four distributions over
    0 to 15 (softmax of 16 logits) whose means are the distances, in strides, from the cell's centre to left, top, right
    and bottom; the score is the sigmoid of the best class logit. Overlaps above IoU 0.4 go, whatever their classes.
``yolo``
    Centre x, centre y, width, height (fractions of the picture, or pixels) and a score for each class; overlaps above
    IoU 0.45 of the same class go.
``efficientdet``
    ``ty, tx, th, tw`` against anchors: centre ``t * size + centre``, size ``exp(t) * size``; scores or logits for each
    class; overlaps above IoU 0.5 of the same class go.

Sources: TensorFlow's ``detection_postprocess.cc``; Generalized Focal Loss (arXiv 2006.04388) for the distributions and
``frigate/detectors/plugins/edgetpu_tfl.py`` of Frigate 0.17 for their use; EfficientDet (arXiv 1911.09070).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import ModelError
from edgetrain.tflite.detector import Decode
from edgetrain.tflite.editing import take_apart
from edgetrain.tflite.file import TfliteModel, read_tflite
from edgetrain.tflite.model_kind import (
    DETECTOR,
    DFL_CHANNELS,
    EFFICIENTDET,
    SSD,
    SSD_ORDER,
    STRIDES,
    YOLO,
    YOLO_DFL,
    ModelKind,
    anchors_place,
    kind_of,
)

Array = npt.NDArray[np.float32]
AUTO = "auto"
LEAST_SCORE = 0.01  # what is below changes no average precision that anybody looks at
MOST_OBJECTS = 100
NMS_IOU = {YOLO_DFL: 0.4, YOLO: 0.45, EFFICIENTDET: 0.5}
_BOX = 4
_BINS = 16
_PIXELS_FROM = 2.0  # a centre beyond twice the picture is no fraction of it
_MOST_CANDIDATES = 3000


def detector_kind(model: TfliteModel, path: Path, decoder: str = AUTO) -> ModelKind:
    """Return what a detector is.

    Args:
        model: what the file says.
        path: the file, for messages.
        decoder: one of ``ssd``, ``yolo-dfl``, ``yolo``, ``efficientdet``, or ``auto``: told from the outputs.

    Raises:
        ModelError: no decoder reads the model, or not the one that is asked for.
    """
    kind = kind_of(model)
    if decoder == AUTO and kind.decoder:
        return kind
    if decoder != AUTO and kind.decoder == decoder:
        return kind
    graph = model.subgraphs[0]
    shapes = ", ".join("x".join(map(str, graph.tensors[place].shape)) or "one value" for place in graph.outputs)
    if decoder == AUTO:
        raise ModelError(
            f"{path}: this is {kind.text()}. Its outputs are {shapes}. Name a decoder with --decoder, or export "
            "another head."
        )
    forced = _forced(graph.tensors, graph.outputs, decoder)
    if forced is None:
        told = kind.decoder or "none"
        raise ModelError(f"{path}: --decoder {decoder} does not fit its outputs {shapes} (told from them: {told}).")
    return forced


def _forced(tensors: Sequence[Any], outputs: Sequence[int], decoder: str) -> ModelKind | None:
    """Return the kind that a user says a model is, where shapes allow it but do not tell it."""
    shapes = [tensors[place].shape for place in outputs]
    if decoder == SSD and len(shapes) == len(SSD_ORDER):
        return ModelKind(DETECTOR, SSD, SSD_ORDER)
    if decoder == YOLO and len(shapes) == 1 and len(shapes[0]) == 3 and min(shapes[0][1:]) > _BOX:  # noqa: PLR2004
        return ModelKind(DETECTOR, YOLO, ("boxes and scores",), min(shapes[0][1:]) - _BOX)
    return None


def decode_of(path: Path, decoder: str = AUTO) -> Decode:
    """Return the function that turns a model's outputs, in their order, into objects, best first.

    The function takes arrays (integers already as real numbers) and the size of the model's input.

    Raises:
        ModelError: no decoder reads the model.
    """
    model = read_tflite(path)
    kind = detector_kind(model, path, decoder)
    if kind.decoder == SSD:
        return _Ssd(tuple(kind.outputs.index(name) for name in SSD_ORDER)).decode
    if kind.decoder == YOLO_DFL:
        return _YoloDfl(kind.outputs.index("box distances"), kind.outputs.index("class logits")).decode
    if kind.decoder == YOLO:
        return _decode_yolo
    boxes = kind.outputs.index("box encodings")
    return _EfficientDet(boxes, 1 - boxes, _anchors(path, model, boxes)).decode


@dataclass(frozen=True)
class _Ssd:
    """``places``: where boxes, classes, scores and count are among the outputs."""

    places: tuple[int, ...]

    def decode(self, outputs: Sequence[Any], _size: ImageSize) -> list[DetectedObject]:
        boxes, classes, scores, count = (outputs[place] for place in self.places)
        return [
            DetectedObject(int(classes[0, i]), float(scores[0, i]), NormalizedBox(*map(float, boxes[0, i])))
            for i in range(min(int(count.reshape(-1)[0]), scores.shape[1]))
        ]


@dataclass(frozen=True)
class _YoloDfl:
    """``boxes``, ``classes``: places among the outputs."""

    boxes: int
    classes: int

    def decode(self, outputs: Sequence[Any], size: ImageSize) -> list[DetectedObject]:
        logits = outputs[self.classes][0]
        scores = _sigmoid(logits)
        distances = _distances(outputs[self.boxes][0])
        centres, strides = _cells(size)
        near, far = (centres - distances[:, :2]) * strides, (centres + distances[:, 2:]) * strides
        sides = np.array([size.width, size.height], np.float32)
        corners = np.concatenate([near / sides, far / sides], axis=1)  # xmin, ymin, xmax, ymax
        best = scores.argmax(axis=1)
        rows = np.arange(len(best))
        return _suppressed(corners[:, [1, 0, 3, 2]], scores[rows, best], best, NMS_IOU[YOLO_DFL], is_each_class=False)


def _distances(logits: Array) -> Array:
    """Return the means of four distributions: float32, shape (n, 4), in strides."""
    bins = logits.reshape(-1, _BOX, DFL_CHANNELS // _BOX).astype(np.float32)
    powers = np.exp(bins - bins.max(axis=2, keepdims=True))
    means = (powers * np.arange(_BINS, dtype=np.float32)).sum(axis=2) / powers.sum(axis=2)
    return np.asarray(means, np.float32)


def _cells(size: ImageSize) -> tuple[Array, Array]:
    """Return the centre of each cell (x, y, in strides; shape (n, 2)) and its stride (shape (n, 1))."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = size.height // stride, size.width // stride
        y, x = np.mgrid[:rows, :columns]
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32) + np.float32(0.5))
        strides.append(np.full((rows * columns, 1), stride, np.float32))
    return np.concatenate(centres), np.concatenate(strides)


def _decode_yolo(outputs: Sequence[Any], size: ImageSize) -> list[DetectedObject]:
    found = outputs[0][0]
    rows = found.T if found.shape[0] < found.shape[1] else found
    centres, sides, scores = rows[:, :2], rows[:, 2:_BOX], rows[:, _BOX:].clip(0, 1)
    corners = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    if centres.max(initial=0) > _PIXELS_FROM:
        corners = corners / np.array([size.width, size.height] * 2, np.float32)
    return _of_each_class(corners[:, [1, 0, 3, 2]], scores, NMS_IOU[YOLO])


@dataclass(frozen=True)
class _EfficientDet:
    """``boxes``, ``scores``: places among the outputs; ``anchors``: float32, (n, 4), y, x, height, width."""

    boxes: int
    scores: int
    anchors: Array

    def decode(self, outputs: Sequence[Any], size: ImageSize) -> list[DetectedObject]:
        encodings, scores = outputs[self.boxes][0], outputs[self.scores][0]
        if scores.min(initial=0) < 0 or scores.max(initial=0) > 1.01:  # noqa: PLR2004 - a quantized 1 may be a little more
            scores = _sigmoid(scores)
        centres = encodings[:, :2] * self.anchors[:, 2:] + self.anchors[:, :2]
        sides = np.exp(encodings[:, 2:]) * self.anchors[:, 2:]
        corners = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
        if self.anchors[:, :2].max(initial=0) > _PIXELS_FROM:
            corners = corners / np.array([size.height, size.width] * 2, np.float32)
        return _of_each_class(corners, scores.clip(0, 1), NMS_IOU[EFFICIENTDET])


def _anchors(path: Path, model: TfliteModel, boxes: int) -> Array:
    """Return the anchors of a file as centre and size, whichever way they stand there.

    Corners (ymin, xmin, ymax, xmax) are told by their order: each second corner is beyond the first.
    """
    graph = model.subgraphs[0]
    rows = graph.tensors[graph.outputs[boxes]].shape[1]
    place = anchors_place(graph, rows)
    content = take_apart(path.read_bytes(), str(path)).tensors[place or 0].data or b""
    if len(content) != rows * _BOX * np.dtype(np.float32).itemsize:
        raise ModelError(f"{path}: its anchors are not {rows} boxes of float32. Export the model again.")
    found = np.frombuffer(content, np.float32).reshape(-1, _BOX)
    if not (found[:, 2:] > found[:, :2]).all():
        return found
    return np.concatenate([(found[:, :2] + found[:, 2:]) / 2, found[:, 2:] - found[:, :2]], axis=1)


def _of_each_class(corners: Array, scores: Array, most_overlap: float) -> list[DetectedObject]:
    """Return the objects of boxes that each have a score for every class."""
    rows, classes = np.nonzero(scores >= LEAST_SCORE)
    return _suppressed(corners[rows], scores[rows, classes], classes, most_overlap, is_each_class=True)


def _suppressed(
    corners: Array, scores: Array, classes: npt.NDArray[np.int64], most_overlap: float, *, is_each_class: bool
) -> list[DetectedObject]:
    """Return the objects that no better one overlaps too much, best first.

    Args:
        corners: float32, shape (n, 4), fractions of the picture: ymin, xmin, ymax, xmax.
        scores: shape (n,), 0 to 1.
        classes: shape (n,), from 0.
        most_overlap: IoU up to which two boxes are two objects.
        is_each_class: boxes of different classes do not suppress each other.
    """
    order = np.argsort(-scores, kind="stable")
    left = order[scores[order] >= LEAST_SCORE][:_MOST_CANDIDATES]
    found: list[DetectedObject] = []
    while len(left) and len(found) < MOST_OBJECTS:
        best, left = left[0], left[1:]
        found.append(DetectedObject(int(classes[best]), float(scores[best]), NormalizedBox(*map(float, corners[best]))))
        is_apart = _overlaps(corners[best], corners[left]) <= most_overlap
        left = left[is_apart | (classes[left] != classes[best])] if is_each_class else left[is_apart]
    return found


def _overlaps(box: Array, others: Array) -> Array:
    """Return the IoU of one box with each of the others."""
    near, far = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = (far - near).clip(0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).clip(0).prod(axis=1) + (box[2:] - box[:2]).clip(0).prod()
    both = areas - common
    return np.asarray(np.divide(common, both, out=np.zeros_like(common), where=both > 0))


def _sigmoid(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float32).clip(-80, 80))))
