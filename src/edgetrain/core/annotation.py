"""What a person drew on one picture, with the place in the file where each value stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.boxes import BoundingBox, ImageSize


@dataclass(frozen=True)
class LabelledBox:
    """One ground-truth box: class name, rectangle, and the line of its ``<object>``."""

    class_name: str
    box: BoundingBox
    line: int
    is_difficult: bool = False


@dataclass(frozen=True)
class Annotation:
    """The ground truth of one picture; no boxes make it a negative example.

    ``filename`` and ``size`` are what the file says, which need not be true; they are ``None`` where it says nothing.
    """

    path: Path
    filename: str | None
    filename_line: int
    size: ImageSize | None
    size_line: int
    boxes: tuple[LabelledBox, ...]
