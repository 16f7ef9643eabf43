"""What the review of one annotation and its picture found, small enough to keep for a whole dataset."""

from __future__ import annotations

from typing import NamedTuple

from edgetrain.core.findings import Finding


class ReviewedBox(NamedTuple):
    """A box as it is drawn (pixels), and the lines of its object and of its class name."""

    class_name: str
    line: int
    class_line: int
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Reviewed(NamedTuple):
    """One annotation, its picture and their own faults.

    ``name`` and ``image_name`` are relative to the dataset, ``image_name`` is empty where there is no picture.
    ``width`` and ``height`` are the picture's own pixels; 0, and an empty ``image_key``, if unreadable. ``image_key``
    is the same for identical pictures, and hardly ever for others; ``image_digest`` is that of the content, empty where
    no other picture has the same key. ``is_read`` tells whether the annotation could be parsed; boxes with a fault that
    hides their values are not among ``boxes``.
    """

    name: str
    is_read: bool
    filename: str = ""
    filename_line: int = 1
    boxes: tuple[ReviewedBox, ...] = ()
    image_name: str = ""
    image_key: str = ""
    width: int = 0
    height: int = 0
    image_digest: str = ""
    findings: tuple[Finding, ...] = ()
