"""COCO JSON of object detection.

Accepted, in one file or one for each split; everything not shown is ignored::

    {"images": [{"id": 1, "file_name": "sub/0001.jpg", "width": 640, "height": 480}],
     "categories": [{"id": 90, "name": "boat"}],
     "annotations": [{"image_id": 1, "category_id": 90, "bbox": [1, 2.5, 29, 37.5], "ignore": 0, "iscrowd": 0}]}

``bbox`` is x, y, width, height in pixels; xmax and ymax are rounded to a millionth of a pixel. ``ignore`` is VOC's
``difficult``, as the common converters have it. Ids may have gaps; the order of the ids is that of the classes. A
picture without annotations is a negative example. ``width`` and ``height`` may be missing where the picture is there.

Left out and counted: crowds, segmentations (the box stays), keypoints, boxes that are missing (unless they are made
from polygons).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import (
    ImportSource,
    SourceFile,
    enclosing_box,
    parse_number,
    parse_size,
    safe_name,
)
from edgetrain.annotations.located_json import LocatedObject, read_located
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox

_DIGITS = 6
_SIDES = 4


def read_coco(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, in their order."""
    pictures: list[Picture] = []
    classes: dict[int, str] = {}
    for file in source.files(".json"):
        located = read_located(file.path, file.name, reading)
        if located is not None:
            reader = _FileReader(source, file, located, reading)
            pictures += reader.pictures()
            classes.update(reader.classes)
    names = dict.fromkeys(classes[class_id] for class_id in sorted(classes))
    return AnnotationSet(tuple(pictures), tuple(names), dict(reading.left_out))


class _FileReader:
    """Reads one file; faults stand at the object's line."""

    def __init__(self, source: ImportSource, file: SourceFile, located: LocatedObject, reading: Reading) -> None:
        self._source, self._file, self._located, self._reading = source, file, located, reading
        self.classes: dict[int, str] = {}
        for entry, place in self._entries("categories"):
            class_id, name = entry.get("id"), entry.get("name")
            if not isinstance(class_id, int) or not isinstance(name, str) or not name.strip():
                reading.fault(place, "a category needs a whole number as id and a name. Correct it.")
            elif self.classes.setdefault(class_id, name.strip()) != name.strip():
                reading.fault(place, f"the category id {class_id} is {self.classes[class_id]!r} already. Renumber it.")

    def pictures(self) -> list[Picture]:
        boxes: dict[object, list[LabelledBox]] = {}
        places: dict[object, tuple[Mapping[str, Any], Place]] = {}
        for entry, place in self._entries("images"):
            if not isinstance(entry.get("id"), (int, str)):
                self._reading.fault(place, "an image needs an id. Add it.")
            elif entry["id"] in places:
                self._reading.fault(place, f"the image id {entry['id']!r} stands twice. Renumber one of the two.")
            else:
                places[entry["id"]] = (entry, place)
                boxes[entry["id"]] = []
        for entry, place in self._entries("annotations"):
            labelled = self._labelled_box(entry, place)
            owner = entry.get("image_id")
            if not isinstance(owner, (int, str)) or owner not in boxes:
                self._reading.fault(place, f"image_id {owner!r} is the id of no image. Correct it.")
            elif labelled is not None:
                boxes[owner].append(labelled)
        made = (self._picture(entry, place, boxes[key]) for key, (entry, place) in places.items())
        return [picture for picture in made if picture is not None]

    def _entries(self, key: str) -> Iterable[tuple[Mapping[str, Any], Place]]:
        values = self._located.values.get(key)
        if not isinstance(values, list):
            missing = f'no list "{key}"; this is not COCO JSON of object detection. Correct --from or the file.'
            self._reading.fault(Place(self._file.name), missing)
            return
        for value, line in zip(values, self._located.lines[key]):
            if isinstance(value, dict):
                yield value, Place(self._file.name, line)
            else:
                self._reading.fault(Place(self._file.name, line), f'"{key}" must hold objects only. Correct it.')

    def _picture(self, entry: Mapping[str, Any], place: Place, boxes: list[LabelledBox]) -> Picture | None:
        stated = entry.get("file_name")
        name = safe_name(stated) if isinstance(stated, str) else None
        if name is None:
            self._reading.fault(place, f"file_name {stated!r} is no relative path below the source. Correct it.")
            return None
        size = parse_size(entry.get("width"), entry.get("height"))
        if size is None:
            path = self._source.picture(name, self._file.split, self._file.folder)
            size = self._source.size_of(path, place, name, self._reading)
        return Picture(name, size, tuple(boxes), self._file.split, place)

    def _labelled_box(self, entry: Mapping[str, Any], place: Place) -> LabelledBox | None:
        class_name = self.classes.get(entry["category_id"]) if isinstance(entry.get("category_id"), int) else None
        if class_name is None:
            self._reading.fault(
                place, f"category_id {entry.get('category_id')!r} is the id of no category. Correct it."
            )
            return None
        if entry.get("iscrowd"):
            self._reading.left_out["crowds"] += 1
            return None
        if entry.get("keypoints"):
            self._reading.left_out["keypoints"] += 1
        if entry.get("segmentation"):
            self._reading.left_out["segmentations"] += 1
        box = self._box(entry, place)
        return LabelledBox(class_name, box, place.line, bool(entry.get("ignore"))) if box is not None else None

    def _box(self, entry: Mapping[str, Any], place: Place) -> BoundingBox | None:
        if "bbox" not in entry and entry.get("segmentation"):
            return self._box_of_polygons(entry["segmentation"], place)
        stated = entry.get("bbox")
        sides = [parse_number(value) for value in stated] if isinstance(stated, list) else []
        known = [side for side in sides if side is not None]
        if len(known) != _SIDES or len(sides) != _SIDES:
            self._reading.fault(place, f"bbox is {stated!r}, not four numbers: x, y, width, height. Correct it.")
            return None
        x, y, width, height = known
        return BoundingBox(x, y, round(x + width, _DIGITS), round(y + height, _DIGITS))

    def _box_of_polygons(self, segmentation: object, place: Place) -> BoundingBox | None:
        if not self._source.with_polygons:
            self._reading.left_out["polygons without a box"] += 1
            return None
        polygons = segmentation if isinstance(segmentation, list) else []
        values = [parse_number(value) for polygon in polygons if isinstance(polygon, list) for value in polygon]
        known = [value for value in values if value is not None]
        if not known or len(known) != len(values) or len(known) % 2:
            self._reading.fault(place, "the segmentation is no list of polygons [x, y, x, y, …]. Correct it.")
            return None
        return enclosing_box(zip(known[::2], known[1::2]))


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
