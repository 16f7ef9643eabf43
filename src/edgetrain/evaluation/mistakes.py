"""What a model does wrong in a picture: objects missed, invented, misplaced, given another class, found twice.

The kinds and their limits (IoU 0.50 for a match, 0.10 for the background) are those of TIDE
(Bolya et al. 2020, https://arxiv.org/abs/2008.08115), at one threshold for each class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from edgetrain.core.boxes import BoundingBox
from edgetrain.evaluation.metrics import Detection, Truth
from edgetrain.evaluation.thresholds import MATCHING_IOU, matches, overlap

BACKGROUND_IOU = 0.1


class Kind(Enum):
    """What became of a labelled box or of a detection."""

    RIGHT = "right"
    MISSED = "missed"
    INVENTED = "invented"
    MISPLACED = "misplaced"
    WRONG_CLASS = "wrong class"
    DOUBLE = "double"


@dataclass(frozen=True)
class Verdict:
    """A labelled box (``truth``), a detection, or both where they belong together: places in its picture's lists."""

    kind: Kind
    truth: int | None
    detection: int | None


@dataclass(frozen=True)
class JudgedPicture:
    """A picture's labelled boxes, its detections from the thresholds up (the best first), and what became of each.

    ``weaker`` has for each labelled box the best score below the threshold that would have found it, 0 without one.
    """

    truths: tuple[Truth, ...]
    detections: tuple[Detection, ...]
    verdicts: tuple[Verdict, ...]
    weaker: tuple[float, ...]

    def pairs(self) -> list[tuple[int, int]]:
        """Return (labelled class, found class) of each cell of the confusion matrix; 0 is the background.

        A misplaced detection counts as two: an object that is missed, and one that is invented.
        """
        joined = {one.truth: one.detection for one in self.verdicts if one.kind in (Kind.RIGHT, Kind.WRONG_CLASS)}
        cells = [
            (truth.class_id, 0 if (place := joined.get(number)) is None else self.detections[place].class_id)
            for number, truth in enumerate(self.truths)
        ]
        used = set(joined.values())
        return cells + [(0, one.class_id) for place, one in enumerate(self.detections) if place not in used]


def judged_picture(
    truths: Sequence[Truth], detections: Sequence[Detection], thresholds: Mapping[int, float]
) -> JudgedPicture:
    """Return what a model did right and wrong in one picture.

    Args:
        truths: the picture's labelled boxes.
        detections: everything that was found in it.
        thresholds: lowest score that counts (0 to 1), by class id.
    """
    ordered = sorted(detections, key=lambda one: -one.score)
    found = [one for one in ordered if one.score >= thresholds[one.class_id]]
    verdicts = _right(truths, found)
    verdicts += _wrong_class(truths, found, verdicts)
    owner = {one.detection: one.truth for one in verdicts}
    taken = {one.truth for one in verdicts}
    near: set[int] = set()
    for place, one in enumerate(found):
        if place in owner:
            continue
        verdict = _unmatched(truths, one, place, taken)
        verdicts.append(verdict)
        near |= {verdict.truth} if verdict.truth is not None else set()
    free = [number for number in range(len(truths)) if number not in taken | near]
    verdicts += [Verdict(Kind.MISSED, number, None) for number in free]
    weaker = tuple(_weaker(truth, ordered, thresholds[truth.class_id]) for truth in truths)
    return JudgedPicture(tuple(truths), tuple(found), tuple(verdicts), weaker)


def _right(truths: Sequence[Truth], found: Sequence[Detection]) -> list[Verdict]:
    verdicts = []
    for class_id in sorted({one.class_id for one in found}):
        ours = [number for number, one in enumerate(truths) if one.class_id == class_id]
        theirs = [place for place, one in enumerate(found) if one.class_id == class_id]
        pairs = matches([truths[number].box for number in ours], [found[place].box for place in theirs])
        verdicts += [Verdict(Kind.RIGHT, ours[m], place) for place, m in zip(theirs, pairs) if m is not None]
    return verdicts


def _wrong_class(truths: Sequence[Truth], found: Sequence[Detection], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the detections that find a labelled box of another class which none of its own class found."""
    used = {one.detection for one in verdicts}
    taken = {one.truth for one in verdicts}
    ours = [number for number in range(len(truths)) if number not in taken]
    theirs = [place for place in range(len(found)) if place not in used]
    pairs = matches([truths[number].box for number in ours], [found[place].box for place in theirs])
    return [Verdict(Kind.WRONG_CLASS, ours[m], place) for place, m in zip(theirs, pairs) if m is not None]


def _unmatched(truths: Sequence[Truth], one: Detection, place: int, taken: set[int | None]) -> Verdict:
    """Return what is wrong with a detection that finds no labelled box of its own."""
    overlaps = [overlap(truth.box, one.box) for truth in truths]
    if any(value >= MATCHING_IOU and number in taken for number, value in enumerate(overlaps)):
        return Verdict(Kind.DOUBLE, None, place)
    near = [
        (value, number)
        for number, value in enumerate(overlaps)
        if value >= BACKGROUND_IOU and truths[number].class_id == one.class_id
    ]
    if near:
        number = max(near)[1]
        return Verdict(Kind.MISPLACED, None if number in taken else number, place)
    return Verdict(Kind.INVENTED, None, place)


def _weaker(truth: Truth, ordered: Sequence[Detection], threshold: float) -> float:
    return next(
        (
            one.score
            for one in ordered
            if one.score < threshold and one.class_id == truth.class_id and overlap(truth.box, one.box) >= MATCHING_IOU
        ),
        0.0,
    )


def is_unlabelled(box: BoundingBox, truths: Sequence[Truth]) -> bool:
    """Return whether no labelled box of any class lies where a detection is."""
    return all(overlap(truth.box, box) < BACKGROUND_IOU for truth in truths)
