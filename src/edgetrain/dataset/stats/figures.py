"""Figures of a labelled dataset as the network will see it: values in, JSON values out."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgetrain.core.boxes import BoundingBox
from edgetrain.dataset.stats.anchor_grid import AnchorShape

MATCHING_IOU = 0.5  # of the templates' matcher: below it an anchor learns background
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
CELLS = 30  # columns and rows of the map of box sizes
_SIDE_EDGES = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_RATIO_EDGES = (0.2, 0.333, 0.5, 0.707, 1.414, 2.0, 3.0, 5.0)
_COUNT_EDGES = (1, 2, 3, 6, 11, 21, 51, 101)
_SHOWN = 20


@dataclass(frozen=True)
class MeasuredBox:
    """A labelled box as fractions of its picture, which the network stretches to its square input."""

    class_name: str
    box: BoundingBox
    place: str


@dataclass(frozen=True)
class MeasuredPicture:
    """A picture with its boxes; ``split`` is empty where the dataset is not divided."""

    split: str
    boxes: tuple[MeasuredBox, ...]


def part_stats(pictures: Sequence[MeasuredPicture], image_size: int, small_side: float) -> dict[str, object]:
    """Return the figures of some pictures.

    Args:
        pictures: a split, or all.
        image_size: side of the network's input; lengths are in its pixels.
        small_side: a box with a shorter side counts as small.
    """
    boxes = [one for picture in pictures for one in picture.boxes]
    sides: dict[str, list[float]] = {
        "width": [one.box.width * image_size for one in boxes],
        "height": [one.box.height * image_size for one in boxes],
        "side": [math.sqrt(one.box.area) * image_size for one in boxes],
        "aspect_ratio": [one.box.width / one.box.height for one in boxes],
    }
    counts = [len(picture.boxes) for picture in pictures]
    measures = {**sides, "boxes_per_image": [float(count) for count in counts]}
    return {
        "images": len(pictures),
        "negatives": counts.count(0),
        "boxes": len(boxes),
        "classes": dict(sorted(Counter(one.class_name for one in boxes).items())),
        "small": sum(min(one.box.width, one.box.height) * image_size < small_side for one in boxes),
        "quantiles": {name: _quantiles(values) for name, values in measures.items()},
        "histograms": {
            "side": histogram(sides["side"], _SIDE_EDGES),
            "aspect_ratio": histogram(sides["aspect_ratio"], _RATIO_EDGES),
            "boxes_per_image": histogram(counts, _COUNT_EDGES),
        },
    }


def anchor_stats(boxes: Sequence[MeasuredBox], shapes: Sequence[AnchorShape], image_size: int) -> dict[str, object]:
    """Return how the boxes and the anchors meet.

    ``unmatched`` counts the boxes without an anchor of sufficient IoU (training gives such a box its best anchor all
    the same), ``worst`` lists them. Of each shape, ``matched`` counts the boxes that an anchor of it fits, and ``best``
    those that it fits best of all.
    """
    matched, best = Counter[int](), Counter[int]()
    unmatched = []
    for one in boxes:
        ious = [shape.best_iou(one.box) for shape in shapes]
        matched.update(index for index, value in enumerate(ious) if value >= MATCHING_IOU)
        highest = max(range(len(ious)), key=ious.__getitem__)
        best[highest] += 1
        if ious[highest] < MATCHING_IOU:
            unmatched.append((ious[highest], one))
    unmatched.sort(key=lambda pair: (pair[0], pair[1].place))
    return {
        "iou": MATCHING_IOU,
        "boxes": len(boxes),
        "unmatched": len(unmatched),
        "worst": [
            {
                "place": one.place,
                "class": one.class_name,
                "width": round(one.box.width * image_size, 1),
                "height": round(one.box.height * image_size, 1),
                "iou": round(value, 3),
            }
            for value, one in unmatched[:_SHOWN]
        ],
        "shapes": [
            {
                "layer": shape.layer,
                "grid": shape.grid,
                "aspect_ratio": shape.aspect_ratio,
                "width": round(shape.width * image_size, 1),
                "height": round(shape.height * image_size, 1),
                "matched": matched[index],
                "best": best[index],
            }
            for index, shape in enumerate(shapes)
        ],
    }


def size_map(boxes: Sequence[MeasuredBox]) -> list[list[int]]:
    """Return how many boxes have which size: column (width), row (height) and number, for each cell that has any."""
    cells = Counter(
        tuple(min(CELLS - 1, int(side * CELLS)) for side in (one.box.width, one.box.height)) for one in boxes
    )
    return [[*cell, count] for cell, count in sorted(cells.items())]


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[dict[str, object]]:
    """Return the number of values in each interval; ``from`` belongs to it, ``to`` does not, ``None`` is open."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect.bisect_right(edges, value)] += 1
    limits = [None, *edges, None]
    return [{"from": low, "to": high, "count": count} for low, high, count in zip(limits, limits[1:], counts)]


def _quantiles(values: Sequence[float]) -> list[float]:
    """Return the quantiles, each the nearest value at or above its rank; none of no values."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return [round(ordered[math.ceil(share * last)], 3) for share in QUANTILES] if ordered else []
