"""What the HTML page shows of a dataset's figures: histograms, and the sizes of boxes beside those of anchors.

Accepted: the report of ``stats`` as it was read back; texts are escaped here or by the template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from edgetrain.core.wording import count_text
from edgetrain.dataset.stats.figures import CELLS
from edgetrain.dataset.stats.text import NAMES, shown_intervals
from edgetrain.formats.charts import Svg, share_bar

_SIDE, _LEFT, _BOTTOM, _TOP = 320, 44, 44, 22
_FAINTEST = 0.18


def stats_section(stats: Mapping[str, Any]) -> dict[str, object]:
    """Return what the template ``report/stats.html`` shows; empty without figures.

    Args:
        stats: results of the stage ``stats``.
    """
    if not stats:
        return {}
    whole, anchors, size = stats["parts"]["all"], stats["anchors"], stats["image_size"]
    return {
        "image_size": size,
        "small": count_text(whole["small"]),
        "histograms": [(NAMES[name], _bars(name, values)) for name, values in sorted(whole["histograms"].items())],
        "size_map": size_map_chart(stats["size_map"], anchors["shapes"], size),
        "boxes": count_text(anchors["boxes"]),
        "unmatched": count_text(anchors["unmatched"]),
        "iou": anchors["iou"],
        "worst": anchors["worst"],
        "shapes": len(anchors["shapes"]),
        "unused": [_shape_text(shape) for shape in anchors["shapes"] if not shape["matched"]],
    }


def size_map_chart(cells: Sequence[Sequence[int]], shapes: Sequence[Mapping[str, Any]], image_size: int) -> Svg:
    """Return the boxes by width and height, darker where there are more, and a ring for each shape of anchors.

    Args:
        cells: column, row and number of boxes of each cell that has any.
        shapes: anchor shapes with ``width`` and ``height`` in pixels; those larger than the picture stand at its edge.
        image_size: side of the network's input in pixels.
    """
    most = max((count for _, _, count in cells), default=1)
    step = _SIDE / CELLS
    parts = [f'<rect class="ground" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>']
    for column, row, count in cells:
        x, y = _LEFT + column * step, _TOP + _SIDE - (row + 1) * step
        opacity = _FAINTEST + (1 - _FAINTEST) * count / most
        place = f'x="{x:.1f}" y="{y:.1f}" width="{step:.1f}" height="{step:.1f}"'
        parts.append(f'<rect class="cell" {place} fill-opacity="{opacity:.2f}"><title>{count}</title></rect>')
    for shape in shapes:
        across, up = (min(1.0, shape[side] / image_size) * _SIDE for side in ("width", "height"))
        style = "anchor" if shape["matched"] else "anchor unused"
        title = f"<title>{escape(_shape_text(shape))}</title>"
        parts.append(
            f'<circle class="{style}" cx="{_LEFT + across:.1f}" cy="{_TOP + _SIDE - up:.1f}" r="4">{title}</circle>'
        )
    for share in (0.0, 0.5, 1.0):
        text, along = f"{share * image_size:g}", share * _SIDE
        parts.append(f'<text text-anchor="middle" x="{_LEFT + along:.1f}" y="{_TOP + _SIDE + 18}">{text}</text>')
        parts.append(f'<text text-anchor="end" x="{_LEFT - 7}" y="{_TOP + _SIDE - along + 4:.1f}">{text}</text>')
    middle = _LEFT + _SIDE / 2
    label = 'class="label"'
    parts.append(f'<text {label} text-anchor="middle" x="{middle}" y="{_TOP + _SIDE + 38}">width, pixels</text>')
    parts.append(f'<text {label} x="0" y="13">height, pixels</text>')
    box = f"0 0 {_LEFT + _SIDE + 14} {_TOP + _SIDE + _BOTTOM}"
    title = "Sizes of the labelled boxes and of the anchors"
    return Svg(f'<svg class="chart sizes" viewBox="{box}" role="img" aria-label="{title}">{"".join(parts)}</svg>')


def _bars(name: str, intervals: Sequence[Mapping[str, Any]]) -> list[tuple[str, Svg, str]]:
    """Return text, bar and count of each interval; the longest bar is that of the fullest one."""
    rows = shown_intervals(name, intervals)
    most = max((count for _, count in rows), default=1)
    return [(text, share_bar(count / most, None, title=f"{text}: {count}"), count_text(count)) for text, count in rows]


def _shape_text(shape: Mapping[str, Any]) -> str:
    size = f"{shape['width']:.0f}x{shape['height']:.0f}"
    return f"{size} (layer {shape['layer']}, ratio {shape['aspect_ratio']:.2g})"
