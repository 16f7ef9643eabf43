"""The upright boxes around shapes that are none: turned rectangles, masks as run lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from edgetrain.core.boxes import BoundingBox, ImageSize

_DIGITS = 3
# A run of COCO's text form: groups of five bits from "0" on, the sixth tells that more follow.
_FIRST, _BITS, _MORE, _SIGN = 48, 5, 0x20, 0x10
_MOST_GROUPS = 12


class BoxAround(BoundingBox):
    """The smallest upright box around another shape, in pixels: what sticks out of the picture is not visible."""

    def cut(self, size: ImageSize | None) -> BoundingBox:
        """Return the part within a picture as a plain box; all of it if that is empty or the size is not known."""
        plain = BoundingBox(self.xmin, self.ymin, self.xmax, self.ymax)
        if size is None:
            return plain
        left, right = (min(max(side, 0), size.width) for side in (self.xmin, self.xmax))
        top, bottom = (min(max(side, 0), size.height) for side in (self.ymin, self.ymax))
        return BoundingBox(left, top, right, bottom) if left < right and top < bottom else plain


def around(box: BoundingBox) -> BoxAround:
    """Return a box as one that is around a shape."""
    return BoxAround(box.xmin, box.ymin, box.xmax, box.ymax)


def around_points(points: Iterable[tuple[float, float]]) -> BoxAround:
    """Return the smallest box around one or more points (x, y) in pixels."""
    columns, rows = zip(*points)
    return BoxAround(min(columns), min(rows), max(columns), max(rows))


def box_around_turned(box: BoundingBox, degrees: float, pivot: tuple[float, float] | None = None) -> BoxAround:
    """Return the smallest upright box around one that is turned, rounded to a thousandth of a pixel.

    Args:
        box: the rectangle before it was turned, in pixels.
        degrees: by how much it was turned clockwise as people see it (y grows downwards).
        pivot: the point (x, y) that stayed (default: the centre).
    """
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    x0, y0 = pivot or ((box.xmin + box.xmax) / 2, (box.ymin + box.ymax) / 2)
    corners = [(x - x0, y - y0) for x in (box.xmin, box.xmax) for y in (box.ymin, box.ymax)]
    columns = [x0 + x * cosine - y * sine for x, y in corners]
    rows = [y0 + x * sine + y * cosine for x, y in corners]
    sides = (min(columns), min(rows), max(columns), max(rows))
    return BoxAround(*(round(side, _DIGITS) for side in sides))


def box_of_run_lengths(counts: object, size: ImageSize) -> BoxAround | None:
    """Return the box around a mask, from its first pixel's edge to its last one's; ``None`` if it is no mask or empty.

    Args:
        counts: lengths of runs of 0 and 1 in turn, down the columns, as a list or in COCO's text form
            (github.com/cocodataset/cocoapi, common/maskApi.c: ``rleToString``).
        size: that of the mask in pixels.
    """
    runs = list(_decoded(counts)) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        return None
    if sum(runs) > size.width * size.height:
        return None
    return _box_of_runs(runs, size.height)


def _box_of_runs(runs: Sequence[int], height: int) -> BoxAround | None:
    columns: list[int] = []
    rows: list[int] = []
    at = 0
    for index, run in enumerate(runs):
        if index % 2 and run:
            last = at + run - 1
            columns += (at // height, last // height)
            is_one_column = at // height == last // height
            rows += (at % height, last % height) if is_one_column else (0, height - 1)
        at += run
    if not columns:
        return None
    return BoxAround(min(columns), min(rows), max(columns) + 1, max(rows) + 1)


def _decoded(text: str) -> Iterator[int]:
    """Yield the runs of COCO's text form; from the third on each is told by its difference to the one but last."""
    runs: list[int] = []
    value = groups = 0
    for letter in text:
        code = ord(letter) - _FIRST
        if not 0 <= code < 2 * _MORE or groups > _MOST_GROUPS:
            yield -1
            return
        value |= (code & (_MORE - 1)) << (_BITS * groups)
        groups += 1
        if code & _MORE:
            continue
        if code & _SIGN:
            value -= 1 << (_BITS * groups)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))  # noqa: PLR2004
        yield runs[-1]
        value = groups = 0
