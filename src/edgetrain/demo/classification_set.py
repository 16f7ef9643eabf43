"""Draw what the backbone is pretrained on: batches of ``figures.SHAPES`` on patchwork, with a class for every pixel.

Endless and seeded: each batch has a generator of its own. Difficulty grows from light shapes on a dark ground to any
colour on any other, because a network with random weights learns nothing from the latter alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from edgetrain.demo import painting
from edgetrain.demo.figures import SHAPES

CLASSES = len(SHAPES) + 1
PICTURE_SIDE = 96

_SQUARE = ((-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7))
"""The part of a figure's own square that counts as showing it, holes included."""

Batch = tuple[NDArray[np.float32], NDArray[np.int32]]


def draw_batch(*, seed: int, number: int, difficulty: float, size: int) -> Batch:
    """Draw one batch of pictures with up to three shapes each.

    Args:
        seed: the pretraining's, at least 0.
        number: the batch's, from 0.
        difficulty: 0 for light shapes on a dark ground only, 1 for any colour on any other, between them a mixture.
        size: pictures in it.

    Returns:
        pictures, float32, shape (size, 96, 96, 3), scaled to [-1, 1]; class indices, int32, shape (size, 96, 96): what
        stands at each pixel, 0 for no shape, else one more than the index into ``SHAPES``.
    """
    random = np.random.default_rng([seed, number])
    freedoms = np.clip(random.random(size) + 2 * difficulty - 1, 0, 1).tolist()
    drawn = [_draw_picture(random, freedom) for freedom in freedoms]
    pictures = np.stack([picture for picture, _ in drawn]).astype(np.float32) * np.float32(2 / 255) - 1
    return pictures, np.stack([classes for _, classes in drawn]).astype(np.int32)


def _draw_picture(random: np.random.Generator, freedom: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a picture and the class index of each of its pixels; a freedom of 0 is white on black, 1 any colours."""
    picture = painting.paint_patchwork(random, PICTURE_SIDE, PICTURE_SIDE).point(lambda level: level * freedom)
    classes = Image.new("L", picture.size, 0)
    for _ in range(int(random.integers(1, 4))):
        class_index = int(random.integers(1, CLASSES))
        placement = _pick_placement(random)
        square = Image.new("L", picture.size, 0)
        ImageDraw.Draw(square).polygon([placement.to_picture(corner) for corner in _SQUARE], fill=class_index)
        if ImageChops.multiply(square.point(_to_mask), classes.point(_to_mask)).getbbox() is not None:
            continue
        tones = painting.pick_tones(random, painting.colour_at(picture, placement.centre))
        painting.paint_figure(
            picture,
            SHAPES[class_index - 1],
            placement,
            tones=_lighten(tones, freedom),
            edge=painting.pick_edge(random),
        )
        classes = ImageChops.lighter(classes, square)
    return np.asarray(painting.add_grain(random, picture, random.uniform(0, 12))), np.asarray(classes)


def _to_mask(level: int) -> int:
    return 255 if level else 0


def _pick_placement(random: np.random.Generator) -> painting.Placement:
    half = PICTURE_SIDE * random.uniform(0.15, 0.40)
    return painting.Placement(
        centre=(
            random.uniform(0.8 * half, PICTURE_SIDE - 0.8 * half),
            random.uniform(0.8 * half, PICTURE_SIDE - 0.8 * half),
        ),
        half_width=half * random.uniform(0.85, 1.15),
        half_height=half * random.uniform(0.85, 1.15),
        turn_degrees=random.uniform(-45, 45),
        is_mirrored=painting.toss(random),
    )


def _lighten(tones: painting.Tones, freedom: float) -> painting.Tones:
    """Return the colours themselves for a freedom of 1, all white for 0."""
    main, second, accent = (painting.mix(painting.WHITE, tone, freedom) for tone in tones)
    return main, second, accent
