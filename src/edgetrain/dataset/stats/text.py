"""The figures of a dataset as a compact table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgetrain.dataset.stats.figures import QUANTILES

_MOST_CLASSES = 40
_WORST = 5
_BAR = 30
NAMES = {
    "width": "width, px",
    "height": "height, px",
    "side": "side (root of area), px",
    "aspect_ratio": "width : height",
    "boxes_per_image": "boxes in a picture",
}


def render_stats(stats: Mapping[str, Any]) -> str:
    """Return the report of ``stats`` as text."""
    parts, size = stats["parts"], stats["image_size"]
    whole = parts["all"]
    lines = [
        *_counts(parts, stats["small_side"]),
        "",
        f"At the network's input ({size}x{size})",
        *_quantiles(whole),
        "",
    ]
    for name in ("side", "aspect_ratio", "boxes_per_image"):
        lines += [NAMES[name], *_bars(name, whole["histograms"][name]), ""]
    return "\n".join([*lines, *_anchors(stats["anchors"])])


def interval_text(low: float | None, high: float | None, *, is_whole: bool) -> str:
    """Return an interval of a histogram as text: ``under 4``, ``4 to 8``, ``256 or more``; ``3 to 5`` if whole."""
    if low is None:
        return f"under {high:g}" if high != 1 or not is_whole else "0"
    if high is None:
        return f"{low:g} or more"
    if not is_whole:
        return f"{low:g} to {high:g}"
    return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"


def shown_intervals(name: str, intervals: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return text and count of the intervals of a histogram, from the first to the last that is not empty."""
    filled = [place for place, one in enumerate(intervals) if one["count"]]
    used = intervals[filled[0] : filled[-1] + 1] if filled else ()
    is_whole = name == "boxes_per_image"
    return [(interval_text(one["from"], one["to"], is_whole=is_whole), one["count"]) for one in used]


def _counts(parts: Mapping[str, Any], small_side: float) -> list[str]:
    whole = parts["all"]
    names = sorted(whole["classes"], key=lambda name: (-whole["classes"][name], name))
    rows = [["class", *parts, "share"]]
    for name in names[:_MOST_CLASSES]:
        share = whole["classes"][name] / whole["boxes"]
        rows.append([name, *(str(part["classes"].get(name, 0)) for part in parts.values()), f"{share:.1%}"])
    if len(names) > _MOST_CLASSES:
        rows.append([f"… {len(names) - _MOST_CLASSES} more", *("" for _ in parts), ""])
    for label, key in (
        ("boxes", "boxes"),
        ("pictures", "images"),
        ("without objects", "negatives"),
        (f"side under {small_side:g} px", "small"),
    ):
        rows.append([label, *(str(part[key]) for part in parts.values()), ""])
    return _table(rows)


def _quantiles(whole: Mapping[str, Any]) -> list[str]:
    names = ["min", *(f"{share:.0%}" for share in QUANTILES[1:-1]), "max"]
    rows = [["", *names]]
    rows += [[NAMES[name], *(f"{value:.4g}" for value in values)] for name, values in whole["quantiles"].items()]
    return _table([row for row in rows if len(row) > 1])


def _bars(name: str, intervals: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = shown_intervals(name, intervals)
    most = max((count for _, count in rows), default=1)
    bars = ["#" * max(1 if count else 0, round(count / most * _BAR)) for _, count in rows]
    return [f"  {text:16}{count:>7}  {bar}".rstrip() for (text, count), bar in zip(rows, bars)]


def _anchors(anchors: Mapping[str, Any]) -> list[str]:
    rows = [["layer", "grid", "ratio", "size, px", "boxes it fits", "fits best"]]
    for one in anchors["shapes"]:
        size = f"{one['width']:.0f}x{one['height']:.0f}"
        grid, ratio = f"{one['grid']}x{one['grid']}", f"{one['aspect_ratio']:.2g}"
        rows.append([str(one["layer"]), grid, ratio, size, str(one["matched"]), str(one["best"])])
    lines = [f"Anchors, IoU {anchors['iou']} or more", *_table(rows)]
    never = sum(not one["matched"] for one in anchors["shapes"])
    lines.append(f"{never} of {len(anchors['shapes'])} shapes never fit a box.")
    lines.append(
        f"{anchors['unmatched']} of {anchors['boxes']} boxes have no anchor that fits; each gets its best one."
    )
    lines += [
        f"  {one['place']}: {one['class']} {one['width']:g}x{one['height']:g} px, best IoU {one['iou']:.2f}"
        for one in anchors["worst"][:_WORST]
    ]
    more = anchors["unmatched"] - _WORST
    return [*lines, f"  … {more} more"] if more > 0 else lines


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows in columns: the first one to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
