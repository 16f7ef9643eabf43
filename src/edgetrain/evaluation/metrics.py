"""The door to pycocotools: average precision and recall as COCO defines them.

Source: https://cocodataset.org/#detection-eval. AP is the mean over IoU 0.50 to 0.95 in steps of 0.05.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgetrain.core.boxes import BoundingBox
from edgetrain.core.detections import DetectedObject
from edgetrain.records.example import DetectionExample

_BEST_DETECTIONS = 100
_IOUS = 10
_SIZES = ("small", "medium", "large")


@dataclass(frozen=True)
class Truth:
    """One ground-truth box in pixels of its picture; ``class_id`` counts from 1."""

    image_id: int
    class_id: int
    box: BoundingBox


@dataclass(frozen=True)
class Detection:
    """One detected box in pixels of its picture; ``class_id`` counts from 1, ``score`` is 0 to 1."""

    image_id: int
    class_id: int
    box: BoundingBox
    score: float


@dataclass(frozen=True)
class Metrics:
    """COCO figures, 0 to 1; ``class_ap`` by class name, ``None`` for a class without ground truth.

    ``size_ap`` has the AP of small, medium and large boxes, in COCO's sense: below 32², to 96², above 96² pixels of the
    picture; ``None`` where there is no such box.
    """

    mean_average_precision: float
    ap50: float
    ap75: float
    average_recall: float
    class_ap: dict[str, float | None]
    size_ap: dict[str, float | None] = field(default_factory=dict)


def coco_metrics(
    truths: Sequence[Truth], detections: Sequence[Detection], *, images: int, class_names: Sequence[str]
) -> Metrics:
    """Return the COCO figures of detections against ground truth.

    Args:
        truths: ground truth of pictures 0 to ``images - 1``; not empty.
        detections: the best 100 of each picture count.
        images: number of pictures, those without any object included.
        class_names: names of the classes with ids 1, 2, 3, …

    Raises:
        ValueError: there is no ground truth.
    """
    if not truths:
        raise ValueError("no ground truth to compare with")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _evaluate(_ground_truth(truths, images, class_names), detections)
    stats = evaluation.stats
    # Axes of precision: IoU thresholds, recall thresholds, classes, areas (0: all), numbers of detections (-1: 100).
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    return Metrics(
        mean_average_precision=float(stats[0]),
        ap50=float(stats[1]),
        ap75=float(stats[2]),
        average_recall=float(stats[8]),
        class_ap={name: _mean(precision[:, :, index]) for index, name in enumerate(class_names)},
        size_ap={
            name: _mean(evaluation.eval["precision"][:, :, :, index, -1]) for index, name in enumerate(_SIZES, start=1)
        },
    )


def right_by_iou(
    truths: Sequence[Truth], detections: Sequence[Detection], *, images: int, class_names: Sequence[str]
) -> list[str]:
    """Return for each detection whether it finds a labelled box, at each of COCO's ten IoU thresholds, 0.50 to 0.95.

    A text of ten ones and zeros: at a higher threshold a box may be left to a detection of a lower score. A detection
    that is not among the best 100 of its class and picture finds none.

    Args:
        truths: ground truth of pictures 0 to ``images - 1``; not empty.
        detections: those of all pictures.
        images: number of pictures.
        class_names: names of the classes with ids 1, 2, 3, …
    """
    right = ["0" * _IOUS] * len(detections)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _matched(_ground_truth(truths, images, class_names), detections)
    whole = evaluation.params.areaRng[0]
    for one in evaluation.evalImgs:
        if one is not None and one["aRng"] == whole:
            found = (one["dtMatches"] > 0).astype(int)
            for number, marks in zip(one["dtIds"], found.T):
                right[number - 1] = "".join(map(str, marks))
    return right


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    """Return the mean of the defined values (-1 marks undefined ones)."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None


def _xywh(box: BoundingBox) -> list[float]:
    return [box.xmin, box.ymin, box.width, box.height]


def _ground_truth(truths: Sequence[Truth], images: int, class_names: Sequence[str]) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in range(images)],
        "categories": [{"id": class_id, "name": name} for class_id, name in enumerate(class_names, start=1)],
        "annotations": [
            {
                "id": number,
                "image_id": truth.image_id,
                "category_id": truth.class_id,
                "bbox": _xywh(truth.box),
                "area": truth.box.area,
                "iscrowd": 0,
            }
            for number, truth in enumerate(truths, start=1)
        ],
    }
    coco.createIndex()
    return coco


def _evaluate(truth: COCO, detections: Sequence[Detection]) -> COCOeval:
    evaluation = _matched(truth, detections)
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def _matched(truth: COCO, detections: Sequence[Detection]) -> COCOeval:
    """Return an evaluation that knows which detection finds which box, and no figures yet."""
    rows = np.array([[d.image_id, *_xywh(d.box), d.score, d.class_id] for d in detections], dtype=np.float64).reshape(
        -1, 7
    )
    evaluation = COCOeval(truth, truth.loadRes(rows) if len(rows) else COCO(), "bbox")
    if not len(rows):
        evaluation.cocoDt.dataset = {"images": truth.dataset["images"], "annotations": [], "categories": []}
        evaluation.cocoDt.createIndex()
    evaluation.params.maxDets = [1, 10, _BEST_DETECTIONS]
    evaluation.evaluate()
    return evaluation


def detections_of(examples: Sequence[DetectionExample], found: Sequence[Sequence[DetectedObject]]) -> list[Detection]:
    """Return detections in pixels of their pictures; a picture's id is its place.

    Args:
        examples: the pictures.
        found: what the model found in each of them, in the same order.
    """
    return [
        Detection(image_id, item.class_index + 1, item.box.to_pixels(example.size), item.score)
        for image_id, (example, objects) in enumerate(zip(examples, found))
        for item in objects
    ]


def judge(examples: Sequence[DetectionExample], detections: Sequence[Detection], class_names: Sequence[str]) -> Metrics:
    """Return the figures of one model's detections over all pictures.

    Raises:
        ValueError: there is no ground truth.
    """
    return coco_metrics(truths_of(examples), detections, images=len(examples), class_names=class_names)


def truths_of(examples: Sequence[DetectionExample]) -> list[Truth]:
    """Return all labelled boxes in pixels of their pictures; a picture's id is its place."""
    return [
        Truth(image_id, box.class_id, box.box.to_pixels(example.size))
        for image_id, example in enumerate(examples)
        for box in example.boxes
    ]
