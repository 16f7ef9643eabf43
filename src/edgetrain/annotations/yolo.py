"""YOLO labels: a text file for each picture, and the names of the classes. The only door to PyYAML.

Accepted: labels in ``labels/`` where the pictures are in ``images/`` (with or without folders of the splits, above or
below), or beside the pictures; names in ``data.yaml`` (any ``.yaml`` with ``names``), ``obj.names``, ``classes.txt``::

    images/train/0001.jpg
    labels/train/0001.txt      0 0.5 0.5 0.25 0.125        class index from 0, centre x, centre y, width, height: 0 to 1
    data.yaml                  names: [boat, fish]   or   names: {0: boat, 1: fish}

A picture with an empty label file or none is a negative example. Fractions are written with ten digits and read to a
thousandth of a pixel. A sixth number is a score, left out and counted; more numbers are a polygon.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import (
    ImportSource,
    box_of_fractions,
    enclosing_box,
    parse_number,
    read_text,
    split_of_name,
    without_images_folder,
)
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split

_NAME_LISTS = ("classes.txt", "obj.names")
_INDEX = re.compile(r"[0-9]{1,9}")
_BOX, _SCORED, _POLYGON = 5, 6, 7
_FIX = "A line is: class index, centre x, centre y, width, height. Correct it."


def read_yolo(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return all pictures below the source with their boxes, sorted by name.

    Raises:
        DatasetError: there are no names of classes.
    """
    classes = _read_classes(source, reading)
    pictures = []
    used = set()
    for image_name in source.picture_names:
        label_name = next((name for name in _label_names(image_name) if source.path(name)), None)
        used.add(label_name)
        place = Place(label_name or image_name)
        size = source.size_of(source.path(image_name), place, image_name, reading)
        boxes = _read_labels(source, label_name, classes, size, reading) if label_name and size else ()
        split = split_of_name(PurePosixPath(image_name).parent.as_posix())
        name = without_images_folder(image_name)
        pictures.append(Picture(name, size, tuple(boxes), split, place, found_as=image_name))
    for file in source.files(".txt", ".yaml", ".yml", ".names"):
        if "labels" in PurePosixPath(file.folder).parts and file.name not in used and file.path.suffix == ".txt":
            reading.fault(Place(file.name), "there is no picture for these labels. Add it, or remove the file.")
    return AnnotationSet(tuple(pictures), classes, dict(reading.left_out))


def _label_names(image_name: str) -> Iterator[str]:
    """Yield where a picture's labels may be: in the folder ``labels`` beside ``images``, or beside the picture."""
    path = PurePosixPath(image_name).with_suffix(".txt")
    parts = path.parts
    if "images" in parts[:-1]:
        at = len(parts) - 1 - parts[::-1].index("images")
        yield PurePosixPath(*parts[:at], "labels", *parts[at + 1 :]).as_posix()
    yield path.as_posix()


def _read_classes(source: ImportSource, reading: Reading) -> tuple[str, ...]:
    """Return the names of the classes; files that disagree about them are a fault."""
    found: dict[str, list[str]] = {}
    for file in source.files(".yaml", ".yml", ".names", ".txt"):
        is_yaml = file.path.suffix.lower() in {".yaml", ".yml"}
        if not is_yaml and PurePosixPath(file.name).name not in _NAME_LISTS:
            continue
        text = read_text(file.path, file.name, reading) or ""
        names = _names_of_yaml(text, file.name, reading) if is_yaml else [line.strip() for line in text.splitlines()]
        while names and not names[-1]:
            names.pop()
        for number, name in enumerate(names, start=1):
            if not name or names.index(name) != number - 1:
                what = "is empty" if not name else f"{name!r} stands twice"
                reading.fault(Place(file.name, 1 if is_yaml else number), f"a class name {what}. Correct the names.")
        if names:
            found[file.name] = names
    if not found:
        reading.raise_faults("Nothing was written.")
        raise DatasetError(
            f"{source.root}: no names of classes (data.yaml, obj.names or classes.txt). Add one of them."
        )
    first = next(iter(found))
    for name in (name for name, names in found.items() if names != found[first]):
        reading.fault(Place(name), f"the names of the classes are others than those of {first}. Remove one of the two.")
    return tuple(found[first])


def _names_of_yaml(text: str, name: str, reading: Reading) -> list[str]:
    """Return the names in the order of their indices; none if the file is about something else."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reading.fault(Place(name, mark.line + 1 if mark else 1), "this is not YAML. Correct the file.")
        return []
    names = value.get("names") if isinstance(value, dict) else None
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            reading.fault(Place(name), "the indices of the names are not 0, 1, 2, … without a gap. Correct them.")
        names = [names[index] for index in sorted(names, key=lambda index: (len(str(index)), str(index)))]
    return [str(entry).strip() for entry in names] if isinstance(names, list) else []


def _read_labels(
    source: ImportSource, name: str, classes: tuple[str, ...], size: ImageSize, reading: Reading
) -> Iterator[LabelledBox]:
    path = source.path(name)
    text = read_text(path, name, reading) if path else ""
    for number, line in enumerate((text or "").split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        place = Place(name, number)
        if not _INDEX.fullmatch(words[0]) or int(words[0]) >= len(classes):
            index = f"the class index is {words[0]!r}, but the names are those of 0 to {len(classes) - 1}."
            reading.fault(place, f"{index} Correct it, or add the name.")
            continue
        box = _parse_box(words, size, place, with_polygons=source.with_polygons, reading=reading)
        if box is not None:
            yield LabelledBox(classes[int(words[0])], box, number)


def _parse_box(
    words: list[str], size: ImageSize, place: Place, *, with_polygons: bool, reading: Reading
) -> BoundingBox | None:
    values = [value for word in words[1:] if (value := parse_number(word)) is not None]
    if len(values) != len(words) - 1 or len(words) < _BOX or (len(words) >= _POLYGON and len(words) % 2 == 0):
        reading.fault(place, f"{' '.join(words)!r} is no box. {_FIX}")
        return None
    if len(words) >= _POLYGON:
        if not with_polygons:
            reading.left_out["polygons"] += 1
            return None
        around = enclosing_box(zip(values[::2], values[1::2]))
        return box_of_fractions(around.xmin, around.ymin, around.xmax, around.ymax, size)
    reading.left_out["scores"] += len(words) == _SCORED
    x, y, width, height = values[:4]
    if max(values[:4]) > 1 + width:
        reading.fault(place, f"{' '.join(words)!r} is in pixels, not in fractions of the picture. {_FIX}")
        return None
    return box_of_fractions(x - width / 2, y - height / 2, x + width / 2, y + height / 2, size)


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
