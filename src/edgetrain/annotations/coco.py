"""COCO JSON of object detection.

Accepted, in one file or one for each split; everything not shown is ignored::

    {"images": [{"id": 1, "file_name": "sub/0001.jpg", "width": 640, "height": 480}],
     "categories": [{"id": 90, "name": "boat"}],
     "annotations": [{"image_id": 1, "category_id": 90, "bbox": [1, 2.5, 29, 37.5], "ignore": 0, "iscrowd": 0}]}

``bbox`` is x, y, width, height in pixels; xmax and ymax are rounded to a millionth of a pixel. ``ignore`` is VOC's
``difficult``, as the common converters have it. Ids may have gaps, and may be numbers in quotes; the order of the ids
is that of the classes. A picture without annotations is a negative example. ``width`` and ``height`` may be missing
where the picture is there. A box with ``attributes.rotation`` (CVAT, degrees about its centre) becomes the box around
the turned one; an object without ``bbox`` the box around its polygons or its mask.

Left out and counted: crowds (unless they are asked for), segmentations (the box stays), keypoints. Passed over and
said: files of captions, copies, and other files about pictures that a file of objects has. A category that is the
supercategory of all others and has no box (Roboflow's root) is no class.
"""

from __future__ import annotations

import filecmp
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import ImportSource, SourceFile, parse_number, parse_size
from edgetrain.annotations.located_json import LocatedObject, read_located
from edgetrain.annotations.shapes import BoxAround, around_points, box_around_turned, box_of_run_lengths
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox
from edgetrain.core.wording import counted

_DIGITS = 6
_SIDES = 4
_WORD = re.compile(r"[a-z]+")
_BESIDE = {"keypoints", "captions", "panoptic", "stuff", "densepose", "info"}
_READ_OF = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("image_id", "category_id", "bbox", "iscrowd", "ignore"),
}
_ONLY_COUNTED = ("caption", "segments_info", "keypoints")
_ROOTS = ("", "none")


def read_coco(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, in their order."""
    pictures: list[Picture] = []
    classes = _Categories()
    passed_over: list[tuple[SourceFile, str]] = []
    read: list[SourceFile] = []
    # Files that are often beside those of the objects come last: they count only where they have other pictures.
    for file in sorted(source.files(".json"), key=lambda file: _is_beside(file.name)):
        located = read_located(file.path, file.name, reading, keep=_kept)
        if located is None:
            continue
        known = {picture.name for picture in pictures}
        reason = _passed_over(file, located, source, known) or _twin(file, located, read, source)
        if reason:
            passed_over.append((file, reason))
        else:
            read.append(file)
            reader = _FileReader(source, file, located, reading, classes)
            pictures += reader.pictures()
    for file, reason in passed_over:
        if pictures:
            reading.notes.append(f"skipped: {file.name} ({reason})")
        else:
            text = f"{reason}, not objects; this is not COCO JSON for object detection. Correct --from or the file."
            reading.fault(Place(file.name), text)
    return AnnotationSet(tuple(pictures), classes.names(reading), reading.counts())


def _kept(key: str, value: Any) -> Any:
    """Return what is read of an entry of a list: polygons and masks beside a box take most of a file."""
    names = _READ_OF.get(key)
    if names is None or not isinstance(value, dict):
        return value
    kept = {name: value[name] for name in names if name in value}
    kept.update({name: True for name in _ONLY_COUNTED if value.get(name)})
    segmentation = value.get("segmentation")
    if segmentation:
        kept["segmentation"] = segmentation if value.get("bbox") in (None, []) else True
    attributes = value.get("attributes")
    if isinstance(attributes, dict) and "rotation" in attributes:
        kept["attributes"] = {"rotation": attributes["rotation"]}
    return kept


def _is_beside(name: str) -> bool:
    return bool(_BESIDE & set(_WORD.findall(name.lower())))


def _passed_over(file: SourceFile, located: LocatedObject, source: ImportSource, known: set[str]) -> str:
    """Return what a file has instead of objects, empty for one that is read."""
    images, annotations = located.values.get("images"), located.values.get("annotations")
    if not isinstance(images, list):
        return ""
    entries = [entry for entry in annotations if isinstance(entry, dict)] if isinstance(annotations, list) else []
    if entries and all("caption" in entry and "bbox" not in entry for entry in entries):
        return counted(len(entries), "caption")
    if entries and all("segments_info" in entry for entry in entries):
        return f"panoptic segments of {counted(len(entries), 'picture')}"
    if not isinstance(annotations, list) and known:
        return f"{counted(len(images), 'picture')} without a list of annotations"
    if known and _is_beside(file.name):
        stated = [image.get("file_name") for image in images if isinstance(image, dict)]
        names = {source.stated_picture(name, Reading(), split=file.split, folder=file.folder) for name in stated}
        if names <= known:
            return f"{counted(len(entries), 'annotation')} of pictures that another file has"
    return ""


def _twin(file: SourceFile, located: LocatedObject, read: Iterable[SourceFile], source: ImportSource) -> str:
    """Return of which file that was read this one is a copy about the same pictures; empty if of none."""
    images = located.values.get("images")
    names = [image.get("file_name") for image in images if isinstance(image, dict)] if isinstance(images, list) else []

    def places(of: SourceFile) -> list[Path | None]:
        return [source.picture(name, of.split, of.folder) for name in names if isinstance(name, str)]

    twins = (one for one in read if filecmp.cmp(one.path, file.path, shallow=False) and places(one) == places(file))
    return next((f"the same as {one.name}" for one in twins), "")


def _key(value: object) -> str | None:
    """Return an id as text, so that ``1``, ``1.0`` and ``"1"`` are the same; ``None`` for what is no id."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        return None
    return str(int(value))


class _Categories:
    """The classes of all files by id, and which of them have boxes."""

    def __init__(self) -> None:
        self.by_id: dict[str, str] = {}
        self.used: set[str] = set()
        self._parents: dict[str, str] = {}

    def add(self, entry: Mapping[str, Any], place: Place, reading: Reading) -> None:
        class_id, name = _key(entry.get("id")), entry.get("name")
        is_number = class_id is not None and class_id.lstrip("-").isdecimal()
        if class_id is None or not is_number or not isinstance(name, str) or not name.strip():
            reading.fault(place, "a category needs a name, and a whole number as its id. Correct it.")
        elif self.by_id.setdefault(class_id, name.strip()) != name.strip():
            reading.fault(
                place, f"the category id {class_id} already belongs to {self.by_id[class_id]!r}. Renumber it."
            )
        else:
            self._parents[class_id] = str(entry.get("supercategory") or "").strip()

    def names(self, reading: Reading) -> tuple[str, ...]:
        """Return the names in the order of the ids, a root without boxes left out and noted."""
        root = self._root()
        if root is not None:
            text = f"the category {self.by_id[root]!r} is the parent of all others and has no box, so it is not a class"
            reading.notes.append(text)
        ids = sorted((class_id for class_id in self.by_id if class_id != root), key=int)
        return tuple(dict.fromkeys(self.by_id[class_id] for class_id in ids))

    def _root(self) -> str | None:
        for class_id, name in self.by_id.items():
            others = [parent for other, parent in self._parents.items() if other != class_id]
            is_top = self._parents[class_id].lower() in {*_ROOTS, name.lower()}
            if others and is_top and class_id not in self.used and set(others) == {name}:
                return class_id
        return None


class _FileReader:
    """Reads one file; faults stand at the object's line."""

    def __init__(
        self, source: ImportSource, file: SourceFile, located: LocatedObject, reading: Reading, classes: _Categories
    ) -> None:
        self._source, self._file, self._located, self._reading = source, file, located, reading
        self._classes = classes
        for entry, place in self._entries("categories"):
            classes.add(entry, place, reading)

    def pictures(self) -> list[Picture]:
        boxes: dict[str, list[LabelledBox]] = {}
        heads: dict[str, Picture | None] = {}
        for entry, place in self._entries("images"):
            key = _key(entry.get("id"))
            if key is None:
                self._reading.fault(place, "an image needs an id. Add it.")
            elif key in heads:
                self._reading.fault(place, f"the image id {entry['id']!r} occurs twice. Renumber one of the two.")
            else:
                heads[key] = self._head(entry, place)
                boxes[key] = []
        for entry, place in self._entries("annotations"):
            owner = _key(entry.get("image_id"))
            if owner is None or owner not in boxes:
                self._reading.fault(
                    place, f"image_id {entry.get('image_id')!r} does not match the id of any image. Correct it."
                )
                continue
            labelled = self._labelled_box(entry, place, heads[owner])
            boxes[owner] += [labelled] if labelled is not None else []
        made = ((head, boxes[key]) for key, head in heads.items() if head is not None)
        return [Picture(head.name, head.size, tuple(own), head.split, head.place) for head, own in made]

    def _entries(self, key: str) -> Iterator[tuple[Mapping[str, Any], Place]]:
        values = self._located.values.get(key)
        if not isinstance(values, list):
            missing = f'no list "{key}"; this is not COCO JSON for object detection. Correct --from or the file.'
            self._reading.fault(Place(self._file.name), missing)
            return
        for index, (value, line) in enumerate(zip(values, self._located.lines[key])):
            values[index] = None  # what has been read is let go, as what comes of it takes room
            if isinstance(value, dict):
                yield value, Place(self._file.name, line)
            else:
                self._reading.fault(Place(self._file.name, line), f'"{key}" must contain only objects. Correct it.')

    def _head(self, entry: Mapping[str, Any], place: Place) -> Picture | None:
        """Return a picture without its boxes; ``None``, with a fault, if it has no proper name."""
        file = self._file
        stated = entry.get("file_name")
        name = self._source.stated_picture(stated, self._reading, split=file.split, folder=file.folder)
        if name is None:
            self._reading.fault(place, f"file_name {stated!r} is not a relative path inside the source. Correct it.")
            return None
        size = parse_size(entry.get("width"), entry.get("height"))
        if size is None:
            path = self._source.picture(name, file.split, file.folder)
            size = self._source.size_of(path, place, name, self._reading)
        return Picture(name, size, (), file.split, place)

    def _labelled_box(self, entry: Mapping[str, Any], place: Place, picture: Picture | None) -> LabelledBox | None:
        class_id = _key(entry.get("category_id"))
        class_name = self._classes.by_id.get(class_id) if class_id is not None else None
        if class_id is None or class_name is None:
            self._reading.fault(
                place, f"category_id {entry.get('category_id')!r} does not match the id of any category. Correct it."
            )
            return None
        self._classes.used.add(class_id)
        if picture is None:
            return None
        if entry.get("iscrowd") and not self._source.choices.with_crowds:
            self._reading.lose("crowds", picture.name, picture.place)
            return None
        self._reading.boxed["crowds"] += bool(entry.get("iscrowd"))
        self._reading.left_out["keypoints"] += bool(entry.get("keypoints"))
        box = self._box(entry, place, picture)
        return LabelledBox(class_name, box, place.line, bool(entry.get("ignore"))) if box is not None else None

    def _box(self, entry: Mapping[str, Any], place: Place, picture: Picture) -> BoundingBox | None:
        if entry.get("bbox") in (None, []) and entry.get("segmentation"):
            return self._box_of_segmentation(entry["segmentation"], place, picture)
        self._reading.left_out["segmentations"] += bool(entry.get("segmentation"))
        stated = entry.get("bbox")
        sides = [parse_number(value) for value in stated] if isinstance(stated, list) else []
        known = [side for side in sides if side is not None]
        if len(known) != _SIDES or len(sides) != _SIDES:
            self._reading.fault(place, f"bbox is {stated!r}, not four numbers: x, y, width, height. Correct it.")
            return None
        x, y, width, height = known
        box = BoundingBox(x, y, round(x + width, _DIGITS), round(y + height, _DIGITS))
        attributes = entry.get("attributes")
        degrees = parse_number(attributes.get("rotation")) if isinstance(attributes, dict) else None
        if not degrees:
            return box
        if not self._source.choices.with_polygons:
            self._reading.lose("rotated boxes", picture.name, picture.place)
            return None
        self._reading.boxed["rotated boxes"] += 1
        return box_around_turned(box, degrees)

    def _box_of_segmentation(self, stated: object, place: Place, picture: Picture) -> BoundingBox | None:
        kind = "masks without a box" if isinstance(stated, dict) else "polygons without a box"
        if not self._source.choices.with_polygons:
            self._reading.lose(kind, picture.name, picture.place)
            return None
        box = _box_of_mask(stated) if isinstance(stated, dict) else _box_of_polygons(stated)
        if box is None:
            text = "the segmentation is neither a list of polygons [x, y, x, y, …] nor a run-length mask. Correct it."
            self._reading.fault(place, text)
            return None
        self._reading.boxed[kind] += 1
        return box


def _box_of_mask(stated: Mapping[str, Any]) -> BoxAround | None:
    sides = stated.get("size")
    size = parse_size(sides[1], sides[0]) if isinstance(sides, list) and len(sides) == 2 else None  # noqa: PLR2004
    return None if size is None else box_of_run_lengths(stated.get("counts"), size)


def _box_of_polygons(stated: object) -> BoxAround | None:
    polygons = stated if isinstance(stated, list) else []
    # VIA writes one polygon without the list around it (github.com/matterport/Mask_RCNN/issues/1922).
    polygons = [polygons] if polygons and not isinstance(polygons[0], list) else polygons
    if not all(isinstance(polygon, list) and len(polygon) % 2 == 0 for polygon in polygons):
        return None
    values = [parse_number(value) for polygon in polygons for value in polygon]
    known = [value for value in values if value is not None]
    return around_points(zip(known[::2], known[1::2])) if known and len(known) == len(values) else None


def render_coco(annotations: AnnotationSet) -> str:
    """Return an annotation set as COCO JSON, one object a line; ids count from 1."""
    class_ids = {name: number for number, name in enumerate(annotations.class_names(), start=1)}
    images: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for image_id, picture in enumerate(annotations.pictures, start=1):
        size = picture.size
        image: dict[str, object] = {"id": image_id, "file_name": picture.name}
        images.append(image | ({} if size is None else {"width": size.width, "height": size.height}))
        for labelled in picture.boxes:
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": image_id,
                    "category_id": class_ids[labelled.class_name],
                    "bbox": _bbox(labelled.box),
                    "area": round(labelled.box.area, _DIGITS),
                    "iscrowd": 0,
                    "ignore": int(labelled.is_difficult),
                }
            )
    categories = [{"id": class_id, "name": name} for name, class_id in class_ids.items()]
    lists = {"images": images, "categories": categories, "annotations": boxes}
    return "{\n" + ",\n".join(f'"{key}": {_render_list(values)}' for key, values in lists.items()) + "\n}\n"


def _render_list(values: Iterable[Mapping[str, object]]) -> str:
    return "[" + ",".join(f"\n  {json.dumps(value, ensure_ascii=False)}" for value in values) + "\n]"


def _bbox(box: BoundingBox) -> list[int | float]:
    sides = (box.xmin, box.ymin, round(box.width, _DIGITS), round(box.height, _DIGITS))
    return [int(side) if float(side).is_integer() else side for side in sides]
