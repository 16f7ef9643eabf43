"""What an HTML page shows of figures: curves, bars and boxes over photographs as SVG text, and numbers as text.

Accepted: any text and any finite number; texts are escaped here. Colours are CSS classes of the page
(``raw``, ``smooth``, ``truth``, ``found`` …), so that a chart follows its light or dark scheme.
"""

from __future__ import annotations

import base64
import io
import math
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from edgetrain.core.boxes import BoundingBox, ImageSize, iou
from edgetrain.core.errors import DatasetError
from edgetrain.images.image_file import decode

_CHART_WIDTH, _CHART_HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 30, 44
_TICKS = 5
_SAME_VALUE = 1e-6
_FEW_POINTS = 40
_PICTURE_SIDE = 320
_JPEG_QUALITY = 72
_NAME_CHARACTERS = 20
_NAMED_DETECTIONS = 3
_MATCHING_IOU = 0.5
_SMOOTHED_FROM = 20
_LABEL_HEIGHT = 15.0


@dataclass(frozen=True)
class Svg:
    """An SVG element that is escaped already; Jinja puts it into a page as it stands."""

    text: str

    def __html__(self) -> str:
        """Return the element."""
        return self.text


@dataclass(frozen=True)
class Curve:
    """Points (x, y) in the order of x; ``style`` is the CSS class of the line."""

    style: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class JudgedBox:
    """A labelled box or a detection, in pixels of its picture; ``score`` is 0 to 1, of a labelled box 0."""

    class_name: str
    box: BoundingBox
    score: float = 0.0


@dataclass(frozen=True)
class MarkedBox:
    """A labelled box or a detection with what became of it (``right``, ``missed``, ``invented``, …).

    ``score`` is 0 to 1; of a labelled box that of the best detection that was too weak, 0 without one.
    """

    class_name: str
    kind: str
    box: BoundingBox
    score: float
    is_truth: bool


def unit_chart(curves: Sequence[Curve], *, labels: tuple[str, str], title: str, key: str) -> Svg:
    """Return curves of shares over shares (0 to 1 on both axes), with a mark that the page moves.

    Args:
        curves: points between 0 and 1.
        labels: of the x axis and of the y axis.
        title: what a screen reader says.
        key: the chart's name for the page; ``pr`` has a dot for its mark, the others a vertical line.
    """
    unit = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    parts = [*_axes(unit, unit), *_axis_labels(*labels)]
    for curve in curves:
        line = " ".join(f"{_x(x, unit):.1f},{_y(y, unit):.1f}" for x, y in curve.points)
        parts.append(f'<polyline class="{escape(curve.style)}" points="{line}"/>')
    bottom = _CHART_HEIGHT - _BOTTOM
    mark = (
        f'<circle class="mark" r="5" cx="{_LEFT}" cy="{bottom}"/>'
        if key == "pr"
        else f'<line class="mark" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>'
    )
    return _svg(f"chart unit {key}", _CHART_WIDTH, _CHART_HEIGHT, title, [*parts, mark])


UNIT_CHART_PLACE = (_LEFT, _CHART_WIDTH - _LEFT - _RIGHT, _CHART_HEIGHT - _BOTTOM, _CHART_HEIGHT - _TOP - _BOTTOM)
"""Of a unit chart: x of 0, width of 1, y of 0 and height of 1, in its own units."""


def line_chart(curves: Sequence[Curve], *, x_label: str, y_label: str, title: str) -> Svg:
    """Return curves over one pair of axes; the y axis begins at 0 or at the lowest value below it.

    Args:
        curves: at least one point in all; values that are not finite leave a gap.
        x_label: what stands below the axis, with its unit.
        y_label: what stands above the axis, with its unit.
        title: what a screen reader says.
    """
    points = [point for curve in curves for point in curve.points if math.isfinite(point[1])]
    x_ticks = ticks(min(x for x, _ in points), max(x for x, _ in points))
    y_ticks = ticks(min(0.0, *(y for _, y in points)), max(y for _, y in points))
    parts = [*_axes(x_ticks, y_ticks), *_axis_labels(x_label, y_label)]
    for curve in curves:
        placed = [(_x(x, x_ticks), _y(y, y_ticks)) for x, y in curve.points if math.isfinite(y)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="{escape(curve.style)}" points="{line}"/>')
        dots = placed if len(placed) <= _FEW_POINTS else []
        parts += [f'<circle class="{escape(curve.style)}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in dots]
    return _svg("chart", _CHART_WIDTH, _CHART_HEIGHT, title, parts)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers, evenly spaced, of which the first is at most ``low`` and the last at least ``high``."""
    largest = max(abs(low), abs(high))
    span = high - low if high - low > largest * _SAME_VALUE else largest
    span = span if span > sys.float_info.min else 1.0
    size = 10.0 ** math.floor(math.log10(span / _TICKS))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * _TICKS >= span * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def running_mean(values: Sequence[float], reach: int) -> list[float]:
    """Return the mean of each value and of up to ``reach`` neighbours on both sides (the same number on each)."""
    means = []
    for index in range(len(values)):
        near = min(reach, index, len(values) - 1 - index)
        window = values[index - near : index + near + 1]
        means.append(sum(window) / len(window))
    return means


def share_bar(value: float, marker: float | None, *, title: str) -> Svg:
    """Return a bar for a share (0 to 1), as wide as its place, with a mark for another share."""
    parts = [
        '<rect class="track" width="100%" height="100%" rx="2"/>',
        f'<rect class="share" width="{100 * _clip(value, 1):.1f}%" height="100%" rx="2"/>',
    ]
    if marker is not None:
        place = f"{100 * _clip(marker, 1):.1f}%"
        parts.append(f'<line class="mark" x1="{place}" x2="{place}" y1="0" y2="100%"/>')
    said = escape(title)
    return Svg(f'<svg class="bar" width="100%" height="14" role="img" aria-label="{said}">{"".join(parts)}</svg>')


def training_charts(rows: Sequence[tuple[int, float, float]], judged: Sequence[tuple[int, float]] = ()) -> list[Svg]:
    """Return the curves of loss, learning rate and validation AP; none where there is no finite loss.

    Args:
        rows: step, loss and learning rate in the order of the steps.
        judged: step and AP on the validation pictures; without any there is no such curve.
    """
    rows = [row for row in rows if math.isfinite(row[1])]
    if not rows:
        return []
    losses = [loss for _, loss, _ in rows]
    curves = [Curve("raw", tuple((step, loss) for step, loss, _ in rows))]
    if len(rows) >= _SMOOTHED_FROM:
        smooth = running_mean(losses, max(2, len(rows) // 20))
        curves.append(Curve("smooth", tuple((row[0], value) for row, value in zip(rows, smooth))))
    rate = Curve("rate", tuple((step, rate) for step, _, rate in rows))
    title = "AP on the validation pictures by training step"
    accuracy = Curve("smooth", tuple(judged))
    return [
        line_chart(curves, x_label="training step", y_label="loss", title="Loss by training step"),
        line_chart([rate], x_label="training step", y_label="learning rate", title="Learning rate by training step"),
        *([line_chart([accuracy], x_label="training step", y_label="validation AP", title=title)] if judged else []),
    ]


def judged_picture(
    data: bytes | None, size: ImageSize, *, truths: Sequence[JudgedBox], detections: Sequence[JudgedBox], name: str
) -> tuple[Svg, str]:
    """Return a small copy of a picture (JPEG, without metadata) with boxes over it, and what was found as text.

    Args:
        data: the picture as JPEG or PNG; without it, or if it is damaged, the boxes stand on an empty ground.
        size: the picture's size, which the boxes refer to.
        truths: labelled boxes, drawn dashed and on top.
        detections: what the model found; the best ones and those that match a labelled box are named.
        name: what the picture is called.
    """
    scale = _PICTURE_SIDE / max(size.width, size.height, 1)
    width, height = max(1.0, size.width * scale), max(1.0, size.height * scale)
    detections = sorted(detections, key=lambda found: -found.score)
    matched = matched_places(truths, detections)
    named = [rank < _NAMED_DETECTIONS or rank in matched for rank in range(len(detections))]
    area = f'width="{width:.1f}" height="{height:.1f}"'
    parts = [f'<rect class="ground" {area}/>']
    if url := _thumbnail_url(data):
        parts.append(f'<image href="{url}" {area} preserveAspectRatio="none"/>')
    worst_first = [*zip(detections, named)][::-1]
    parts += [_outline(item, scale, size, "found" if is_named else "found faint") for item, is_named in worst_first]
    parts += [_outline(item, scale, size, "truth") for item in truths]
    parts += [_label(item, scale, size) for item, is_named in worst_first if is_named]
    wrong = len(detections) - len(matched)
    caption = f"{len(matched)} of {len(truths)} found" if truths else "nothing to find"
    caption += f", {wrong} wrong" if wrong else ", none wrong"
    return _svg("picture", width, height, f"{name}: {caption}", parts), caption


def marked_picture(  # noqa: PLR0913 - what is drawn, and how large
    data: bytes, size: ImageSize, boxes: Sequence[MarkedBox], *, name: str, side: int, quality: int
) -> Svg:
    """Return a small copy of a picture (JPEG, without metadata) with boxes over it, mistakes named.

    Args:
        data: the picture as JPEG or PNG; if it is damaged, the boxes stand on an empty ground.
        size: the picture's size, which the boxes refer to.
        boxes: labelled boxes and detections.
        name: what a screen reader says.
        side: longest side of the copy in pixels.
        quality: of the JPEG, 1 to 95.
    """
    scale = side / max(size.width, size.height, 1)
    width, height = max(1.0, size.width * scale), max(1.0, size.height * scale)
    area = f'width="{width:.1f}" height="{height:.1f}"'
    parts = [f'<rect class="ground" {area}/>']
    if url := _thumbnail_url(data, side, quality):
        parts.append(f'<image href="{url}" {area} preserveAspectRatio="none"/>')
    ordered = sorted(boxes, key=lambda one: (not one.is_truth, one.kind != "right", one.score))
    for one in ordered:
        judged = JudgedBox(one.class_name, one.box, one.score)
        if one.is_truth:
            style = "truth missed" if one.kind == "missed" else "truth"
        else:
            style = "right" if one.kind == "right" else "wrong"
        parts.append(_outline(judged, scale, size, style))
    for one in ordered:
        judged = JudgedBox(one.class_name, one.box, one.score)
        if not one.is_truth and one.kind != "right":
            parts.append(_label(judged, scale, size, "wrong"))
        elif one.is_truth and one.kind == "missed":
            parts.append(_label(judged, scale, size, "missed"))
    return _svg("picture", width, height, name, parts)


def matched_places(truths: Sequence[JudgedBox], detections: Sequence[JudgedBox]) -> set[int]:
    """Return the places of the detections, best first, that find a labelled box which no better one found."""
    left, matched = list(truths), set()
    for place, found in enumerate(detections):
        near = [t for t in left if t.class_name == found.class_name and iou(t.box, found.box) >= _MATCHING_IOU]
        if near:
            left.remove(max(near, key=lambda truth: iou(truth.box, found.box)))
            matched.add(place)
    return matched


def _axes(x_ticks: Sequence[float], y_ticks: Sequence[float]) -> list[str]:
    """Return a grid line and a number for each tick of y, a tick and a number for each of x."""
    right, bottom = _CHART_WIDTH - _RIGHT, _CHART_HEIGHT - _BOTTOM
    parts = []
    for tick in y_ticks:
        y = _y(tick, y_ticks)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_words(f"{tick:,.6g}", "end", f'x="{_LEFT - 7}" y="{y + 4:.1f}"'))
    for tick in x_ticks:
        x = _x(tick, x_ticks)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(_words(f"{tick:,.6g}", "middle", f'x="{x:.1f}" y="{bottom + 18}"'))
    return [*parts, f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>']


def _axis_labels(x_label: str, y_label: str) -> list[str]:
    """Return the label of x below the middle of its axis, that of y above its axis: it is read without turning."""
    x = (_LEFT + _CHART_WIDTH - _RIGHT) / 2
    below = _words(x_label, "middle", f'class="label" x="{x:.1f}" y="{_CHART_HEIGHT - 6}"')
    return [below, _words(y_label, "start", 'class="label" x="0" y="13"')]


def _words(text: str, anchor: str, place: str) -> str:
    return f'<text text-anchor="{anchor}" {place}>{escape(text)}</text>'


def _x(value: float, scale: Sequence[float]) -> float:
    return _LEFT + (value - scale[0]) / (scale[-1] - scale[0]) * (_CHART_WIDTH - _LEFT - _RIGHT)


def _y(value: float, scale: Sequence[float]) -> float:
    height = _CHART_HEIGHT - _TOP - _BOTTOM
    return _TOP + height - (value - scale[0]) / (scale[-1] - scale[0]) * height


def _svg(style: str, width: float, height: float, title: str, parts: Sequence[str]) -> Svg:
    box = f"0 0 {width:.0f} {height:.0f}"
    return Svg(f'<svg class="{style}" viewBox="{box}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>')


def _thumbnail_url(data: bytes | None, side: int = _PICTURE_SIDE, quality: int = _JPEG_QUALITY) -> str:
    """Return a picture as a ``data:`` URL, at most ``side`` pixels wide and high; nothing if it cannot be decoded."""
    if data is None:
        return ""
    try:
        image = decode(data)
    except DatasetError:
        return ""
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True, comment=b"")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _outline(item: JudgedBox, scale: float, size: ImageSize, style: str) -> str:
    """Return a box twice, dark below coloured, so that it is seen on every ground."""
    xmin, xmax = (_clip(value, size.width) * scale for value in (item.box.xmin, item.box.xmax))
    ymin, ymax = (_clip(value, size.height) * scale for value in (item.box.ymin, item.box.ymax))
    place = f'x="{xmin:.1f}" y="{ymin:.1f}" width="{max(0.0, xmax - xmin):.1f}" height="{max(0.0, ymax - ymin):.1f}"'
    title = "labelled: " + item.class_name if style.startswith("truth") else _scored(item.class_name, item.score)
    return f'<g class="{style}"><title>{escape(title)}</title><rect class="halo" {place}/><rect {place}/></g>'


def _scored(name: str, score: float) -> str:
    """Return a name with its score; a labelled box that a review found fault with has none (NaN)."""
    return name if math.isnan(score) else f"{name} {score:.2f}"


def _label(item: JudgedBox, scale: float, size: ImageSize, style: str = "found") -> str:
    """Return the name above its box, or inside where there is no room above."""
    name = item.class_name
    name = name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"
    text = f"missed {name}" if style == "missed" else _scored(name, item.score)
    width = 8 + sum(11.0 if unicodedata.east_asian_width(letter) in "WF" else 6.4 for letter in text)
    x = max(0.0, min(_clip(item.box.xmin, size.width) * scale, size.width * scale - width))
    top = _clip(item.box.ymin, size.height) * scale
    y = top - _LABEL_HEIGHT if top >= _LABEL_HEIGHT else top
    return (
        f'<g class="{style}"><rect class="tag" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_LABEL_HEIGHT}"/>'
        f'<text x="{x + 4:.1f}" y="{y + 11:.1f}" textLength="{width - 8:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text></g>"
    )


def _clip(value: float, high: float) -> float:
    return min(max(0.0, value), high)
