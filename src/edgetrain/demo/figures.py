"""The things that are drawn, as polygons: ``OBJECTS`` for the demo's dataset, ``SHAPES`` for pretraining the backbone.

A figure lives in its own square, x to the right and y down, both in [-1, 1]. The two collections share no figure:
the demo must show that the backbone carries over to things it has never seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """One filled polygon of a figure.

    Attributes:
        outline: corners in the figure's own square, each coordinate in [-1, 1].
        tone: which of the figure's three colours fills it: 0 main, 1 second, 2 accent.
    """

    outline: tuple[Point, ...]
    tone: int = 0


@dataclass(frozen=True)
class Figure:
    """Something to draw: its parts in painting order, later ones on top."""

    name: str
    parts: tuple[Part, ...]


def _ellipse(x: float, y: float, radius_x: float, radius_y: float, tone: int = 0) -> Part:
    """An ellipse as a polygon of 24 corners."""
    angles = [2 * math.pi * step / 24 for step in range(24)]
    return Part(tuple((x + radius_x * math.cos(a), y + radius_y * math.sin(a)) for a in angles), tone)


def _rectangle(xmin: float, ymin: float, xmax: float, ymax: float, tone: int = 0) -> Part:
    return Part(((xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)), tone)


def _polygon(*corners: Point, tone: int = 0) -> Part:
    return Part(corners, tone)


def _star(points: int, inner_radius: float, tone: int = 0) -> Part:
    """A star, or with ``inner_radius`` near 1 a regular polygon of twice as many corners."""
    radii = [1.0, inner_radius] * points
    angles = [math.pi * step / points - math.pi / 2 for step in range(2 * points)]
    return Part(tuple((r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)), tone)


def _regular(corners: int, radius: float = 1.0, tone: int = 0) -> Part:
    angles = [2 * math.pi * step / corners - math.pi / 2 for step in range(corners)]
    return Part(tuple((radius * math.cos(a), radius * math.sin(a)) for a in angles), tone)


def _arc(start_degrees: float, end_degrees: float, outer: float, inner: float, tone: int = 0) -> Part:
    """A piece of a ring, angles clockwise from the right."""
    angles = [math.radians(start_degrees + (end_degrees - start_degrees) * step / 24) for step in range(25)]
    there = [(outer * math.cos(a), outer * math.sin(a)) for a in angles]
    back = [(inner * math.cos(a), inner * math.sin(a)) for a in reversed(angles)]
    return Part((*there, *back), tone)


OBJECTS: tuple[Figure, ...] = (
    Figure(
        "boat",
        (
            _rectangle(-0.05, -0.95, 0.05, 0.4, tone=2),
            _polygon((0.05, -0.9), (0.8, 0.25), (0.05, 0.25), tone=1),
            _polygon((-0.05, -0.7), (-0.05, 0.25), (-0.6, 0.25), tone=1),
            _polygon((-0.95, 0.35), (0.95, 0.35), (0.6, 0.85), (-0.6, 0.85)),
        ),
    ),
    Figure(
        "fish",
        (
            _polygon((0.35, 0.0), (0.98, -0.5), (0.82, 0.0), (0.98, 0.5), tone=1),
            _polygon((-0.3, -0.3), (0.1, -0.72), (0.3, -0.25), tone=1),
            _ellipse(-0.25, 0.0, 0.73, 0.45),
            _ellipse(-0.62, -0.12, 0.11, 0.11, tone=2),
        ),
    ),
    Figure(
        "house",
        (
            _rectangle(0.35, -0.85, 0.6, -0.2, tone=2),
            _rectangle(-0.75, -0.15, 0.75, 0.9),
            _polygon((-0.95, -0.1), (0.0, -0.95), (0.95, -0.1), tone=1),
            _rectangle(-0.5, 0.3, -0.1, 0.9, tone=2),
            _rectangle(0.15, 0.1, 0.55, 0.5, tone=2),
        ),
    ),
    Figure(
        "mushroom",
        (
            _polygon((-0.22, -0.1), (0.22, -0.1), (0.34, 0.92), (-0.34, 0.92), tone=1),
            Part(tuple((0.95 * x, -0.02 + 0.9 * y) for x, y in _arc(180, 360, 1.0, 0.0).outline)),
            _ellipse(-0.45, -0.32, 0.15, 0.15, tone=2),
            _ellipse(0.08, -0.55, 0.17, 0.17, tone=2),
            _ellipse(0.52, -0.25, 0.12, 0.12, tone=2),
        ),
    ),
)
"""What the demo's dataset shows and its detector learns, in order of name."""

SHAPES: tuple[Figure, ...] = (
    Figure("arrow", (_polygon((-1, -0.2), (0.1, -0.2), (0.1, -0.7), (1, 0), (0.1, 0.7), (0.1, 0.2), (-1, 0.2)),)),
    Figure(
        "bars",
        (_rectangle(-0.9, -0.9, -0.4, 0.9), _rectangle(0.4, -0.9, 0.9, 0.9), _rectangle(-0.4, -0.2, 0.4, 0.2, 1)),
    ),
    Figure("bolt", (_polygon((0.2, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.25, 1), (0.6, -0.2), (0.05, -0.2)),)),
    Figure(
        "bow",
        (_polygon((-1, -0.6), (0, -0.1), (1, -0.6), (1, 0.6), (0, 0.1), (-1, 0.6)), _ellipse(0, 0, 0.22, 0.22, 1)),
    ),
    Figure(
        "checkers", (_rectangle(-0.9, -0.9, 0.9, 0.9), _rectangle(-0.9, -0.9, 0, 0, 1), _rectangle(0, 0, 0.9, 0.9, 1))
    ),
    Figure("chevron", (_polygon((-0.9, -0.9), (0, -0.9), (0.9, 0), (0, 0.9), (-0.9, 0.9), (0, 0)),)),
    Figure(
        "clover", (_ellipse(-0.45, -0.45, 0.5, 0.5), _ellipse(0.45, -0.45, 0.5, 0.5), _ellipse(0, 0.4, 0.5, 0.5, 1))
    ),
    Figure("crescent", (_arc(40, 320, 1.0, 0.55),)),
    Figure("cross", (_rectangle(-0.3, -1, 0.3, 1), _rectangle(-1, -0.3, 1, 0.3))),
    Figure("diamond", (_polygon((0, -1), (0.7, 0), (0, 1), (-0.7, 0)), _polygon((0, -1), (0.7, 0), (0, 0), tone=1))),
    Figure("disc", (_ellipse(0, 0, 0.95, 0.95),)),
    Figure("domino", (_rectangle(-0.5, -1, 0.5, 1), _ellipse(0, -0.5, 0.25, 0.25, 1), _ellipse(0, 0.5, 0.25, 0.25, 1))),
    Figure(
        "flag",
        (
            _rectangle(-0.9, -1, -0.72, 1, 2),
            _rectangle(-0.72, -0.95, 0.95, -0.45),
            _rectangle(-0.72, -0.45, 0.95, 0.1, 1),
        ),
    ),
    Figure(
        "flower",
        (
            *(_ellipse(0.6 * math.cos(a), 0.6 * math.sin(a), 0.38, 0.38) for a in (0.0, 1.257, 2.513, 3.77, 5.027)),
            _ellipse(0, 0, 0.36, 0.36, 1),
        ),
    ),
    Figure("gear", (_star(9, 0.72), _ellipse(0, 0, 0.3, 0.3, 1))),
    Figure("hexagon", (_regular(6), _regular(6, 0.5, 1))),
    Figure("hourglass", (_polygon((-0.8, -1), (0.8, -1), (0.1, 0), (0.8, 1), (-0.8, 1), (-0.1, 0)),)),
    Figure(
        "key",
        (
            _rectangle(-0.3, -0.12, 1, 0.12, 1),
            _rectangle(0.6, 0, 0.8, 0.45, 1),
            _ellipse(-0.6, 0, 0.4, 0.4),
            _ellipse(-0.6, 0, 0.15, 0.15, 2),
        ),
    ),
    Figure(
        "letter-e",
        (
            _rectangle(-0.7, -1, -0.3, 1),
            _rectangle(-0.7, -1, 0.7, -0.6),
            _rectangle(-0.7, -0.2, 0.5, 0.2),
            _rectangle(-0.7, 0.6, 0.7, 1),
        ),
    ),
    Figure("letter-t", (_rectangle(-0.9, -0.95, 0.9, -0.5), _rectangle(-0.25, -0.5, 0.25, 0.95))),
    Figure(
        "letter-u",
        (_rectangle(-0.8, -0.9, -0.35, 0.9), _rectangle(0.35, -0.9, 0.8, 0.9), _rectangle(-0.8, 0.45, 0.8, 0.9)),
    ),
    Figure(
        "rings",
        (_ellipse(0, 0, 1, 1), _ellipse(0, 0, 0.7, 0.7, 1), _ellipse(0, 0, 0.4, 0.4), _ellipse(0, 0, 0.15, 0.15, 1)),
    ),
    Figure("square", (_rectangle(-0.85, -0.85, 0.85, 0.85),)),
    Figure(
        "stairs",
        (
            _polygon(
                (-0.9, 0.9), (-0.9, 0.3), (-0.3, 0.3), (-0.3, -0.3), (0.3, -0.3), (0.3, -0.9), (0.9, -0.9), (0.9, 0.9)
            ),
        ),
    ),
    Figure("star-four", (_star(4, 0.35),)),
    Figure("star-five", (_star(5, 0.42),)),
    Figure(
        "stripes",
        (_rectangle(-0.9, -0.6, 0.9, 0.6), _rectangle(-0.45, -0.6, -0.1, 0.6, 1), _rectangle(0.3, -0.6, 0.6, 0.6, 2)),
    ),
    Figure("triangle", (_polygon((0, -0.95), (0.95, 0.8), (-0.95, 0.8)),)),
    Figure(
        "wheel", (_arc(0, 360, 1.0, 0.72), _rectangle(-0.8, -0.1, 0.8, 0.1, 1), _rectangle(-0.1, -0.8, 0.1, 0.8, 1))
    ),
    Figure(
        "zigzag",
        (
            _polygon(
                (-1, -0.1),
                (-0.5, -0.8),
                (0, -0.1),
                (0.5, -0.8),
                (1, -0.1),
                (1, 0.6),
                (0.5, -0.1),
                (0, 0.6),
                (-0.5, -0.1),
                (-1, 0.6),
            ),
        ),
    ),
)
"""What pretraining shows, and the backbone learns to tell apart, in order of name."""
