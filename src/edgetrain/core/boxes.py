"""Rectangles: pixels in Pascal VOC order, and fractions of the picture in TensorFlow order."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSize:
    """Width and height of a picture in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        """Return ``WIDTHxHEIGHT``."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class NormalizedBox:
    """A rectangle as fractions of the picture (0 to 1), TensorFlow order: ymin, xmin, ymax, xmax."""

    ymin: float
    xmin: float
    ymax: float
    xmax: float

    def to_pixels(self, size: ImageSize) -> BoundingBox:
        """Return the same rectangle in pixels of a picture of the given size."""
        return BoundingBox(
            self.xmin * size.width, self.ymin * size.height, self.xmax * size.width, self.ymax * size.height
        )


@dataclass(frozen=True)
class BoundingBox:
    """A rectangle in pixels, Pascal VOC order; the origin is the picture's top left corner.

    Coordinates are used as they stand in the file, without the shift by one of the VOC devkit: the Object
    Detection API trained its checkpoints that way.
    """

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        """Width in pixels; negative if the box is inverted."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """Height in pixels; negative if the box is inverted."""
        return self.ymax - self.ymin

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for an empty or inverted box."""
        return max(0.0, self.width) * max(0.0, self.height)

    def is_finite(self) -> bool:
        """Return whether no coordinate is infinite or not a number."""
        return all(math.isfinite(value) for value in (self.xmin, self.ymin, self.xmax, self.ymax))

    def is_within(self, size: ImageSize) -> bool:
        """Return whether the box lies inside a picture of the given size (edges included)."""
        return 0 <= self.xmin <= self.xmax <= size.width and 0 <= self.ymin <= self.ymax <= size.height

    def normalize(self, size: ImageSize) -> NormalizedBox:
        """Return the same rectangle as fractions of a picture of the given size."""
        return NormalizedBox(
            self.ymin / size.height, self.xmin / size.width, self.ymax / size.height, self.xmax / size.width
        )


def iou(first: BoundingBox, second: BoundingBox) -> float:
    """Return the intersection over union of two boxes, 0 to 1; 0 where both are empty."""
    width = min(first.xmax, second.xmax) - max(first.xmin, second.xmin)
    height = min(first.ymax, second.ymax) - max(first.ymin, second.ymin)
    intersection = max(0.0, width) * max(0.0, height)
    union = first.area + second.area - intersection
    return intersection / union if union > 0 else 0.0
