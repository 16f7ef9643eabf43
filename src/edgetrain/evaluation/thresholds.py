"""How each score threshold does for each class, and which threshold a rule chooses.

A detection is right where it finds a labelled box of its class that no better detection found, with IoU 0.50 or more:
the matching of COCO (https://cocodataset.org/#detection-eval). A detection is matched after all better ones, so a
higher threshold changes no match of those that stay: one matching serves all thresholds.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from edgetrain.core.boxes import BoundingBox, iou
from edgetrain.evaluation.metrics import Detection, Truth

MATCHING_IOU = 0.5
STEPS = 100
_JUST_ENOUGH = MATCHING_IOU - 1e-10
_RECALLS = 101
_MIDDLE = 0.5


class ThresholdRule(Enum):
    """What a threshold is chosen for."""

    BEST_F1 = "best-f1"
    MIN_PRECISION = "min-precision"
    MAX_FALSE_ALARMS = "max-false-alarms"


@dataclass(frozen=True)
class RuleLimits:
    """The rule and its limits: precision 0 to 1, wrong detections of one class on a hundred pictures."""

    rule: ThresholdRule
    min_precision: float = 0.9
    max_false_alarms: float = 5.0


@dataclass(frozen=True)
class ScoreCurve:
    """Counts at the thresholds 0.00, 0.01 … 1.00: ``right`` and ``wrong`` count detections with that score or more.

    ``truths`` is the number of labelled boxes. ``precision_at_recall`` is COCO's: at the recalls 0.00, 0.01 … 1.00 the
    highest precision at this recall or a higher one, 0 where none reaches it; its mean is the AP at IoU 0.50.
    """

    truths: int
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    precision_at_recall: tuple[float, ...]

    def precision(self, place: int) -> float | None:
        """Return the share of the detections that are right at a threshold; ``None`` without detections."""
        found = self.right[place] + self.wrong[place]
        return self.right[place] / found if found else None

    def recall(self, place: int) -> float | None:
        """Return the share of the labelled boxes that are found at a threshold; ``None`` without labelled boxes."""
        return self.right[place] / self.truths if self.truths else None

    def f1(self, place: int) -> float:
        """Return the harmonic mean of precision and recall at a threshold; 0 where nothing is found."""
        return 2 * self.right[place] / max(1, self.right[place] + self.wrong[place] + self.truths)


@dataclass(frozen=True)
class Threshold:
    """A threshold (0 to 1) of one class, and why it is this one; ``is_kept`` tells whether the rule could be kept."""

    value: float
    reason: str
    is_kept: bool = True

    @property
    def place(self) -> int:
        """The threshold's place among those of a curve."""
        return round(self.value * STEPS)


def matches(truths: Sequence[BoundingBox], detections: Sequence[BoundingBox]) -> list[int | None]:
    """Return for each detection of one class and picture which labelled box it finds, if any.

    Args:
        truths: labelled boxes of the class in the picture.
        detections: those of the class in the picture, the best first.
    """
    free = dict(enumerate(truths))
    found: list[int | None] = []
    for box in detections:
        overlaps = [(overlap(truth, box), place) for place, truth in free.items()]
        best = max(overlaps, default=(0.0, -1))
        found.append(best[1] if best[0] >= _JUST_ENOUGH else None)
        free.pop(best[1] if best[0] >= _JUST_ENOUGH else -1, None)
    return found


def overlap(first: BoundingBox, second: BoundingBox) -> float:
    """Return the IoU of two boxes, 0 to 1; 0 where a coordinate is infinite or not a number."""
    return iou(first, second) if first.is_finite() and second.is_finite() else 0.0


def is_counted(box: BoundingBox) -> bool:
    """Return whether COCO counts a detection that finds nothing: its area, width by height, is not below 0."""
    return not box.width * box.height < 0  # not ">=": what is no number is counted


def score_curve(truths: Sequence[Truth], detections: Sequence[Detection], class_id: int) -> ScoreCurve:
    """Return the curve of one class over all pictures."""
    boxes: dict[int, list[BoundingBox]] = {}
    for truth in truths:
        if truth.class_id == class_id:
            boxes.setdefault(truth.image_id, []).append(truth.box)
    found: dict[int, list[Detection]] = {}
    for detection in sorted(detections, key=lambda one: -one.score):
        if detection.class_id == class_id and is_counted(detection.box):
            found.setdefault(detection.image_id, []).append(detection)
    judged = [
        (one.score, match is not None)
        for image_id, ones in sorted(found.items())
        for one, match in zip(ones, matches(boxes.get(image_id, ()), [one.box for one in ones]))
    ]
    judged.sort(key=lambda pair: -pair[0])
    return curve_of(sum(map(len, boxes.values())), judged)


def curve_of(truths: int, judged: Sequence[tuple[float, bool]]) -> ScoreCurve:
    """Return the curve of detections given as score and whether they are right, the best first."""
    right = sorted(score for score, is_right in judged if is_right)
    wrong = sorted(score for score, is_right in judged if not is_right)
    steps = [place / STEPS for place in range(STEPS + 1)]
    return ScoreCurve(
        truths=truths,
        right=tuple(len(right) - bisect.bisect_left(right, step) for step in steps),
        wrong=tuple(len(wrong) - bisect.bisect_left(wrong, step) for step in steps),
        precision_at_recall=_precision_at_recall(truths, [is_right for _, is_right in judged]),
    )


def _precision_at_recall(truths: int, flags: Sequence[bool]) -> tuple[float, ...]:
    """Return COCO's precision at 101 recalls; nothing without labelled boxes."""
    if not truths:
        return ()
    recalls, precisions, right = [], [], 0
    for count, is_right in enumerate(flags, start=1):
        right += is_right
        recalls.append(right / truths)
        precisions.append(right / count)
    for place in range(len(precisions) - 2, -1, -1):
        precisions[place] = max(precisions[place], precisions[place + 1])
    # As numpy.linspace makes them: 0.29 is another number than 29 / 100 there, and the comparison is exact.
    places = [bisect.bisect_left(recalls, step * (1 / (_RECALLS - 1))) for step in range(_RECALLS)]
    return tuple(precisions[place] if place < len(precisions) else 0.0 for place in places)


def sum_of(curves: Sequence[ScoreCurve]) -> ScoreCurve:
    """Return the counts of all classes together, so that frequent ones weigh more, and the mean of their precisions.

    Args:
        curves: at least one; classes without labelled boxes count with their wrong detections.
    """
    known = [curve.precision_at_recall for curve in curves if curve.precision_at_recall]
    return ScoreCurve(
        truths=sum(curve.truths for curve in curves),
        right=tuple(map(sum, zip(*(curve.right for curve in curves)))),
        wrong=tuple(map(sum, zip(*(curve.wrong for curve in curves)))),
        precision_at_recall=tuple(sum(values) / len(known) for values in zip(*known)),
    )


def chosen_threshold(curve: ScoreCurve, limits: RuleLimits, images: int) -> Threshold:
    """Return the threshold that the rule chooses; where several do equally well, the one in their middle.

    Where the rule cannot be kept, the threshold of the best F1 is taken; without labelled boxes 0.5.

    Args:
        curve: on the pictures that choose.
        limits: the rule.
        images: number of those pictures, at least 1.
    """
    if not curve.truths:
        return Threshold(_MIDDLE, "no labelled box to choose by", is_kept=False)
    if not curve.right[0]:
        return Threshold(_MIDDLE, "none of its labelled boxes is found at any threshold", is_kept=False)
    places = range(STEPS + 1)
    if limits.rule is ThresholdRule.MIN_PRECISION:
        fit = [place for place in places if (curve.precision(place) or 0) >= limits.min_precision]
        text = f"finds most with a precision of at least {limits.min_precision:g}"
    elif limits.rule is ThresholdRule.MAX_FALSE_ALARMS:
        most = limits.max_false_alarms * images / 100
        fit = [place for place in places if curve.wrong[place] <= most and curve.right[place]]
        text = f"finds most with at most {limits.max_false_alarms:g} false alarms on a hundred pictures"
    else:
        return Threshold(_middle(_best(curve.f1, places)) / STEPS, "best F1")
    if not fit:
        return Threshold(_middle(_best(curve.f1, places)) / STEPS, f"best F1; no threshold {text}", is_kept=False)
    return Threshold(_middle(_best(lambda place: curve.right[place], fit)) / STEPS, text)


def _best(value: Callable[[int], float], places: Sequence[int]) -> list[int]:
    values = [value(place) for place in places]
    highest = max(values)
    return [place for place, one in zip(places, values) if one == highest]


def _middle(places: Sequence[int]) -> int:
    return places[len(places) // 2]
