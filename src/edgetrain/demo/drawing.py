"""Draw the demo's dataset: seeded pictures of boats, fishes, houses and mushrooms with Pascal VOC boxes.

Accepts a folder that need not exist, writes ``annotations/NAME.xml`` and ``images/NAME.jpg`` into it. Same seed and
number, same bytes. Every picture has a generator of its own, so picture 7 of 10 is picture 7 of 1000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgetrain.annotations.voc import write_annotation
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize, iou
from edgetrain.demo import painting
from edgetrain.demo.figures import OBJECTS, Figure

_MARGIN_PIXELS = 2
_NEGATIVE_SHARE = 0.08
_TRIES_PER_OBJECT = 20
_SIZES = (ImageSize(240, 180), ImageSize(256, 256), ImageSize(288, 216), ImageSize(320, 240), ImageSize(240, 320))


@dataclass(frozen=True)
class DrawnPicture:
    """A picture, RGB, and the objects on it: tight boxes of whole pixels, none of which overlap."""

    image: Image.Image
    objects: tuple[LabelledBox, ...]

    @property
    def size(self) -> ImageSize:
        """Width and height in pixels."""
        return ImageSize(self.image.width, self.image.height)


def draw_dataset(folder: Path, *, pictures: int, seed: int) -> int:
    """Write a drawn dataset.

    Args:
        folder: gets ``annotations/`` and ``images/``; made if missing, files of the same names are replaced.
        pictures: how many, at least 1.
        seed: at least 0; another one gives other pictures.

    Returns:
        How many objects stand on the pictures together.
    """
    annotations, images = folder / "annotations", folder / "images"
    annotations.mkdir(parents=True, exist_ok=True)
    images.mkdir(exist_ok=True)
    objects = 0
    for number in range(pictures):
        drawn = draw_picture(seed=seed, number=number)
        filename = f"demo-{number:04d}.jpg"
        drawn.image.save(images / filename, format="JPEG", quality=90, subsampling="4:2:0", optimize=False)
        path = (annotations / filename).with_suffix(".xml")
        write_annotation(path, Annotation(path, filename, 0, drawn.size, 0, drawn.objects))
        objects += len(drawn.objects)
    return objects


def draw_picture(*, seed: int, number: int) -> DrawnPicture:
    """Draw one picture of the dataset.

    Args:
        seed: the dataset's.
        number: the picture's, from 0.
    """
    random = np.random.default_rng([seed, number])
    size = _SIZES[int(random.integers(len(_SIZES)))]
    image = painting.paint_landscape(random, size.width, size.height)
    objects: list[LabelledBox] = []
    wanted = 0 if random.random() < _NEGATIVE_SHARE else int(random.integers(1, 4))
    for _ in range(wanted):
        figure = OBJECTS[int(random.integers(len(OBJECTS)))]
        placement = _find_place(random, figure, size, [labelled.box for labelled in objects])
        if placement is None:
            continue
        tones = painting.pick_tones(random, painting.colour_at(image, placement.centre))
        painting.paint_figure(image, figure, placement, tones=tones, edge=painting.pick_edge(random))
        objects.append(LabelledBox(figure.name, tight_box(figure, placement), line=0))
    return DrawnPicture(painting.add_grain(random, image, random.uniform(0, 12)), tuple(objects))


def _find_place(
    random: np.random.Generator, figure: Figure, size: ImageSize, others: list[BoundingBox]
) -> painting.Placement | None:
    """Find a place inside the picture that covers no other object's box; None if the picture is too full."""
    inner_size = ImageSize(size.width - _MARGIN_PIXELS, size.height - _MARGIN_PIXELS)
    for _ in range(_TRIES_PER_OBJECT):
        half = min(size.width, size.height) * random.uniform(0.13, 0.32)
        stretch = random.uniform(0.85, 1.18)
        placement = painting.Placement(
            centre=(random.uniform(0, size.width), random.uniform(0, size.height)),
            half_width=half * stretch,
            half_height=half / stretch,
            turn_degrees=random.uniform(-25, 25),
            is_mirrored=painting.toss(random),
        )
        box = tight_box(figure, placement)
        is_inside = min(box.xmin, box.ymin) >= _MARGIN_PIXELS and box.is_within(inner_size)
        if is_inside and all(iou(box, other) == 0 for other in others):
            return placement
    return None


def tight_box(figure: Figure, placement: painting.Placement) -> BoundingBox:
    """Return the smallest box of whole pixels around a placed figure."""
    corners = placement.corners(figure)
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return BoundingBox(math.floor(min(xs)), math.floor(min(ys)), math.floor(max(xs)) + 1, math.floor(max(ys)) + 1)
