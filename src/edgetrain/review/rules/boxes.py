"""What makes the boxes of an annotation unfit for training: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgetrain.annotations.voc import format_coordinate
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize, iou
from edgetrain.core.findings import Finding

_BOX_FIX = "Draw the box again, or remove the object."
_NEAR_IOU = 0.9
_LEAST_SIDE = 1.0
# Each pair would be compared; what so many boxes in one picture need first is too-many-boxes.
_MOST_COMPARED = 1000


@dataclass(frozen=True)
class BoxLimits:
    """What the network can see: its input side in pixels, the least side of a box there, and boxes for each picture."""

    image_size: int
    min_side: float
    most: int


def box_findings(name: str, annotation: Annotation, size: ImageSize | None) -> Iterator[Finding]:
    """Yield the faults of an annotation's boxes by themselves; ``size`` is the picture's, ``None`` if unknown."""
    for labelled in annotation.boxes:
        box = labelled.box
        if size and 0 <= box.xmin < box.xmax <= size.width and 0 <= box.ymin < box.ymax <= size.height:
            continue
        if box.xmin > box.xmax or box.ymin > box.ymax:
            side = "xmin" if box.xmin > box.xmax else "ymin"
            message = f"the box {_corners(box)} is inverted: a minimum is greater than its maximum."
            yield _finding(name, labelled, side, "box-inverted", message, "Swap the two, or draw the box again.")
        elif box.area == 0:
            side = "xmax" if box.width == 0 else "ymax"
            yield _finding(name, labelled, side, "box-empty", f"the box {_corners(box)} is empty.", _BOX_FIX)
        outside = list(_outside(box, size)) if size else []
        if outside:
            values = " and ".join(f"{side} {format_coordinate(getattr(box, side))}" for side in outside)
            message = f"{values} {'is' if len(outside) == 1 else 'are'} outside the picture ({size})."
            yield _finding(name, labelled, outside[0], "box-outside", message, "Clip the box or draw it again.")


def size_findings(name: str, annotation: Annotation, size: ImageSize, limits: BoxLimits) -> Iterator[Finding]:
    """Yield a finding for each box that is hardly there, or not at all, at the network's input size."""
    across, down = limits.image_size / max(1, size.width), limits.image_size / max(1, size.height)
    for labelled in annotation.boxes:
        width, height = labelled.box.width * across, labelled.box.height * down
        if (width >= limits.min_side and height >= limits.min_side) or width <= 0 or height <= 0:
            continue
        place = f"at the network's {limits.image_size}x{limits.image_size}"
        if min(width, height) < _LEAST_SIDE:
            message = f"the box {_corners(labelled.box)} is {width:.2g}x{height:.2g} pixels {place}, so it vanishes."
            fix = "Cut the picture into smaller ones, raise network.image_size, or remove the object."
            yield _finding(name, labelled, "xmin", "box-vanishing", message, fix)
        else:
            message = f"the box {_corners(labelled.box)} is only {width:.2g}x{height:.2g} pixels {place}."
            fix = "Training hardly learns such boxes. Cut the picture into smaller ones, or raise network.image_size."
            yield _finding(name, labelled, "xmin", "box-tiny", message, fix)


def count_findings(name: str, annotation: Annotation, most: int) -> Iterator[Finding]:
    """Yield a finding if there are more boxes than training reads for one picture."""
    if len(annotation.boxes) > most:
        message = f"the picture has {len(annotation.boxes)} boxes, but training reads {most} (network.max_boxes)."
        fix = f"Set network.max_boxes to {len(annotation.boxes)} or more, or cut the picture into smaller ones."
        yield Finding.of((name, annotation.boxes[most].line), "too-many-boxes", message, fix)


def repeat_findings(name: str, annotation: Annotation) -> Iterator[Finding]:
    """Yield a finding for each box that repeats an earlier one, exactly or nearly."""
    if len(annotation.boxes) < 2:  # noqa: PLR2004 - a single box repeats none
        return
    firsts: dict[BoundingBox, LabelledBox] = {}
    distinct = []
    for labelled in annotation.boxes:
        first = firsts.setdefault(labelled.box, labelled)
        if first is labelled:
            distinct.append(labelled)
        elif first.class_name == labelled.class_name:
            message = f"the box {_corners(labelled.box)} repeats the box of line {first.line}."
            yield _finding(name, labelled, "xmin", "box-duplicate", message, "Remove one of the two.")
        else:
            message = f"the box {_corners(labelled.box)} is {first.class_name!r} in line {first.line}."
            yield _finding(name, labelled, "class_name", "box-two-classes", message, "Keep the right class.")
    if len(distinct) <= _MOST_COMPARED:
        yield from _near_findings(name, distinct)


def _near_findings(name: str, boxes: list[LabelledBox]) -> Iterator[Finding]:
    ordered = sorted(boxes, key=lambda one: (one.box.xmin, one.line))
    for index, first in enumerate(ordered):
        # An IoU of 0.9 leaves no room for minima further apart than a tenth of the width.
        reach = first.box.xmin + (1 - _NEAR_IOU) * max(0.0, first.box.width)
        for second in ordered[index + 1 :]:
            if second.box.xmin > reach:
                break
            overlap = iou(first.box, second.box)
            if first.class_name == second.class_name and overlap >= _NEAR_IOU:
                early, late = sorted((first, second), key=lambda one: one.line)
                message = (
                    f"the box {_corners(late.box)} nearly repeats the box of line {early.line} (IoU {overlap:.2f})."
                )
                yield _finding(name, late, "xmin", "box-near-duplicate", message, "Keep the better of the two.")


def _finding(  # noqa: PLR0913, PLR0917 - one call for each rule
    name: str, labelled: LabelledBox, part: str, rule: str, message: str, fix: str
) -> Finding:
    return Finding.of((name, labelled.line_of(part)), rule, f"{labelled.class_name}: {message}", fix)


def _outside(box: BoundingBox, size: ImageSize) -> Iterator[str]:
    limits = {"xmin": size.width, "ymin": size.height, "xmax": size.width, "ymax": size.height}
    return (side for side, limit in limits.items() if not 0 <= getattr(box, side) <= limit)


def _corners(box: BoundingBox) -> str:
    return " ".join(format_coordinate(value) for value in (box.xmin, box.ymin, box.xmax, box.ymax))
