"""What the HTML page says of the Edge TPU: predicted, compiled, tried on a device; texts are clean already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from edgetrain.core.wording import UNKNOWN, count_text, finite_number, size_text
from edgetrain.core.workspace.stage_reports import Records, as_list, as_object, as_text, value_of
from edgetrain.dataset.stats.figures import CELLS
from edgetrain.dataset.stats.text import NAMES, shown_intervals
from edgetrain.report.charts import Svg, share_bar

_STATES = {True: "passed", False: "failed", None: "not judged"}
_SIDE, _LEFT, _BOTTOM, _TOP = 320, 44, 44, 22
_FAINTEST = 0.18


@dataclass(frozen=True)
class EdgeTpuSection:
    """Rows of the page's tables: operators, memory and checks; empty where a stage was not run."""

    operators: tuple[tuple[str, str, str, str], ...]
    memory: tuple[tuple[str, str], ...]
    checks: tuple[tuple[str, str, str], ...]
    device: str
    is_rehearsal: bool


def edgetpu_section(records: Records) -> EdgeTpuSection:
    """Return what the stages preflight, compile and hardware left behind."""
    return EdgeTpuSection(
        operators=tuple(_operators(records)),
        memory=tuple(_memory(records)),
        checks=tuple(_check(as_object(check)) for check in as_list(value_of(records, "hardware", "checks"))),
        device=as_text(value_of(records, "hardware", "device")),
        is_rehearsal=value_of(records, "hardware", "is_rehearsal") is True,
    )


def _operators(records: Records) -> list[tuple[str, str, str, str]]:
    """Return where the operators run, predicted and then by the compiler: source, share, counts on Edge TPU and CPU."""
    rows = []
    if "preflight" in records:
        mapped, whole = (finite_number(value_of(records, "preflight", key)) for key in ("mapped", "operators"))
        rows.append(("preflight (predicted)", _share(mapped, whole), count_text(mapped), _rest(records)))
    if "compile" in records:
        log = as_object(value_of(records, "compile", "log"))
        provenance = as_text(value_of(records, "compile", "provenance"))
        on_tpu, on_cpu = (finite_number(log.get(key)) for key in ("on_tpu", "on_cpu"))
        whole = None if on_tpu is None or on_cpu is None else on_tpu + on_cpu
        rows.append((f"compile ({provenance})", _share(on_tpu, whole), count_text(on_tpu), count_text(on_cpu)))
    return rows


def _share(part: float | None, whole: float | None) -> str:
    return f"{100 * part / whole:.0f} %" if part is not None and whole else UNKNOWN


def _rest(records: Records) -> str:
    counts = as_object(value_of(records, "preflight", "on_cpu"))
    return ", ".join(f"{count_text(count)} {name}" for name, count in counts.items()) or "0"


def _memory(records: Records) -> list[tuple[str, str]]:
    log = as_object(value_of(records, "compile", "log"))
    labels = {
        "cached_bytes": "parameters cached on the chip",
        "remaining_bytes": "memory left on the chip",
        "streamed_bytes": "parameters sent for every picture",
    }
    return [(label, _size(log, key)) for key, label in labels.items() if finite_number(log.get(key)) is not None]


def _size(log: Mapping[str, object], key: str) -> str:
    return size_text(int(finite_number(log.get(key)) or 0))


def _check(check: Mapping[str, object]) -> tuple[str, str, str]:
    return as_text(check.get("name")), _state(check.get("is_passed")), as_text(check.get("text"))


def promotion_section(records: Records) -> list[tuple[str, str, str]]:
    """Return rule, result and figures of each reason, those against the model first; empty without a decision."""
    reasons = [as_object(reason) for reason in as_list(value_of(records, "promote", "reasons"))]
    ordered = sorted(reasons, key=lambda reason: reason.get("is_passed") is not False)
    return [
        (as_text(reason.get("name")), _state(reason.get("is_passed")), as_text(reason.get("text")))
        for reason in ordered
    ]


def _state(is_passed: object) -> str:
    return _STATES[is_passed if isinstance(is_passed, bool) else None]


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
