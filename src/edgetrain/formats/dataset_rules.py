"""What makes an annotation, its picture or the dataset as a whole unfit for training: values in, findings out.

Every function is pure. ``name`` is the annotation's, ``image_name`` the picture's, both relative to the dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.findings import Finding, Severity
from edgetrain.core.label_map import LabelMap, suggestion
from edgetrain.formats.dataset_parts import base_name
from edgetrain.formats.image_file import IMAGE_FIX, JPEG, PNG, ImageInfo, UnreadableImageError
from edgetrain.formats.voc import Problem, format_coordinate

_ERROR, _WARNING = Severity.ERROR.value, Severity.WARNING.value
_BOX_FIX = "Draw the box again, or remove the object."


@dataclass(frozen=True)
class Reviewed:
    """An annotation, its picture and that one's SHA-256, as far as they could be read, with their faults."""

    name: str
    annotation: Annotation | None
    image_name: str = ""
    digest: str = ""
    findings: tuple[Finding, ...] = ()


def of_problem(name: str, problem: Problem) -> Finding:
    """Return the finding of a fault that the parser met."""
    return Finding(name, problem.line, problem.rule, _ERROR, problem.message, problem.fix)


def picture_findings(name: str, annotation: Annotation, image_name: str, info: ImageInfo) -> list[Finding]:
    """Return what is wrong with a picture, and with the size and boxes stated for it."""
    return [
        *_image_findings(image_name, info),
        *_size_findings(name, annotation, image_name, info.size),
        *box_findings(name, annotation, info.size),
    ]


def image_missing(name: str, annotation: Annotation, places: str) -> Finding:
    """Return the finding of an annotation whose picture is not in ``places``."""
    message = f"the picture {annotation.filename or PurePosixPath(name).stem!r} is not in {places}."
    fix = "Add the picture, correct <filename>, or remove the annotation."
    return Finding(name, annotation.filename_line, "image-missing", _ERROR, message, fix)


def image_unreadable(image_name: str, error: UnreadableImageError) -> Finding:
    """Return the finding of a picture that cannot be read."""
    return Finding(image_name, 1, "image-unreadable", _ERROR, f"{error.reason}.", IMAGE_FIX)


def name_findings(name: str, annotation: Annotation, image_name: str) -> Iterator[Finding]:
    """Yield a finding where ``<filename>``, the picture and the annotation's own name disagree."""
    stated, found, own = annotation.filename, PurePosixPath(image_name), PurePosixPath(name).stem
    if stated is None:
        message = f"<filename> is missing; {image_name} was found by the annotation's own name."
    elif base_name(stated) != found.name:
        message = f"<filename> is {stated!r}, but the picture found is {image_name}."
    elif own not in {found.stem, found.name}:
        message = f"the picture {image_name} and the annotation have different names."
    else:
        return
    fix = "Make the names agree, and see that the boxes are those of the picture."
    yield Finding(name, annotation.filename_line, "filename-mismatch", _WARNING, message, fix)


def class_findings(name: str, annotation: Annotation, label_map: LabelMap) -> Iterator[Finding]:
    """Yield a finding for each box whose class the committed label map lacks.

    A name near to a known one is an error, any other one a new class, which will be appended to the map.
    """
    for box in annotation.boxes:
        if box.class_name not in label_map:
            near = suggestion(box.class_name, label_map.names)
            message = f"{box.class_name!r} is not in label_map.pbtxt.{near}"
            fix = "Correct the name, or add the class at the end of label_map.pbtxt."
            yield Finding(name, box.line, "class-unknown", _ERROR if near else _WARNING, message, fix)


def box_findings(name: str, annotation: Annotation, size: ImageSize | None) -> Iterator[Finding]:
    """Yield the faults of an annotation's boxes; ``size`` is the picture's, ``None`` if unknown."""
    for labelled in annotation.boxes:
        box = labelled.box
        if box.xmin > box.xmax or box.ymin > box.ymax:
            message = f"the box {_corners(box)} is inverted: a minimum is greater than its maximum."
            yield _box_finding(name, labelled, "box-inverted", message, "Swap the two, or draw the box again.")
        elif box.area == 0:
            message = f"the box {_corners(box)} is empty."
            yield _box_finding(name, labelled, "box-empty", message, _BOX_FIX)
        outside = list(_outside(box, size)) if size else []
        if outside:
            message = f"{' and '.join(outside)} {'is' if len(outside) == 1 else 'are'} outside the picture ({size})."
            yield _box_finding(name, labelled, "box-outside", message, "Clip the box or draw it again.")


def count_findings(name: str, annotation: Annotation, most: int) -> Iterator[Finding]:
    """Yield a finding if there are more boxes than training reads for one picture."""
    if len(annotation.boxes) > most:
        message = f"the picture has {len(annotation.boxes)} boxes, but training reads {most} (network.max_boxes)."
        fix = f"Set network.max_boxes to {len(annotation.boxes)} or more, or cut the picture into smaller ones."
        yield Finding(name, annotation.boxes[most].line, "too-many-boxes", _ERROR, message, fix)


def shared_findings(reviewed: Iterable[Reviewed]) -> Iterator[Finding]:
    """Yield a finding for each annotation whose picture belongs to an earlier one."""
    owners: dict[str, str] = {}
    for one in reviewed:
        owner = owners.setdefault(one.image_name, one.name) if one.image_name else one.name
        if owner != one.name and one.annotation is not None:
            message = f"the picture {one.image_name} belongs to {owner} already."
            fix = "Put all boxes into one annotation, or correct <filename>."
            yield Finding(one.name, one.annotation.filename_line, "image-shared", _ERROR, message, fix)


def twin_findings(reviewed: Iterable[Reviewed]) -> Iterator[Finding]:
    """Yield a finding for each picture that is identical to an earlier one, but labelled differently."""
    firsts: dict[str, Reviewed] = {}
    for one in reviewed:
        first = firsts.setdefault(one.digest, one) if one.digest else one
        if first.image_name != one.image_name and _labels(first) != _labels(one):
            message = f"{one.image_name} is identical to {first.image_name}, but {first.name} has other boxes."
            fix = "Remove one of the two pictures, or give both the same boxes."
            yield Finding(one.name, 1, "twin-boxes", _WARNING, message, fix)


def orphan_findings(reviewed: Sequence[Reviewed], image_names: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each picture without an annotation."""
    used = {one.image_name for one in reviewed}
    unread = {PurePosixPath(one.name).stem for one in reviewed if one.annotation is None}
    for image_name in image_names:
        if image_name not in used and PurePosixPath(image_name).stem not in unread:
            message = "the picture has no annotation, so it is not used."
            fix = "Label it; without objects, save an annotation without boxes. Or remove it."
            yield Finding(image_name, 1, "image-orphaned", _WARNING, message, fix)


def _image_findings(image_name: str, info: ImageInfo) -> Iterator[Finding]:
    if info.format not in {JPEG, PNG}:
        message = f"the picture is {info.format.upper()}, which training cannot read."
        yield Finding(image_name, 1, "image-format", _ERROR, message, "Convert it to JPEG or PNG.")
    elif not info.is_complete:
        message = "the picture is cut off: its end is missing."
        yield Finding(image_name, 1, "image-truncated", _ERROR, message, IMAGE_FIX)
    if info.exif_orientation != 1:
        message = f"the picture is stored rotated (EXIF orientation {info.exif_orientation}), which training ignores."
        fix = "Rotate the pixels, remove the EXIF orientation, and see that the boxes fit."
        yield Finding(image_name, 1, "exif-orientation", _ERROR, message, fix)


def _size_findings(name: str, annotation: Annotation, image_name: str, size: ImageSize) -> Iterator[Finding]:
    if annotation.size is None:
        message = f"<size> is missing; {image_name} is {size}."
        yield Finding(name, annotation.size_line, "size-missing", _WARNING, message, "Add <size>.")
    elif annotation.size != size:
        message = f"<size> is {annotation.size}, but {image_name} is {size}."
        fix = "Correct <size>, and see that the boxes fit the picture."
        yield Finding(name, annotation.size_line, "size-mismatch", _ERROR, message, fix)


def _box_finding(name: str, labelled: LabelledBox, rule: str, message: str, fix: str) -> Finding:
    return Finding(name, labelled.line, rule, _ERROR, f"{labelled.class_name}: {message}", fix)


def _outside(box: BoundingBox, size: ImageSize) -> Iterator[str]:
    limits = {"xmin": size.width, "ymin": size.height, "xmax": size.width, "ymax": size.height}
    for side, limit in limits.items():
        value = getattr(box, side)
        if not 0 <= value <= limit:
            yield f"{side} {format_coordinate(value)}"


def _corners(box: BoundingBox) -> str:
    return " ".join(format_coordinate(value) for value in (box.xmin, box.ymin, box.xmax, box.ymax))


def _labels(one: Reviewed) -> list[tuple[str, BoundingBox]]:
    """Return the boxes in an order that does not depend on the file's."""
    boxes = one.annotation.boxes if one.annotation else ()
    return sorted(((labelled.class_name, labelled.box) for labelled in boxes), key=repr)
