"""What a model found in a picture, and whether two devices found the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.boxes import BoundingBox, ImageSize, NormalizedBox, iou

_UNIT = ImageSize(1, 1)


@dataclass(frozen=True)
class DetectedObject:
    """One detection: class index from 0, score 0 to 1, box as fractions of the picture."""

    class_index: int
    score: float
    box: NormalizedBox

    def overlap(self, other: DetectedObject) -> float:
        """Return the IoU of two detections, 0 to 1; 0 for different classes."""
        if self.class_index != other.class_index:
            return 0.0
        first, second = (_pixels(found.box) for found in (self, other))
        return iou(first, second)


@dataclass(frozen=True)
class AgreementLimits:
    """When two detections count as the same.

    Objects with at least ``score`` on one device must be found on the other one with the same class, at least ``iou``,
    and a score that is at most ``score_margin`` below ``score``: one that is just at the limit may fall on either side.
    """

    score: float
    iou: float = 0.8
    score_margin: float = 0.1


@dataclass(frozen=True)
class Agreement:
    """How many of the objects that either device found both of them found; ``differing`` names the pictures."""

    objects: int
    agreed: int
    differing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Agreed objects over all objects, 0 to 1; 1 where neither device found anything."""
        return self.agreed / self.objects if self.objects else 1.0


def agreement(
    first: Mapping[str, Sequence[DetectedObject]],
    second: Mapping[str, Sequence[DetectedObject]],
    limits: AgreementLimits,
) -> Agreement:
    """Return how far the detections of two devices agree.

    Args:
        first: detections by picture.
        second: those of the other device; a picture that only one device has seen has no detections on the other.
        limits: when two detections count as the same.
    """
    objects = agreed = 0
    differing = []
    for picture in sorted({*first, *second}):
        pair = first.get(picture, ()), second.get(picture, ())
        here = [_agreed(one, other, limits) for one, other in (pair, pair[::-1])]
        objects += sum(len(flags) for flags in here)
        agreed += sum(sum(flags) for flags in here)
        if not all(map(all, here)):
            differing.append(picture)
    return Agreement(objects, agreed, tuple(differing))


def _agreed(ones: Sequence[DetectedObject], others: Sequence[DetectedObject], limits: AgreementLimits) -> list[bool]:
    """Return for each certain object of one device, best first, whether the other device has it, too."""
    left = [other for other in others if other.score >= limits.score - limits.score_margin]
    flags = []
    for one in sorted(ones, key=lambda found: -found.score):
        if one.score < limits.score:
            break
        best = max(left, key=one.overlap, default=None)
        is_there = best is not None and one.overlap(best) >= limits.iou
        if best is not None and is_there:
            left.remove(best)
        flags.append(is_there)
    return flags


def _pixels(box: NormalizedBox) -> BoundingBox:
    return box.to_pixels(_UNIT)
