"""Projects of VIA 3 as the regions that VIA 2 has (gitlab.com/vgg/via, via-3.x.y/CodeDoc.md).

Accepted; everything not shown is ignored::

    {"attribute": {"1": {"aname": "class", "type": 4, "options": {"0": "cat"}}},
     "file": {"1": {"fname": "a.jpg", "src": "a.jpg"}}, "view": {"1": {"fid_list": ["1"]}}, "config": {…},
     "metadata": {"1_x": {"vid": "1", "z": [], "xy": [2, 20, 30, 100, 100], "av": {"1": "0"}}}}

The first number of ``xy`` is the shape: point, rectangle, circle, ellipse, line, polyline, polygon, and the rectangle
around four points. Refused: shapes at a time of a video, and views of several files. Left out and counted: what is said
of whole pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgetrain.annotations.annotation_set import Place, Reading

_RECTANGLE_OF_POINTS = 8
_NAMED = {
    1: ("point", ("cx", "cy")),
    2: ("rect", ("x", "y", "width", "height")),
    3: ("circle", ("cx", "cy", "r")),
    4: ("ellipse", ("cx", "cy", "rx", "ry")),
}
_POINTED = {5: "polyline", 6: "polyline", 7: "polygon", _RECTANGLE_OF_POINTS: "rect"}
_CHECKBOX = 2


def is_project(values: Mapping[str, Any]) -> bool:
    """Return whether the object of a JSON file is a project of VIA 3."""
    return {"config", "metadata", "view"} <= set(values)


def project_regions(
    values: Mapping[str, Any], place: Place, reading: Reading
) -> Iterator[tuple[str, list[tuple[Any, Any]]]]:
    """Yield each picture's name with shape and attributes of its regions, as VIA 2 would write them."""
    attributes, views = _mapping(values.get("attribute")), _mapping(values.get("view"))
    found: dict[str, list[tuple[Any, Any]]] = {view: [] for view in views}
    for entry in map(_mapping, _mapping(values.get("metadata")).values()):
        view, shape = str(entry.get("vid")), entry.get("xy")
        if view not in found or entry.get("z"):
            what = "is at a time of a video" if view in found else f"belongs to the view {view!r}, which does not exist"
            reading.fault(place, f"a region {what}. Export the frames as pictures, or remove it.")
        elif not shape:
            reading.left_out["attributes of pictures"] += 1
        else:
            found[view].append((_shape(shape), _named(_mapping(entry.get("av")), attributes)))
    files = _mapping(values.get("file"))
    for view, regions in found.items():
        names = [_mapping(files.get(str(file))) for file in _mapping(views[view]).get("fid_list") or ()]
        if len(names) == 1 and isinstance(names[0].get("fname"), str):
            yield names[0]["fname"], regions
        else:
            reading.fault(place, f"the view {view!r} has {len(names)} files with a name. Give each picture its own.")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _shape(stated: object) -> object:
    """Return a shape as VIA 2 writes it; what is none stays as it is, to be a fault there."""
    numbers = stated if isinstance(stated, list) else [None]
    kind, rest = numbers[0], numbers[1:]
    if kind in _NAMED and len(rest) == len(_NAMED[kind][1]):
        name, keys = _NAMED[kind]
        return {"name": name, **dict(zip(keys, rest))}
    if kind not in _POINTED or len(rest) % 2 or not rest:
        return stated
    columns, rows = rest[::2], rest[1::2]
    if kind == _RECTANGLE_OF_POINTS and all(type(value) in {int, float} for value in rest):
        x, y = min(columns), min(rows)
        return {"name": "rect", "x": x, "y": y, "width": max(columns) - x, "height": max(rows) - y}
    return {"name": _POINTED[kind], "all_points_x": columns, "all_points_y": rows}


def _named(values: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a region by their names, options as what they say."""
    named = {}
    for key, value in values.items():
        attribute = _mapping(attributes.get(key))
        options = _mapping(attribute.get("options"))
        name = str(attribute.get("aname") or key)
        if attribute.get("type") == _CHECKBOX:
            named[name] = {options.get(one, one): True for one in str(value).split(",") if one}
        else:
            named[name] = options.get(str(value), value)
    return named
