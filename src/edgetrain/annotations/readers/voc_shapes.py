"""Shapes in Pascal VOC XML that are no upright boxes: turned ones, and polygons of several tools.

Accepted inside ``<object>``::

    <robndbox><cx>100</cx><cy>80</cy><w>60</w><h>30</h><angle>0.5</angle></robndbox>    roLabelImg, angle in radians
    <polygon><x1>1</x1><y1>2</y1><x2>30</x2><y2>4</y2> …</polygon>                      RectLabel, Labelbox, Roboflow
    <polygon><pt><x>1</x><y>2</y></pt> …</polygon>                                      LabelMe of MIT
    <bndbox>…</bndbox><rotation>30</rotation>                                           degrees about the centre
    <bndbox>…</bndbox><attributes><attribute><name>rotation</name><value>45.0</value>   CVAT, the same
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from edgetrain.annotations.shapes import BoxAround, around_points, box_around_turned
from edgetrain.core.boxes import BoundingBox

SHAPES = ("robndbox", "polygon")
_POINTS = ("pt", "point")
# They hold no box, and looking into them would cost a quarter of the time of parsing.
_USUAL = {"folder", "filename", "path", "source", "size", "segmented", "object"}


@dataclass
class Shapes:
    """What a reader makes of shapes that are no upright boxes: boxes around them, counted by kind, or nothing.

    ``lost`` counts those of which no box is made, ``beside`` what is said beside the boxes.
    """

    are_boxed: bool
    boxed: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)

    def is_deleted(self, element: Any) -> bool:
        """Return, and count, whether an ``<object>`` is one that LabelMe of MIT only keeps as deleted."""
        is_deleted = (element.findtext("deleted") or "").strip() == "1"
        self.beside["objects that are marked as deleted"] += is_deleted
        return is_deleted


def is_stray(element: Any) -> bool:
    """Return whether a child of ``<annotation>`` has a box without any ``<object>``: ``<Object>`` and ``<item>``."""
    if element.tag in _USUAL or next(element.iter("object"), None) is not None:
        return False
    return any(str(one.tag).lower() in {"object", "bndbox", *SHAPES} for one in element.iter())


def turn_of(element: Any) -> float:
    """Return by how many degrees the box of an ``<object>`` is turned about its centre; 0 for an upright one."""
    texts = [element.findtext("rotation"), element.findtext("bndbox/rotation")]
    attributes = element.iterfind("attributes/attribute")
    named = ((one.findtext("name") or "", one.findtext("value")) for one in attributes)
    texts += [value for name, value in named if name.strip().lower() == "rotation"]
    return next((value for text in texts if (value := _number(text))), 0.0) % 360


def shape_of(element: Any) -> str:
    """Return the name of the shape that an ``<object>`` has instead of a ``<bndbox>``; empty if it has none."""
    return next((name for name in SHAPES if element.find(name) is not None), "")


def box_of_shape(element: Any) -> BoxAround | None:
    """Return the box around the shape of an ``<object>``, in pixels; ``None`` if its values are not numbers."""
    turned = element.find("robndbox")
    if turned is not None:
        values = [_number(turned.findtext(name)) for name in ("cx", "cy", "w", "h", "angle")]
        known = [value for value in values if value is not None]
        if len(known) != len(values):
            return None
        x, y, width, height, angle = known
        box = BoundingBox(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return box_around_turned(box, math.degrees(angle))
    points = [point for polygon in element.iterfind("polygon") for point in _points(polygon)]
    known_points = [(x, y) for x, y in points if x is not None and y is not None]
    return around_points(known_points) if known_points and len(known_points) == len(points) else None


def _points(polygon: Any) -> Iterable[tuple[float | None, float | None]]:
    pairs = [child for child in polygon if child.tag in _POINTS]
    if pairs:
        return [(_number(child.findtext("x")), _number(child.findtext("y"))) for child in pairs]
    values = {child.tag: _number(child.text) for child in polygon}
    numbers = [tag[1:] for tag in values if isinstance(tag, str) and tag[:1] == "x" and tag[1:].isdecimal()]
    return [(values[f"x{number}"], values.get(f"y{number}")) for number in numbers]


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in (text or "") else None
