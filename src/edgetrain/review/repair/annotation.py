"""What may be repaired in an annotation and its picture without asking anybody: values in, edits out.

Repaired is only what has one right answer: a box that overhangs by at most 2 pixels, a missing or wrong ``<size>``,
``<filename>`` and the picture's extension, a picture that its EXIF data turn under the boxes. Whatever is near to that
but open to doubt is left, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

from edgetrain.annotations.voc import format_coordinate
from edgetrain.annotations.voc_text import Edit, Element, UneditableError, VocText
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.dataset.layout import base_name
from edgetrain.images.image_file import JPEG, PNG, ImageInfo

MOST_OVERHANG = 2.0  # pixels: what rounding and a hasty hand leave; more may be another fault
_UPRIGHT = 1
_QUARTER_TURNS = range(5, 9)
_SUFFIXES = {JPEG: (".jpg", ".jpeg", ".jpe", ".jfif"), PNG: (".png",)}
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, order=True)
class Change:
    """One change, or one that was left undone: where, which rule of ``validate`` it concerns, and what it is."""

    file: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        """Return the change as one line of text."""
        return f"{self.file}:{self.line}: {self.text} [{self.rule}]"


@dataclass(frozen=True)
class Subject:
    """An annotation without faults of form, and what is known of its picture.

    ``image_name`` is relative to the dataset; ``info`` is ``None`` where the picture cannot be read. ``is_taken`` tells
    whether a name relative to the dataset is that of another file.
    """

    name: str
    text: VocText
    annotation: Annotation
    image_name: str
    info: ImageInfo | None
    is_taken: Callable[[str], bool]


@dataclass
class Repair:
    """What is to be done: the edits of the annotation, the picture's new name (empty: it stays), whether it is turned.

    ``changes`` lists all of it, ``left`` what a person must decide.
    """

    edits: list[Edit] = field(default_factory=list)
    new_image_name: str = ""
    is_turned: bool = False
    changes: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)


def repair_of(subject: Subject) -> Repair:
    """Return everything about one annotation and its picture that has one right answer, and what is left."""
    repair = Repair()
    info = subject.info
    is_sound = info is not None and info.is_complete and info.format in _SUFFIXES
    if info is not None and is_sound:
        _repair_extension(subject, info, repair)
    _attempt(_filename_edits, subject, repair)
    if info is not None and is_sound:
        _repair_geometry(subject, info, repair)
    return repair


def _repair_extension(subject: Subject, info: ImageInfo, repair: Repair) -> None:
    """Plan to rename a picture whose extension is not that of its content."""
    path = PurePosixPath(subject.image_name)
    if path.suffix.lower() in _SUFFIXES[info.format]:
        return
    new = path.with_suffix(_SUFFIXES[info.format][0])
    fault = f"the picture is {info.format.upper()}"
    if path.stem != PurePosixPath(subject.name).stem:
        text = f"{fault}, but it and its annotation {subject.name} have different names"
        repair.left.append(Change(subject.image_name, 1, "image-extension", text))
    elif subject.is_taken(str(new)):
        repair.left.append(Change(subject.image_name, 1, "image-extension", f"{fault}, but {new} exists already"))
    else:
        repair.new_image_name = str(new)
        repair.changes.append(Change(subject.image_name, 1, "image-extension", f"{fault}: renamed to {new.name}"))


def _filename_edits(subject: Subject, repair: Repair) -> Iterator[Edit]:
    """Yield the edit that makes ``<filename>`` the name of the picture as it will be."""
    stated = subject.annotation.filename
    found, own = PurePosixPath(subject.image_name), PurePosixPath(subject.name).stem
    wanted = PurePosixPath(repair.new_image_name or subject.image_name).name
    element = subject.text.root.child("filename")
    if own not in {found.stem, found.name}:
        text = f"the picture {subject.image_name} and the annotation have different names"
        repair.left.append(Change(subject.name, subject.annotation.filename_line, "filename-mismatch", text))
    if stated == wanted:
        return
    line = element.line if element else subject.text.root.line
    if element is None:
        yield subject.text.child_edit(subject.text.root, "filename", wanted, "path source size segmented object")
    else:
        yield subject.text.value_edit(element, wanted)
    rule = _filename_rule(stated, wanted)
    repair.changes.append(
        Change(subject.name, line, rule, f"<filename> {stated or 'missing'} \N{RIGHTWARDS ARROW} {wanted}")
    )


def _filename_rule(stated: str | None, wanted: str) -> str:
    if stated is not None and base_name(stated) == wanted:
        return "filename-path"
    is_case = stated is not None and base_name(stated).casefold() == wanted.casefold()
    return "filename-case" if is_case else "filename-mismatch"


def _repair_geometry(subject: Subject, info: ImageInfo, repair: Repair) -> None:
    """Plan to turn the picture, to correct ``<size>`` and to clip boxes, as far as their picture is certain."""
    size, stated = info.size, subject.annotation.size
    turned_size = ImageSize(size.height, size.width)
    is_quarter_turn = info.exif_orientation in _QUARTER_TURNS and size != turned_size
    if is_quarter_turn and stated == turned_size:
        if not _fits(subject.annotation, turned_size):
            text = "stored turned (EXIF), but the boxes do not fit the turned picture"
            repair.left.append(Change(subject.image_name, 1, "exif-orientation", text))
            return
        size = turned_size
        repair.is_turned = True
        how = "exactly" if info.format == PNG else "JPEG quality 95"
        text = f"EXIF orientation {info.exif_orientation} applied to the pixels ({how}) and removed"
        repair.changes.append(Change(subject.image_name, 1, "exif-orientation", text))
    elif info.exif_orientation != _UPRIGHT and not (is_quarter_turn and stated == size):
        text = (
            f"stored turned (EXIF orientation {info.exif_orientation}); nothing says which form the boxes were drawn on"
        )
        repair.left.append(Change(subject.image_name, 1, "exif-orientation", text))
        return
    if stated != size:
        doubt = _size_doubt(subject.annotation, stated, size)
        if doubt:
            text = f"<size> {stated or 'missing'}, picture {size}: {doubt}"
            line = subject.annotation.size_line
            repair.left.append(Change(subject.name, line, "size-mismatch" if stated else "size-missing", text))
            return
        if not _attempt(partial(_size_edits, size), subject, repair):
            return
    _attempt(partial(_clip_edits, size), subject, repair)


def _attempt(edits: Callable[[Subject, Repair], Iterable[Edit]], subject: Subject, repair: Repair) -> bool:
    """Add edits to the plan, all or none; tell whether there was a way."""
    known = len(repair.changes)
    try:
        repair.edits += list(edits(subject, repair))
    except UneditableError as error:
        rule = repair.changes[known].rule if len(repair.changes) > known else "xml"
        del repair.changes[known:]
        repair.left.append(Change(subject.name, 1, rule, f"to be edited by hand: {error}"))
        return False
    return True


def _size_doubt(annotation: Annotation, stated: ImageSize | None, size: ImageSize) -> str:
    """Return why a wrong ``<size>`` may not be the fault: the boxes may belong to another picture than this."""
    if not _fits(annotation, size):
        return "the boxes do not fit the picture"
    is_stated = stated is not None and stated.width > 0 and stated.height > 0
    if stated is None or not is_stated or not annotation.boxes or not _fits(annotation, stated):
        return ""
    if (stated.width, stated.height) == (size.height, size.width):
        return "the picture may have been turned after the boxes were drawn"
    if max(abs(size.width - stated.width), abs(size.height - stated.height)) <= MOST_OVERHANG:
        return ""
    scale = size.width / stated.width
    is_scaled = abs(stated.height * scale - size.height) <= max(1.0, scale)
    if is_scaled or (size.width == size.height and stated.width != stated.height):
        return "the picture may have been resized after the boxes were drawn"
    return ""


def _fits(annotation: Annotation, size: ImageSize) -> bool:
    return all(_overhang(labelled.box, size) <= MOST_OVERHANG for labelled in annotation.boxes)


def _overhang(box: BoundingBox, size: ImageSize) -> float:
    """Return by how many pixels a box is outside a picture, at most 0 if it is not."""
    xs, ys = (box.xmin, box.xmax), (box.ymin, box.ymax)
    return max(-min(xs), -min(ys), max(xs) - size.width, max(ys) - size.height)


def _size_edits(size: ImageSize, subject: Subject, repair: Repair) -> Iterator[Edit]:
    text, info = subject.text, subject.info
    sides = (("width", str(size.width)), ("height", str(size.height)))
    element = text.root.child("size")
    stated = subject.annotation.size
    line = element.line if element else text.root.line
    rule = "size-mismatch" if stated else "size-missing"
    shown = f"<size> {stated or 'missing'} \N{RIGHTWARDS ARROW} {size}"
    repair.changes.append(Change(subject.name, line, rule, shown))
    if element is None:
        depth = "1" if info is not None and info.mode == "L" else "3"
        yield text.child_edit(text.root, "size", [*sides, ("depth", depth)], "segmented object")
        return
    for name, value in sides:
        child = element.child(name)
        if child is None:
            yield text.child_edit(element, name, value, "height depth" if name == "width" else "depth")
        elif stated is None or value != str(getattr(stated, name)):
            yield text.value_edit(child, value)


def _clip_edits(size: ImageSize, subject: Subject, repair: Repair) -> Iterator[Edit]:
    for labelled, element in zip(subject.annotation.boxes, subject.text.root.all("object")):
        if _overhang(labelled.box, size) > 0:
            yield from _clip_edits_of(subject, labelled, element, size, repair)


def _clip_edits_of(
    subject: Subject, labelled: LabelledBox, element: Element, size: ImageSize, repair: Repair
) -> Iterator[Edit]:
    box, name = labelled.box, labelled.class_name
    clipped = BoundingBox(*_clipped(box, size))
    overhang = _overhang(box, size)
    if overhang > MOST_OVERHANG or clipped.area == 0:
        far = f"overhangs by {format_coordinate(round(overhang, 2))} pixels"
        text = f"{name}: the box {far if overhang > MOST_OVERHANG else 'would be empty'}; draw it again"
        repair.left.append(Change(subject.name, labelled.line, "box-outside", text))
        return
    bndbox = element.child("bndbox")
    for side in _SIDES:
        old, new = getattr(box, side), getattr(clipped, side)
        place = bndbox.child(side) if bndbox else None
        if old != new and place is not None:
            shown = f"{name}: {side} {format_coordinate(old)} \N{RIGHTWARDS ARROW} {format_coordinate(new)}"
            repair.changes.append(Change(subject.name, place.line, "box-outside", f"{shown} (picture {size})"))
            yield subject.text.value_edit(place, format_coordinate(new))


def _clipped(box: BoundingBox, size: ImageSize) -> Sequence[float]:
    limits = (size.width, size.height, size.width, size.height)
    return [min(max(0.0, getattr(box, side)), limit) for side, limit in zip(_SIDES, limits)]
