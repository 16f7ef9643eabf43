"""YOLO labels: a text file for each picture, and the names of the classes.

Accepted: labels in ``labels/`` where the pictures are in ``images/`` (in any case, with or without folders of the
splits, above or below), or beside the pictures; names and division as in
:mod:`edgetrain.annotations.readers.yolo_files`::

    images/train/0001.jpg
    labels/train/0001.txt      0 0.5 0.5 0.25 0.125        class index from 0, centre x, centre y, width, height: 0 to 1
                               0 0.1 0.1 0.3 0.1 0.2 0.4   a polygon x y x y …; four corners are an oriented box
    data.yaml                  names: [boat, fish]   or   names: {0: boat, 1: fish}

A picture with an empty label file or none is a negative example; a label file without a picture is a fault. Fractions
are written with ten digits and read to a thousandth of a pixel. A sixth number is a score, left out and counted.

More numbers are a polygon, or with ``kpt_shape`` in ``data.yaml`` a box and its keypoints, which are left out and
counted (docs.ultralytics.com/datasets/pose). Without it, rows that may be either are a fault.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGES_NAMES
from edgetrain.annotations.import_source import (
    ImportSource,
    box_of_fractions,
    parse_number,
    read_text,
    split_of_name,
    without_images_folder,
)
from edgetrain.annotations.readers.yolo_files import NAME_LISTS, YoloFiles, read_yolo_files
from edgetrain.annotations.shapes import around, around_points
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.splits import Split
from edgetrain.core.wording import counted

_LABELS_NAMES = ("labels", "label")
_INDEX = re.compile(r"[0-9]{1,9}")
# A box in YOLO's text for Keras, behind the name of the picture: corners in pixels and the class.
_LISTED_BOX = re.compile(r"[0-9]+(?:,[0-9]+){4}")
# All of them: a file with old Macs' line ends would be one row, and that a polygon.
_LINE_END = re.compile(r"\r\n|\r|\n")
_BOX, _SCORED, _POLYGON = 5, 6, 7
_FIX = "A line is: class index, centre x, centre y, width, height. Correct it."
# How far keypoints may lie beyond their box, as a share of the picture: annotators and rounding are not exact.
_SLACK = 0.01
_VISIBILITIES = (0, 1, 2)
_MOST_FRACTION = 2
_MOST_LINES, _MOST_LETTERS = 100_000, 32 << 20


@dataclass(frozen=True)
class _Row:
    """A line of a label file: its words, the numbers behind the first one (``None`` for what is none), its place."""

    words: Sequence[str]
    values: Sequence[float | None]
    place: Place

    @property
    def numbers(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def is_long(self) -> bool:
        return len(self.words) >= _POLYGON and len(self.numbers) == len(self.values)


def read_yolo(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return all pictures below the source with their boxes, sorted by name.

    Raises:
        DatasetError: there are no names of classes.
    """
    files = read_yolo_files(source, reading)
    label_names = {name: _label_name(source, name) for name in source.picture_names}
    rows = {name: list(_read_rows(source, name, reading)) for name in sorted(set(label_names.values()) - {""})}
    is_pose = _refuse_ambiguous(rows, files, reading)
    pictures = []
    for image_name, label_name in label_names.items():
        place = Place(label_name or image_name)
        size = source.size_of(source.path(image_name), place, image_name, reading)
        split = files.splits.get(image_name) or split_of_name(PurePosixPath(image_name).parent.as_posix())
        head = Picture(without_images_folder(image_name), size, (), split, place, found_as=image_name)
        own = rows.get(label_name, ()) if size and not is_pose else ()
        boxes = (_labelled_box(row, head, files, source, reading) for row in own)
        pictures.append(replace(head, boxes=tuple(box for box in boxes if box is not None)))
    _refuse_unused(source, set(rows) | files.used, reading)
    _note_shares(source, label_names, reading)
    return AnnotationSet(tuple(pictures), files.classes, reading.counts())


def _label_name(source: ImportSource, image_name: str, suffix: str = ".txt") -> str:
    """Return a picture's label file, in the folder ``labels`` beside ``images`` or beside the picture; empty: none."""
    path = PurePosixPath(image_name).with_suffix(suffix)
    parts = path.parts
    candidates = []
    at = max((index for index, part in enumerate(parts[:-1]) if part.lower() in IMAGES_NAMES), default=None)
    if at is not None:
        folders = (*_LABELS_NAMES, *(ANNOTATIONS_NAMES if suffix != ".txt" else ()))
        candidates = [PurePosixPath(*parts[:at], folder, *parts[at + 1 :]).as_posix() for folder in folders]
    found = (source.spelled(name) for name in (*candidates, path.as_posix()))
    return next((name for name in found if name), "")


def _read_rows(source: ImportSource, name: str, reading: Reading) -> Iterator[_Row]:
    path = source.path(name)
    text = (read_text(path, name, reading) if path else "") or ""
    if len(text) > _MOST_LETTERS or text.count("\n") + text.count("\r") > _MOST_LINES:
        limits = f"{_MOST_LINES:,} lines or {_MOST_LETTERS >> 20} MiB"
        reading.fault(
            Place(name), f"the labels of one picture have more than {limits}. Check the program that wrote this file."
        )
        return
    for number, line in enumerate(_LINE_END.split(text), start=1):
        words = line.split()
        if words:
            yield _Row(words, [parse_number(word) for word in words[1:]], Place(name, number))


def _refuse_ambiguous(rows: Mapping[str, Sequence[_Row]], files: YoloFiles, reading: Reading) -> bool:
    """Return whether the long rows of a whole set may be polygons or boxes with keypoints; the first one is a fault.

    Each skeleton has the same number of points, which lie in its box: one row that is otherwise shows a set of
    polygons.
    """
    long = [row for of_file in rows.values() for row in of_file if row.is_long]
    if files.keypoint_shape is not None or not long or len({len(row.words) for row in long}) > 1:
        return False
    if not all(_may_be_pose(row.numbers) for row in long):
        return False
    text = f"{' '.join(long[0].words)!r} may be a polygon or a box with keypoints, like all {len(long)} such lines."
    fix = 'For keypoints add "kpt_shape: [POINTS, 2 or 3]" to data.yaml, for polygons "kpt_shape: []".'
    reading.fault(long[0].place, f"{text} {fix}")
    return True


def _may_be_pose(values: Sequence[float]) -> bool:
    x, y, width, height = values[:4]
    sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if min(width, height) <= 0 or min(sides) < -_SLACK or max(sides) > 1 + _SLACK:
        return False

    def is_inside(point: tuple[float, float]) -> bool:
        inside = (
            sides[0] - _SLACK <= point[0] <= sides[2] + _SLACK and sides[1] - _SLACK <= point[1] <= sides[3] + _SLACK
        )
        return inside or point == (0, 0)

    rest = values[4:]
    flat = len(rest) % 2 == 0 and all(map(is_inside, zip(rest[::2], rest[1::2])))
    seen = len(rest) % 3 == 0 and all(value in _VISIBILITIES for value in rest[2::3])
    return flat or (seen and all(map(is_inside, zip(rest[::3], rest[1::3]))))


def _labelled_box(
    row: _Row, picture: Picture, files: YoloFiles, source: ImportSource, reading: Reading
) -> LabelledBox | None:
    classes, index = files.classes, row.words[0]
    if not _INDEX.fullmatch(index) or int(index) >= len(classes):
        text = f"the class index is {index!r}, but names exist only for 0 to {len(classes) - 1}."
        reading.fault(row.place, f"{text} Correct it, or add the name.")
        return None
    box = _box(row, picture, files, source, reading)
    return None if box is None else LabelledBox(classes[int(index)], box, row.place.line)


def _box(row: _Row, picture: Picture, files: YoloFiles, source: ImportSource, reading: Reading) -> BoundingBox | None:
    shown, values = repr(" ".join(row.words))[:120], row.numbers
    points = files.keypoint_shape or 0
    is_pose = bool(points) and len(row.words) == _BOX + points
    is_odd = len(row.words) >= _POLYGON and not is_pose and (points > 0 or len(row.words) % 2 == 0)
    if len(values) != len(row.values) or len(row.words) < _BOX or is_odd:
        reading.fault(row.place, f"{shown} is not a box. {_FIX}")
        return None
    if picture.size is None:
        return None
    if len(row.words) >= _POLYGON and not is_pose:
        return _box_of_polygon(row, picture, picture.size, source, reading)
    reading.left_out["scores"] += len(row.words) == _SCORED
    reading.left_out["keypoints"] += is_pose
    x, y, width, height = values[:4]
    if max(values[:4]) > 1 + width:
        reading.fault(row.place, f"{shown} is in pixels, not in fractions of the picture. {_FIX}")
        return None
    return box_of_fractions(x - width / 2, y - height / 2, x + width / 2, y + height / 2, picture.size)


def _box_of_polygon(
    row: _Row, picture: Picture, size: ImageSize, source: ImportSource, reading: Reading
) -> BoundingBox | None:
    values = row.numbers
    if not source.choices.with_polygons:
        reading.lose("polygons", picture.name, picture.place)
        return None
    if max(values) > _MOST_FRACTION:
        shown = repr(" ".join(row.words))[:120]
        reading.fault(
            row.place,
            f"{shown} is in pixels, not in fractions of the picture. Divide the values by the picture's size.",
        )
        return None
    reading.boxed["polygons"] += 1
    box = around_points(zip(values[::2], values[1::2]))
    return around(box_of_fractions(box.xmin, box.ymin, box.xmax, box.ymax, size))


def _note_shares(source: ImportSource, label_names: Mapping[str, str], reading: Reading) -> None:
    """Note the pictures that have no label file, and those that share one; labels of another format are a fault."""
    without = [image for image, label in label_names.items() if not label]
    for image in without:
        other = next((name for suffix in _OTHER_SUFFIXES if (name := _label_name(source, image, suffix))), "")
        if other:
            text = f"{image} has this file instead of YOLO labels. {_OTHER_FIX}"
            reading.fault(Place(other), text)
    if without:
        reading.notes.append(
            f"{counted(len(without), 'picture')} without a label file, taken as negatives (first {without[0]})"
        )
    owners = Counter(label for label in label_names.values() if label)
    shared = [image for image, label in label_names.items() if owners[label] > 1]
    if shared:
        text = f"{counted(len(shared), 'picture')} share a label file with another picture and get the same boxes"
        reading.notes.append(f"{text} (first {shared[0]})")


def _refuse_unused(source: ImportSource, used: set[str], reading: Reading) -> None:
    """Note a fault for each label file that belongs to no picture: its objects would be lost."""
    for name in source.names(".txt"):
        path = PurePosixPath(name)
        is_among_labels = any(part.lower() in _LABELS_NAMES for part in path.parts[:-1])
        if name in used or path.name.lower() in NAME_LISTS:
            continue
        if is_among_labels or _looks_like_labels(source, name):
            reading.fault(Place(name), f"no picture belongs to these labels. {_UNUSED_FIX}")


_OTHER_SUFFIXES = (".xml", ".json")
_OTHER_FIX = "Import each format separately, or add an empty label file if the picture shows no object."
_UNUSED_FIX = (
    "Add it, or remove the file. Labels belong next to their pictures, or in labels/ if the pictures are in images/."
)


def _looks_like_labels(source: ImportSource, name: str) -> bool:
    path = source.path(name)
    text = read_text(path, name, Reading()) if path else ""
    first = next((line.split() for line in (text or "").splitlines() if line.strip()), [])
    is_list = len(first) > 1 and bool(_LISTED_BOX.fullmatch(first[-1]))
    return is_list or (len(first) >= _BOX and all(parse_number(word) is not None for word in first[1:_BOX]))


def render_labels(picture: Picture, classes: tuple[str, ...]) -> str:
    """Return the label file of a picture, whose size must be known."""
    size = picture.size
    if size is None:
        raise ValueError(f"{picture.name} has no size")
    lines = []
    for labelled in picture.boxes:
        box = labelled.box.normalize(size)
        sides = ((box.xmin + box.xmax) / 2, (box.ymin + box.ymax) / 2, box.xmax - box.xmin, box.ymax - box.ymin)
        lines.append(" ".join([str(classes.index(labelled.class_name)), *(f"{side:.10f}" for side in sides)]) + "\n")
    return "".join(lines)


def render_data_yaml(classes: tuple[str, ...], folders: dict[Split, str]) -> str:
    """Return ``data.yaml``: the folders of the pictures by split, and the names in the order of their indices."""
    keys = {Split.TRAIN: "train", Split.VALIDATION: "val", Split.TEST: "test"}
    lines = ["path: ."] + [f"{keys[split]}: {folder}" for split, folder in folders.items()]
    lines += ["names:"] + [f"  {index}: {json.dumps(name, ensure_ascii=False)}" for index, name in enumerate(classes)]
    return "\n".join(lines) + "\n"
