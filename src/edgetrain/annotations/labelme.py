"""LabelMe JSON (wkentaro), a file for each picture.

Accepted; everything not shown is ignored::

    {"imagePath": "../images/0001.jpg", "imageWidth": 640, "imageHeight": 480,
     "shapes": [{"label": "boat", "shape_type": "rectangle", "points": [[1, 2.5], [30, 40]],
                 "flags": {"difficult": false}}]}

``imagePath`` is relative to the file and stays below the source. The two points may be any opposite corners; their
values are kept. No shapes make a negative example. ``imageWidth`` and ``imageHeight`` may be missing where the picture
is there. The embedded ``imageData`` is not used: the picture itself must be there.

Polygons, circles, masks and other shapes become the smallest box around them unless that is declined. Left out and
counted: other flags, ``group_id``, descriptions, and shapes around which there is no box, such as a single point.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, PictureKey, Place, Reading
from edgetrain.annotations.import_source import (
    ImportSource,
    SourceFile,
    parse_number,
    parse_size,
    split_of_name,
)
from edgetrain.annotations.located_json import LocatedObject, read_located
from edgetrain.annotations.shapes import around, around_points
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox

_CORNERS = 2
_SIZES = {"rectangle": (_CORNERS, 4), "circle": (2,), "line": (2,), "point": (1,)}


def read_labelme(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, sorted by the files' names; the format states no order of classes."""
    pictures = []
    for file in source.files(".json"):
        located = read_located(file.path, file.name, reading)
        picture = _read_picture(source, file, located, reading) if located is not None else None
        pictures += [picture] if picture is not None else []
    return AnnotationSet(tuple(pictures), (), reading.counts())


def _read_picture(source: ImportSource, file: SourceFile, located: LocatedObject, reading: Reading) -> Picture | None:
    values, place = located.values, Place(file.name)
    stated, shapes = values.get("imagePath"), values.get("shapes")
    if not isinstance(shapes, list) or not isinstance(stated, str):
        reading.fault(place, "no imagePath or no list of shapes; this is not LabelMe JSON. Correct or remove the file.")
        return None
    name = source.stated_picture(stated, reading, split=file.split, folder=file.folder, base=file.folder)
    if name is None:
        reading.fault(place, f"imagePath {stated!r} points outside the source or is not a path. Correct it.")
        return None
    reading.left_out["flags of pictures"] += sum(map(bool, _mapping(values.get("flags")).values()))
    boxes = [
        box
        for shape, line in zip(shapes, located.lines["shapes"])
        if (box := _labelled_box(shape, Place(file.name, line), (name, place), source, reading))
    ]
    size = parse_size(values.get("imageWidth"), values.get("imageHeight"))
    if size is None:
        size = source.size_of(source.picture(name, file.split, file.folder), place, name, reading)
    return Picture(name, size, tuple(boxes), split_of_name(PurePosixPath(name).parent.as_posix()) or file.split, place)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _labelled_box(
    shape: object, place: Place, picture: PictureKey, source: ImportSource, reading: Reading
) -> LabelledBox | None:
    values = _mapping(shape)
    label, points, kind = values.get("label"), values.get("points"), values.get("shape_type") or "polygon"
    if not isinstance(label, str) or not label.strip():
        reading.fault(place, f"the label of the shape is {label!r}. Give it a name, or remove the shape.")
        return None
    numbers = (
        [[parse_number(value) for value in point] for point in points if isinstance(point, list)]
        if isinstance(points, list)
        else []
    )
    known = [(pair[0], pair[1]) for pair in numbers if len(pair) == 2 and None not in pair]  # noqa: PLR2004
    if (
        not known
        or not isinstance(points, list)
        or len(known) != len(points)
        or len(known) not in _SIZES.get(str(kind), (len(known),))
    ):
        reading.fault(place, f"the points of this {kind} are {points!r:.80}. Correct them.")
        return None
    box = _box(str(kind), known)  # type: ignore[arg-type]
    if kind != "rectangle":
        is_point = box.width <= 0 and box.height <= 0
        if is_point or not source.choices.with_polygons:
            reading.lose(f"shapes of the kind {kind}", *picture)
            return None
        reading.boxed[f"shapes of the kind {kind}"] += 1
    flags = _mapping(values.get("flags"))
    is_difficult = bool(flags.get("difficult") or values.get("difficult"))
    reading.left_out["flags of shapes"] += sum(bool(flags[name]) for name in flags if name != "difficult")
    reading.left_out["group ids"] += values.get("group_id") is not None
    reading.left_out["descriptions"] += bool(values.get("description"))
    return LabelledBox(label.strip(), box, place.line, is_difficult)


def _box(kind: str, points: list[tuple[float, float]]) -> BoundingBox:
    if kind == "circle":
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return around(BoundingBox(x - radius, y - radius, x + radius, y + radius))
    box = around_points(points)
    return BoundingBox(box.xmin, box.ymin, box.xmax, box.ymax) if kind == "rectangle" else box


def render_labelme(picture: Picture, image_path: str) -> str:
    """Return the LabelMe file of a picture, which is at ``image_path`` relative to the file; a shape a line."""
    size = picture.size
    head: dict[str, object] = {"version": "5.5.0", "flags": {}, "imagePath": image_path, "imageData": None}
    head |= {} if size is None else {"imageHeight": size.height, "imageWidth": size.width}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    shapes = ",".join("\n    " + json.dumps(_shape(labelled), ensure_ascii=False) for labelled in picture.boxes)
    return "{\n" + ",\n".join([*lines, f'  "shapes": [{shapes}]']) + "\n}\n"


def _shape(labelled: LabelledBox) -> dict[str, object]:
    box = labelled.box
    return {
        "label": labelled.class_name,
        "points": [[box.xmin, box.ymin], [box.xmax, box.ymax]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        "flags": {"difficult": True} if labelled.is_difficult else {},
    }
