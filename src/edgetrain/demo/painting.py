"""Paint on a picture: busy backgrounds and placed figures, all from one random generator, with Pillow and numpy only.

Positions are pixels, x to the right and y down from the top left corner. Colours are 8 bit red, green, blue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgetrain.demo.figures import Figure, Point

Colour = tuple[int, int, int]
Tones = tuple[Colour, Colour, Colour]
"""A figure's main, second and accent colour."""

WHITE: Colour = (255, 255, 255)
_CONTRAST = 130
"""Least sum of channel differences (0-765) between colours that must differ."""


@dataclass(frozen=True)
class Placement:
    """Where and how one figure stands on a picture.

    Attributes:
        centre: middle of the figure's own square, pixels.
        half_width: half of that square's width before it is turned, pixels, greater than 0.
        half_height: likewise its height.
        turn_degrees: clockwise.
        is_mirrored: left and right exchanged, before the turn.
    """

    centre: Point
    half_width: float
    half_height: float
    turn_degrees: float
    is_mirrored: bool

    def to_picture(self, point: Point) -> Point:
        """Where a point of the figure's square ([-1, 1]) lies on the picture, pixels."""
        x = point[0] * self.half_width * (-1 if self.is_mirrored else 1)
        y = point[1] * self.half_height
        cosine, sine = math.cos(math.radians(self.turn_degrees)), math.sin(math.radians(self.turn_degrees))
        return self.centre[0] + x * cosine - y * sine, self.centre[1] + x * sine + y * cosine

    def corners(self, figure: Figure) -> list[Point]:
        """All corners of a figure so placed, pixels."""
        return [self.to_picture(point) for part in figure.parts for point in part.outline]


def toss(random: np.random.Generator) -> bool:
    """Yes or no, one as likely as the other."""
    return bool(random.integers(2))


def pick_colour(random: np.random.Generator) -> Colour:
    """Any colour, bright ones as likely as dark ones."""
    red, green, blue = random.integers(0, 256, size=3).tolist()
    return red, green, blue


def pick_edge(random: np.random.Generator) -> Colour | None:
    """Any colour for a figure's outline, or half of the time none."""
    return pick_colour(random) if toss(random) else None


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour between two others; a share of 0 is the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _pick_contrasting(random: np.random.Generator, other: Colour) -> Colour:
    while True:
        colour = pick_colour(random)
        if sum(abs(a - b) for a, b in zip(colour, other, strict=True)) >= _CONTRAST:
            return colour


def paint_figure(
    picture: Image.Image, figure: Figure, placement: Placement, *, tones: Tones, edge: Colour | None
) -> None:
    """Draw a figure onto the picture, in place.

    Args:
        picture: an RGB picture.
        figure: what to draw.
        placement: where.
        tones: its main, second and accent colour.
        edge: colour of a thin line around each part, None for no line.
    """
    draw = ImageDraw.Draw(picture)
    for part in figure.parts:
        draw.polygon([placement.to_picture(point) for point in part.outline], fill=tones[part.tone], outline=edge)


def pick_tones(random: np.random.Generator, behind: Colour) -> Tones:
    """Three colours for one figure: the main one stands out from what is behind, the others from the main one."""
    main = _pick_contrasting(random, behind)
    return main, _pick_contrasting(random, main), _pick_contrasting(random, main)


def colour_at(picture: Image.Image, centre: Point) -> Colour:
    """The picture's colour at one point, pixels."""
    pixel = picture.getpixel((int(centre[0]), int(centre[1])))
    assert isinstance(pixel, tuple)  # noqa: S101 - an RGB picture has tuples; Pillow's type also covers grey ones
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def paint_landscape(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """The demo's background: cloudy colours with grass-like strokes and pebbles."""
    cells = int(random.integers(3, 7))
    coarse = random.integers(0, 256, size=(cells, cells, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(20, 80))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        lean, length = random.uniform(-8, 8), random.uniform(5, 30)
        draw.line([(x, y), (x + lean, y - length)], fill=pick_colour(random), width=int(random.integers(1, 3)))
    for _ in range(int(random.integers(5, 25))):
        x, y, radius = random.uniform(0, width), random.uniform(0, height), random.uniform(2, 9)
        draw.ellipse([x - radius, y - 0.7 * radius, x + radius, y + 0.7 * radius], fill=pick_colour(random))
    return picture


def paint_patchwork(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Pretraining's background: overlapping plain quadrilaterals and straight lines."""
    picture = Image.new("RGB", (width, height), pick_colour(random))
    draw = ImageDraw.Draw(picture)
    clutter = random.random() ** 2
    for _ in range(int(12 * clutter)):
        middle = random.uniform(0, 1, size=2) * (width, height)
        corners = middle + random.uniform(-0.35, 0.35, size=(4, 2)) * (width, height)
        draw.polygon([(x, y) for x, y in corners.tolist()], fill=pick_colour(random))
    for _ in range(int(8 * clutter)):
        ends = (random.uniform(0, 1, size=(2, 2)) * (width, height)).ravel().tolist()
        draw.line(ends, fill=pick_colour(random), width=int(random.integers(1, 5)))
    return picture


def add_grain(random: np.random.Generator, picture: Image.Image, strength: float) -> Image.Image:
    """The picture with noise, as a camera in the dark would give.

    Args:
        random: where the noise comes from.
        picture: an RGB picture, left as it is.
        strength: standard deviation in grey levels (0-255).
    """
    pixels: NDArray[np.float32] = np.asarray(picture, dtype=np.float32)
    grain = random.standard_normal(pixels.shape, dtype=np.float32) * strength
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
