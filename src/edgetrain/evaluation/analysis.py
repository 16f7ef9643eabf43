"""What the page needs of an evaluation beside COCO's figures: curves, thresholds, confusions, and where mistakes are.

Everything comes from the detections that COCO's figures were made of. The result is JSON, bounded in size: of each
list the worst 24 pictures have their boxes, more are named, the rest is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgetrain.core.boxes import BoundingBox
from edgetrain.evaluation.metrics import Detection, Truth, judge, truths_of
from edgetrain.evaluation.mistakes import JudgedPicture, Kind, Verdict, is_unlabelled, judged_picture
from edgetrain.evaluation.thresholds import (
    MATCHING_IOU,
    STEPS,
    RuleLimits,
    ScoreCurve,
    Threshold,
    chosen_threshold,
    is_counted,
    score_curve,
    sum_of,
)
from edgetrain.records.example import DetectionExample

SHOWN = 24
_NAMED = 200
_DIGITS = 4
_OBJECT_GROUPS = ((1, 1, "1 object"), (2, 3, "2 or 3"), (4, 7, "4 to 7"), (8, None, "8 or more"))
_FAULT_SCORE = 0.5


@dataclass(frozen=True)
class Found:
    """Labelled pictures and what a model found in them; a picture's id is its place."""

    examples: Sequence[DetectionExample]
    detections: Sequence[Detection]


def curves_of(found: Found, class_names: Sequence[str]) -> dict[str, ScoreCurve]:
    """Return the curve of each class."""
    truths = truths_of(found.examples)
    return {name: score_curve(truths, found.detections, number) for number, name in enumerate(class_names, start=1)}


def thresholds_of(curves: Mapping[str, ScoreCurve], limits: RuleLimits, images: int) -> dict[str, Threshold]:
    """Return the threshold of each class; see :func:`chosen_threshold`."""
    return {name: chosen_threshold(curve, limits, images) for name, curve in curves.items()}


def thresholds_report(
    thresholds: Mapping[str, Threshold],
    limits: RuleLimits,
    chosen_on: tuple[str, int, Mapping[str, ScoreCurve]],
    judged_on: tuple[int, Mapping[str, ScoreCurve]],
) -> dict[str, object]:
    """Return as JSON what was chosen, by which rule, and what it buys.

    Args:
        thresholds: those of the classes.
        limits: the rule.
        chosen_on: name of the split, number of its pictures and curves that chose.
        judged_on: number of pictures and curves of the split that judges the model.
    """
    split, images, chose = chosen_on
    judged_images, judged = judged_on
    return {
        "split": split,
        "images": images,
        "rule": limits.rule.value,
        "classes": {
            name: {
                "threshold": one.value,
                "reason": one.reason,
                "is_kept": one.is_kept,
                "chosen": _counts(chose[name], one.place, images),
                "judged": _counts(judged[name], one.place, judged_images),
            }
            for name, one in thresholds.items()
        },
    }


def _counts(curve: ScoreCurve, place: int, images: int) -> dict[str, object]:
    """Return what a threshold buys on some pictures."""
    return {
        "boxes": curve.truths,
        "right": curve.right[place],
        "wrong": curve.wrong[place],
        "precision": _rounded(curve.precision(place)),
        "recall": _rounded(curve.recall(place)),
        "f1": _rounded(curve.f1(place)),
        "false_alarms_per_100": _rounded(100 * curve.wrong[place] / images),
    }


def curves_report(curves: Mapping[str, ScoreCurve]) -> dict[str, object]:
    """Return the curves as JSON: counts at each threshold, and COCO's precision at each recall."""
    rows = {name: _curve_row(curve) for name, curve in curves.items()}
    return {"steps": STEPS, "iou": MATCHING_IOU, "classes": rows, "all": _curve_row(sum_of(list(curves.values())))}


def _curve_row(curve: ScoreCurve) -> dict[str, object]:
    return {
        "boxes": curve.truths,
        "right": list(curve.right),
        "wrong": list(curve.wrong),
        "precision_at_recall": [_rounded(value) for value in curve.precision_at_recall],
    }


def object_groups(found: Found, class_names: Sequence[str]) -> list[dict[str, object]]:
    """Return AP and AP50 of the pictures with few and with many objects; groups without pictures are left out."""
    rows: list[dict[str, object]] = []
    for low, high, label in _OBJECT_GROUPS:
        ids = [
            number
            for number, one in enumerate(found.examples)
            if low <= len(one.boxes) and (high is None or len(one.boxes) <= high)
        ]
        if not ids:
            continue
        place = {image_id: number for number, image_id in enumerate(ids)}
        inside = [replace(one, image_id=place[one.image_id]) for one in found.detections if one.image_id in place]
        metrics = judge([found.examples[number] for number in ids], inside, class_names)
        boxes = sum(len(found.examples[number].boxes) for number in ids)
        rows.append(
            {
                "objects": label,
                "pictures": len(ids),
                "boxes": boxes,
                "ap": metrics.mean_average_precision,
                "ap50": metrics.ap50,
            }
        )
    return rows


def mistakes_report(found: Found, thresholds: Mapping[str, Threshold], class_names: Sequence[str]) -> dict[str, object]:
    """Return as JSON the confusion matrix, the pictures of each cell and of each kind of mistake, and label faults.

    Rows of the matrix are labelled classes, columns found ones; the last of both is the background.
    """
    pictures = _judged(found, [thresholds[name].value for name in class_names])
    cells = _cells(pictures, len(class_names))
    kinds = {kind: _of_kind(pictures, kind) for kind in Kind if kind is not Kind.RIGHT}
    faults = _label_faults(pictures, class_names)
    lists = [*cells.values(), *kinds.values(), faults]
    shown = sorted({image_id for ids in lists for image_id, *_ in ids[:SHOWN]})
    size = len(class_names) + 1
    counts = [[0] * size for _ in range(size)]
    for picture in pictures:
        for row, column in picture.pairs():
            counts[row - 1][column - 1] += 1  # the background, 0, becomes the last
    return {
        "names": [*class_names, "background"],
        "confusion": counts,
        "cells": [
            {"row": (row - 1) % size, "column": (column - 1) % size, **_listed(ids, found)}
            for (row, column), ids in sorted(cells.items())
        ],
        "kinds": {
            kind.value: {"count": sum(one.kind is kind for p in pictures for one in p.verdicts), **_listed(ids, found)}
            for kind, ids in kinds.items()
        },
        "label_faults": {
            "count": len(faults),
            "texts": [text for *_, text in faults[:SHOWN]],
            **_listed(faults, found),
        },
        "pictures": {str(number): _picture(found.examples[number], pictures[number], class_names) for number in shown},
    }


_Ranked = tuple[int, float, str]  # picture, how bad (the highest first), what a list says of it


def _judged(found: Found, thresholds: Sequence[float]) -> list[JudgedPicture]:
    truths: list[list[Truth]] = [[] for _ in found.examples]
    for truth in truths_of(found.examples):
        truths[truth.image_id].append(truth)
    detections: list[list[Detection]] = [[] for _ in found.examples]
    for one in filter(lambda one: is_counted(one.box), found.detections):
        detections[one.image_id].append(one)
    lowest = dict(enumerate(thresholds, start=1))
    return [judged_picture(ours, theirs, lowest) for ours, theirs in zip(truths, detections)]


def _cells(pictures: Sequence[JudgedPicture], classes: int) -> dict[tuple[int, int], list[_Ranked]]:
    """Return the pictures of each cell, those with the most of it first; the background is the class after the last."""
    found: dict[tuple[int, int], dict[int, int]] = {}
    for image_id, picture in enumerate(pictures):
        for row, column in picture.pairs():
            counts = found.setdefault((row or classes + 1, column or classes + 1), {})
            counts[image_id] = counts.get(image_id, 0) + 1
    return {cell: _ranked([(image_id, float(n), "") for image_id, n in of.items()]) for cell, of in found.items()}


def _ranked(ones: Sequence[_Ranked]) -> list[_Ranked]:
    """Return each picture once, the worst first."""
    seen: dict[int, _Ranked] = {}
    for one in sorted(ones, key=lambda entry: (-entry[1], entry[0])):
        seen.setdefault(one[0], one)
    return list(seen.values())


def _of_kind(pictures: Sequence[JudgedPicture], kind: Kind) -> list[_Ranked]:
    """Return the pictures with a kind of mistake: large objects missed and sure but wrong detections come first."""
    return _ranked(
        [
            (image_id, _badness(picture, verdict), "")
            for image_id, picture in enumerate(pictures)
            for verdict in picture.verdicts
            if verdict.kind is kind
        ]
    )


def _badness(picture: JudgedPicture, verdict: Verdict) -> float:
    if verdict.detection is not None:
        return picture.detections[verdict.detection].score
    return picture.truths[verdict.truth].box.area if verdict.truth is not None else 0.0


def _label_faults(pictures: Sequence[JudgedPicture], class_names: Sequence[str]) -> list[_Ranked]:
    """Return pictures with a sure detection where no label is, or where the label names another class."""
    ones: list[_Ranked] = []
    for image_id, picture in enumerate(pictures):
        for verdict in picture.verdicts:
            if verdict.detection is None or verdict.kind not in (Kind.INVENTED, Kind.WRONG_CLASS):
                continue
            found = picture.detections[verdict.detection]
            if found.score < _FAULT_SCORE:
                continue
            name = f"{class_names[found.class_id - 1]} {found.score:.2f}"
            if verdict.truth is not None:
                label = class_names[picture.truths[verdict.truth].class_id - 1]
                ones.append((image_id, found.score, f"{name} where the label says {label}"))
            elif is_unlabelled(found.box, picture.truths):
                ones.append((image_id, found.score, f"{name} where no label is"))
    return _ranked(ones)


def _listed(ids: Sequence[_Ranked], found: Found) -> dict[str, object]:
    """Return the places of the pictures that are shown, the names of more, and how many there are."""
    return {
        "total": len(ids),
        "shown": [image_id for image_id, *_ in ids[:SHOWN]],
        "named": [found.examples[image_id].source_id for image_id, *_ in ids[SHOWN : SHOWN + _NAMED]],
    }


def _picture(example: DetectionExample, picture: JudgedPicture, class_names: Sequence[str]) -> dict[str, object]:
    """Return a picture with its boxes in pixels (xmin, ymin, xmax, ymax) and what became of them."""
    of_truth = {one.truth: one.kind.value for one in picture.verdicts if one.truth is not None}
    of_detection = {one.detection: one.kind.value for one in picture.verdicts if one.detection is not None}
    return {
        "filename": example.filename,
        "source_id": example.source_id,
        "width": example.size.width,
        "height": example.size.height,
        "truths": [
            {
                "class": class_names[truth.class_id - 1],
                "box": corners(truth.box),
                "kind": of_truth.get(number, Kind.MISSED.value),
                "weaker": round(weaker, 2),
            }
            for number, (truth, weaker) in enumerate(zip(picture.truths, picture.weaker))
        ],
        "detections": [
            {
                "class": class_names[one.class_id - 1],
                "score": round(one.score, 3),
                "box": corners(one.box),
                "kind": of_detection[place],
            }
            for place, one in enumerate(picture.detections)
            if one.box.is_finite()
        ],
    }


def corners(box: BoundingBox) -> list[float]:
    """Return xmin, ymin, xmax, ymax in pixels with one decimal."""
    return [round(value, 1) for value in (box.xmin, box.ymin, box.xmax, box.ymax)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
