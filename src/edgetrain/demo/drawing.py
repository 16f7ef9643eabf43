"""Draw the demo's dataset: seeded pictures of boats, fishes, houses and mushrooms with Pascal VOC boxes.

Accepts a folder that need not exist, writes `annotations/NAME.xml` and `images/NAME.jpg` into it. Same seed and
number, same bytes. Every picture has a generator of its own, so picture 7 of 10 is picture 7 of 1000.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from edgetrain.demo import painting
from edgetrain.demo.figures import OBJECTS, Figure

_MARGIN_PIXELS = 2
_NEGATIVE_SHARE = 0.08
_TRIES_PER_OBJECT = 20
_SIZES = ((240, 180), (256, 256), (288, 216), (320, 240), (240, 320))


@dataclass(frozen=True)
class DrawnObject:
    """One object of a picture and its tight box, integer pixels, minima inclusive and maxima exclusive."""

    class_name: str
    xmin: int
    ymin: int
    xmax: int
    ymax: int

    def is_apart_from(self, other: "DrawnObject") -> bool:
        """Whether the two boxes share no pixel."""
        beside = self.xmax <= other.xmin or other.xmax <= self.xmin
        return beside or self.ymax <= other.ymin or other.ymax <= self.ymin


@dataclass(frozen=True)
class DrawnPicture:
    """A picture, RGB, and what is to be found on it."""

    image: Image.Image
    objects: tuple[DrawnObject, ...]


def draw_dataset(folder: Path, *, pictures: int, seed: int) -> int:
    """Write a drawn dataset.

    Args:
        folder: gets `annotations/` and `images/`; made if missing, files of the same names are replaced.
        pictures: how many, at least 1.
        seed: at least 0; another one gives other pictures.

    Returns:
        How many objects stand on the pictures together.
    """
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    objects = 0
    for number in range(pictures):
        drawn = draw_picture(seed=seed, number=number)
        name = f"demo-{number:04d}"
        drawn.image.save(folder / "images" / f"{name}.jpg", format="JPEG", quality=90, subsampling="4:2:0", optimize=False)
        (folder / "annotations" / f"{name}.xml").write_text(_voc_xml(f"{name}.jpg", drawn), encoding="utf-8", newline="\n")
        objects += len(drawn.objects)
    return objects


def draw_picture(*, seed: int, number: int) -> DrawnPicture:
    """One picture of the dataset.

    Args:
        seed: the dataset's.
        number: the picture's, from 0.
    """
    random = np.random.default_rng([seed, number])
    width, height = _SIZES[int(random.integers(len(_SIZES)))]
    image = painting.paint_landscape(random, width, height)
    objects: list[DrawnObject] = []
    wanted = 0 if random.random() < _NEGATIVE_SHARE else int(random.integers(1, 4))
    for _ in range(wanted):
        figure = OBJECTS[int(random.integers(len(OBJECTS)))]
        placed = _find_place(random, figure, image.size, objects)
        if placed is None:
            continue
        placement, drawn = placed
        tones = painting.pick_tones(random, painting.colour_at(image, placement.centre))
        edge = painting.pick_colour(random) if random.random() < 0.5 else None
        painting.paint_figure(image, figure, placement, tones=tones, edge=edge)
        objects.append(drawn)
    return DrawnPicture(painting.add_grain(random, image, random.uniform(0, 12)), tuple(objects))


def _find_place(
    random: np.random.Generator, figure: Figure, size: tuple[int, int], others: list[DrawnObject]
) -> tuple[painting.Placement, DrawnObject] | None:
    """A place inside the picture that covers no other object's box; None if the picture is too full."""
    width, height = size
    for _ in range(_TRIES_PER_OBJECT):
        half = min(width, height) * random.uniform(0.13, 0.32)
        stretch = random.uniform(0.85, 1.18)
        placement = painting.Placement(
            centre=(random.uniform(0, width), random.uniform(0, height)),
            half_width=half * stretch,
            half_height=half / stretch,
            turn_degrees=random.uniform(-25, 25),
            is_mirrored=bool(random.random() < 0.5),
        )
        drawn = tight_box(figure, placement)
        is_inside = min(drawn.xmin, drawn.ymin) >= _MARGIN_PIXELS and drawn.xmax <= width - _MARGIN_PIXELS and drawn.ymax <= height - _MARGIN_PIXELS
        if is_inside and all(drawn.is_apart_from(other) for other in others):
            return placement, drawn
    return None


def tight_box(figure: Figure, placement: painting.Placement) -> DrawnObject:
    corners = placement.corners(figure)
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return DrawnObject(figure.name, math.floor(min(xs)), math.floor(min(ys)), math.floor(max(xs)) + 1, math.floor(max(ys)) + 1)


def _voc_xml(filename: str, picture: DrawnPicture) -> str:
    """The annotation as labelImg writes it."""
    objects = "".join(
        f"\t<object>\n\t\t<name>{escape(item.class_name)}</name>\n\t\t<pose>Unspecified</pose>\n"
        f"\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
        f"\t\t\t<xmin>{item.xmin}</xmin>\n\t\t\t<ymin>{item.ymin}</ymin>\n"
        f"\t\t\t<xmax>{item.xmax}</xmax>\n\t\t\t<ymax>{item.ymax}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        for item in picture.objects
    )
    return (
        f"<annotation>\n\t<folder>images</folder>\n\t<filename>{escape(filename)}</filename>\n"
        f"\t<source>\n\t\t<database>Unknown</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{picture.image.width}</width>\n\t\t<height>{picture.image.height}</height>\n"
        f"\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{objects}</annotation>\n"
    )
