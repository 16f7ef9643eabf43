"""What a person drew on one picture, with the place in the file where each value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Optional

from edgetrain.core.boxes import BoundingBox, ImageSize


class BoxLines(NamedTuple):
    """The lines on which the parts of a box stand."""

    class_name: int
    xmin: int
    ymin: int
    xmax: int
    ymax: int


@dataclass(frozen=True)
class LabelledBox:
    """One ground-truth box: class name, rectangle, the line of its ``<object>`` and, if known, those of its parts."""

    class_name: str
    box: BoundingBox
    line: int
    is_difficult: bool = False
    lines: Optional[BoxLines] = field(default=None, compare=False)

    def line_of(self, part: str) -> int:
        """Return the line of a part of :class:`BoxLines`; the object's where it is not known."""
        return int(getattr(self.lines, part)) if self.lines else self.line


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
