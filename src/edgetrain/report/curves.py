"""The page's charts over the score threshold, and what stands beside their slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.wording import UNKNOWN, count_text, finite_number, share_text
from edgetrain.core.workspace.stage_reports import as_list, as_object, as_text
from edgetrain.report.charts import Curve, Svg, unit_chart

ALL = "all classes"
_MOST_CLASSES = 100


@dataclass(frozen=True)
class ClassChoice:
    """A class that the slider can show: labelled boxes, and right and wrong detections at each threshold."""

    name: str
    boxes: int
    right: str
    wrong: str
    threshold: float


@dataclass(frozen=True)
class CurvesSection:
    """Charts, classes of the slider (all of them first), and the table of thresholds; empty without curves."""

    charts: tuple[Svg, ...] = ()
    choices: tuple[ClassChoice, ...] = ()
    hidden_classes: int = 0
    thresholds: tuple[tuple[str, ...], ...] = ()
    chosen_on: str = ""
    rule: str = ""
    notes: tuple[str, ...] = ()


def curves_section(curves: Mapping[str, object], thresholds: Mapping[str, object]) -> CurvesSection:
    """Return what the page shows of ``curves`` and ``thresholds`` in the report of ``evaluate``."""
    classes = {name: as_object(one) for name, one in as_object(curves.get("classes")).items()}
    whole = as_object(curves.get("all"))
    if not classes or not whole:
        return CurvesSection()
    chosen = {name: as_object(one) for name, one in as_object(thresholds.get("classes")).items()}
    shown = [*classes][:_MOST_CLASSES]
    rows = [(ALL, whole), *((name, classes[name]) for name in shown)]
    choices = [_choice(name, row, finite_number(as_object(chosen.get(name)).get("threshold"))) for name, row in rows]
    return CurvesSection(
        charts=tuple(_charts([row for _, row in rows])),
        choices=tuple(choices),
        hidden_classes=len(classes) - len(shown),
        thresholds=tuple(_threshold_row(name, one) for name, one in chosen.items())[:_MOST_CLASSES],
        chosen_on=f"{count_text(thresholds.get('images'))} {as_text(thresholds.get('split')) or UNKNOWN} pictures",
        rule=as_text(thresholds.get("rule")),
        notes=tuple(
            f"{name}: {as_text(one.get('reason'))}" for name, one in chosen.items() if one.get("is_kept") is False
        )[:_MOST_CLASSES],
    )


def _choice(name: str, row: Mapping[str, object], threshold: float | None) -> ClassChoice:
    boxes, right, wrong = _counts(row)
    if threshold is None:
        scores = [2 * r / max(1, r + w + boxes) for r, w in zip(right, wrong)]
        threshold = scores.index(max(scores)) / max(1, len(scores) - 1) if scores else 0.0
    return ClassChoice(name, boxes, " ".join(map(str, right)), " ".join(map(str, wrong)), threshold)


def _counts(row: Mapping[str, object]) -> tuple[int, list[int], list[int]]:
    right, wrong = ([int(finite_number(n) or 0) for n in as_list(row.get(key))] for key in ("right", "wrong"))
    return int(finite_number(row.get("boxes")) or 0), right, wrong


def _charts(rows: Sequence[Mapping[str, object]]) -> list[Svg]:
    """Return F1, precision and recall by threshold, and precision by recall."""
    shares = [_shares(row) for row in rows]
    recalls = [[finite_number(value) or 0.0 for value in as_list(row.get("precision_at_recall"))] for row in rows]
    by_recall = [[(place / 100, value) for place, value in enumerate(values)] for values in recalls]
    x = "score threshold"
    return [
        unit_chart(_lines([f1 for _, _, f1 in shares]), labels=(x, "F1"), title="F1 by threshold", key="f1"),
        unit_chart(_lines(by_recall), labels=("recall", "precision"), title="Precision by recall", key="pr"),
        unit_chart(
            _lines([p for p, _, _ in shares]), labels=(x, "precision"), title="Precision by threshold", key="precision"
        ),
        unit_chart(_lines([r for _, r, _ in shares]), labels=(x, "recall"), title="Recall by threshold", key="recall"),
    ]


def _lines(points: Sequence[Sequence[tuple[float, float]]]) -> list[Curve]:
    """Return the classes' curves, and above them that of all classes, which is chosen at first."""
    styles = [f"class c{place}{' chosen' if place == 0 else ''}" for place in range(len(points))]
    curves = [Curve(style, tuple(line)) for style, line in zip(styles, points)]
    return [*curves[1:], curves[0]]


_Line = list[tuple[float, float]]


def _shares(row: Mapping[str, object]) -> tuple[_Line, _Line, _Line]:
    """Return precision, recall and F1 by threshold; precision ends where there are no detections."""
    boxes, right, wrong = _counts(row)
    last = max(1, len(right) - 1)
    precision, recall, f1 = [], [], []
    for place, (found, bad) in enumerate(zip(right, wrong)):
        x = place / last
        if found + bad:
            precision.append((x, found / (found + bad)))
        if boxes:
            recall.append((x, found / boxes))
        f1.append((x, 2 * found / max(1, found + bad + boxes)))
    return precision, recall, f1


def _threshold_row(name: str, one: Mapping[str, object]) -> tuple[str, ...]:
    judged = as_object(one.get("judged"))
    boxes, right = finite_number(judged.get("boxes")), finite_number(judged.get("right"))
    missed = None if boxes is None or right is None else boxes - right
    return (
        name,
        f"{finite_number(one.get('threshold')) or 0.0:.2f}",
        f"{count_text(right)} of {count_text(boxes)}",
        count_text(missed),
        count_text(judged.get("wrong")),
        share_text(judged.get("precision")),
        share_text(judged.get("recall")),
    )
