"""Where the labelled boxes of all splits lie in their pictures, from the tables of ``tabulate``."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.splits import Split
from edgetrain.core.system.files import open_text
from edgetrain.core.workspace import Workspace
from edgetrain.report.charts import Svg

_MOST_TABLE_BYTES = 256 << 20
_CELLS, _SIDE = 20, 320
_FAINTEST = 0.15


@dataclass(frozen=True)
class PlacedBox:
    """A labelled box: centre from the top left corner, width and height, all as shares of its picture."""

    class_name: str
    x: float
    y: float
    width: float
    height: float


def placed_boxes(workspace: Workspace) -> list[PlacedBox]:
    """Return the boxes of all tables that exist; none where one cannot be read."""
    try:
        return [box for path in map(workspace.table_path, Split) if path.is_file() for box in _boxes_of(path)]
    except (OSError, KeyError, TypeError, ValueError, ZeroDivisionError, csv.Error):
        return []


def _boxes_of(path: Path) -> Iterator[PlacedBox]:
    with open_text(path, newline="", most_bytes=_MOST_TABLE_BYTES) as stream:
        for row in csv.DictReader(stream):
            if not row["class"]:  # a picture without objects
                continue
            width, height = float(row["width"]), float(row["height"])
            xmin, ymin, xmax, ymax = (float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
            centre = ((xmin + xmax) / 2 / width, (ymin + ymax) / 2 / height)
            yield PlacedBox(row["class"], *centre, (xmax - xmin) / width, (ymax - ymin) / height)


def heat_map(points: Sequence[tuple[float, float]], *, title: str, labels: tuple[str, str], is_down: bool) -> Svg:
    """Return points of shares (0 to 1) as a map of 20 by 20 cells, darker where there are more.

    Args:
        points: across and up, or down; what is outside counts at the edge.
        title: what a screen reader says.
        labels: of the axes across and up or down.
        is_down: the second share counts from the top, as in a picture.
    """
    counts = Counter((_cell(x), _cell(y)) for x, y in points)
    most = max(counts.values(), default=1)
    step = _SIDE / _CELLS
    parts = [f'<rect class="ground" width="{_SIDE}" height="{_SIDE}"/>']
    for (column, row), count in sorted(counts.items()):
        top = row if is_down else _CELLS - 1 - row
        opacity = _FAINTEST + (1 - _FAINTEST) * count / most
        place = f'x="{column * step:.0f}" y="{top * step:.0f}" width="{step:.0f}" height="{step:.0f}"'
        parts.append(f'<rect class="cell" {place} fill-opacity="{opacity:.2f}"><title>{count}</title></rect>')
    across, along = labels
    parts.append(f'<text x="{_SIDE / 2}" y="{_SIDE + 18}" text-anchor="middle">{across}; {along}</text>')
    box = f"0 0 {_SIDE} {_SIDE + 26}"
    return Svg(f'<svg class="chart sizes" viewBox="{box}" role="img" aria-label="{title}">{"".join(parts)}</svg>')


def _cell(share: float) -> int:
    return min(_CELLS - 1, max(0, int(share * _CELLS)))
