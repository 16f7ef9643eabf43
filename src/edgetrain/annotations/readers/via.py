"""VGG Image Annotator (VIA): JSON and CSV of regions of VIA 1 and 2, and projects, also those of VIA 3.

Accepted; everything not shown is ignored::

    {"a.jpg1234": {"filename": "a.jpg", "regions": [{
        "shape_attributes": {"name": "rect", "x": 20, "y": 30, "width": 100, "height": 100},
        "region_attributes": {"type": "cat"}}]}}
    {"_via_img_metadata": {"a.jpg1234": …}}                                             a project
    filename,…,region_shape_attributes,region_attributes                                CSV, a region a row

``regions`` may be a mapping (VIA 1). Shapes are rect, circle, ellipse, polygon, polyline and point; others than rect
become the smallest box around them unless that is declined, a single point is left out and counted. The class is the
value of the one region attribute, or of the one that is called class, label, name, type or category; a checkbox has one
that is true. A picture without regions is a negative example. Sizes are the pictures' own, which must be there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import ImportSource, SourceFile, parse_number
from edgetrain.annotations.located_json import read_located
from edgetrain.annotations.readers.csv_rows import read_lines
from edgetrain.annotations.readers.via_project import is_project, project_regions
from edgetrain.annotations.shapes import around, around_points, box_around_turned
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox

_CLASS_NAMES = ("class", "label", "name", "type", "category", "object")
_VALUES = {
    "rect": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "point": ("cx", "cy"),
}
_CSV = ("filename", "region_shape_attributes", "region_attributes")
_FIX = "Correct the region in VIA, and export again."
_FIX_CLASS = "Set it in VIA and export again, or set one class for all such regions: --class-name NAME."
_Region = tuple[Any, Any, Place]


def read_via(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, in their order; the format states no order of classes."""
    pictures: list[Picture] = []
    for file in source.files(".json", ".csv"):
        entries = _csv_entries if file.name.lower().endswith(".csv") else _json_entries
        found = list(entries(file, reading))
        key = _class_attribute(regions for _, _, regions in found)
        for stated, place, regions in found:
            picture = _read_picture(source, file, (stated, place), regions, key, reading)
            pictures += [picture] if picture is not None else []
    return AnnotationSet(tuple(pictures), (), reading.counts())


_Entry = tuple[str, Place, list[_Region]]


def _json_entries(file: SourceFile, reading: Reading) -> Iterator[_Entry]:
    located = read_located(file.path, file.name, reading)
    if located is None:
        return
    place = Place(file.name)
    values: Any = located.values.get("_via_img_metadata", located.values)
    if is_project(located.values):
        for name, found_regions in project_regions(located.values, place, reading):
            yield name, place, [(*region, place) for region in found_regions]
        return
    for entry in values.values() if isinstance(values, dict) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("filename"), str):
            reading.fault(place, "a picture has no filename; this is not VIA JSON. Correct --from or the file.")
            return
        regions = entry.get("regions") or []
        shapes = regions.values() if isinstance(regions, dict) else regions if isinstance(regions, list) else [None]
        found = [
            (shape.get("shape_attributes"), shape.get("region_attributes"), place)
            if isinstance(shape, dict)
            else (None, None, place)
            for shape in shapes
        ]
        yield entry["filename"], place, found


def _csv_entries(file: SourceFile, reading: Reading) -> Iterator[_Entry]:
    found: dict[str, _Entry] = {}
    lines = read_lines(file.path, file.name, reading)
    place, header = next(lines, (Place(file.name), []))
    columns = [cell.lower().lstrip("#") for cell in header]
    if not set(_CSV) <= set(columns):
        reading.fault(place, f"no column {', '.join(_CSV)}; this is not CSV of VIA. Correct --from or the file.")
        return
    for row_place, cells in lines:
        row = dict(zip(columns, cells))
        shape, attributes = (_json_cell(row.get(name, ""), row_place, reading) for name in _CSV[1:])
        entry = found.setdefault(row.get("filename", ""), (row.get("filename", ""), row_place, []))
        if shape:
            entry[2].append((shape, attributes, row_place))
    yield from found.values()


def _json_cell(cell: str, place: Place, reading: Reading) -> object:
    try:
        return json.loads(cell) if cell else {}
    except (ValueError, RecursionError):
        reading.fault(place, f"the cell {cell!r:.60} is not JSON. Export the table from VIA again.")
        return {}


def _class_attribute(entries: Iterator[list[_Region]]) -> str | None:
    """Return the name of the attribute that holds the class: the only one, or one that is called so."""
    names: dict[str, None] = {}
    for regions in entries:
        for _, attributes, _ in regions:
            names.update(dict.fromkeys(attributes if isinstance(attributes, dict) else ()))
    if len(names) == 1:
        return next(iter(names))
    folded = {name.strip().lower(): name for name in reversed(names)}
    return next((folded[name] for name in _CLASS_NAMES if name in folded), None)


def _read_picture(  # noqa: PLR0913, PLR0917 - all of it is one entry
    source: ImportSource,
    file: SourceFile,
    entry: tuple[str, Place],
    regions: list[_Region],
    key: str | None,
    reading: Reading,
) -> Picture | None:
    stated, place = entry
    name = source.stated_picture(stated, reading, split=file.split, folder=file.folder)
    if name is None:
        reading.fault(place, f"filename {stated!r} is not a relative path inside the source. Correct it.")
        return None
    size = source.size_of(source.picture(name, file.split, file.folder), place, name, reading)
    head = Picture(name, size, (), file.split, place)
    boxes = [box for region in regions if (box := _labelled_box(region, head, key, source, reading))]
    return Picture(name, size, tuple(boxes), file.split, place)


def _labelled_box(
    region: _Region, picture: Picture, key: str | None, source: ImportSource, reading: Reading
) -> LabelledBox | None:
    shape, attributes, place = region
    values = attributes if isinstance(attributes, dict) else {}
    class_name = (_class_name(values.get(key)) if key is not None else "") or source.choices.class_name
    if not class_name:
        where = f"the attribute {key!r}" if key else f"any of the attributes {', '.join(map(repr, values)) or '(none)'}"
        reading.fault(place, f"{picture.name}: a region has no class in {where}. {_FIX_CLASS}")
        return None
    kind = shape.get("name") if isinstance(shape, dict) else None
    box = _box(str(kind), shape) if isinstance(shape, dict) else None
    if box is None:
        reading.fault(place, f"{picture.name}: the shape {shape!r:.80} cannot be read. {_FIX}")
        return None
    reading.left_out["attributes"] += len(values) - (key in values)
    if kind != "rect":
        is_point = box.width <= 0 and box.height <= 0
        if is_point or not source.choices.with_polygons:
            reading.lose(f"shapes of the kind {kind}", picture.name, picture.place)
            return None
        reading.boxed[f"shapes of the kind {kind}"] += 1
    return LabelledBox(class_name, box, place.line)


def _class_name(value: object) -> str:
    """Return the class in an attribute's value; empty if there is none or several."""
    if isinstance(value, dict):
        chosen = [str(name) for name, is_chosen in value.items() if is_chosen]
        return chosen[0].strip() if len(chosen) == 1 else ""
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _box(kind: str, shape: Mapping[str, Any]) -> BoundingBox | None:
    if kind in {"polygon", "polyline"}:
        columns, rows = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(columns, list) or not isinstance(rows, list) or len(columns) != len(rows) or not rows:
            return None
        points = [(parse_number(x), parse_number(y)) for x, y in zip(columns, rows)]
        known = [(x, y) for x, y in points if x is not None and y is not None]
        return around_points(known) if len(known) == len(points) else None
    values = [parse_number(shape.get(name)) for name in _VALUES.get(kind, ("",))]
    known_values = [value for value in values if value is not None]
    if len(known_values) != len(values):
        return None
    x, y, *sides = known_values
    if kind == "rect":
        return BoundingBox(x, y, x + sides[0], y + sides[1])
    width, height = (*sides, *sides)[:2] if sides else (0, 0)
    box = BoundingBox(x - width, y - height, x + width, y + height)
    radians = parse_number(shape.get("theta")) or 0
    return box_around_turned(box, math.degrees(radians)) if kind == "ellipse" and radians else around(box)
