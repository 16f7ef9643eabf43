"""Whether one run is better than another: figures with intervals on the same pictures, and which pictures changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.wording import change_text, counted, finite_number, share_text
from edgetrain.core.workspace.stage_reports import as_object, as_text, value_of
from edgetrain.evaluation.bootstrap import Array, Draws, class_tables, draws_of, interval, weights_of
from edgetrain.evaluation.judged_file import SeenPicture
from edgetrain.evaluation.metrics import Detection, Truth
from edgetrain.evaluation.mistakes import JudgedPicture, Kind, judged_picture
from edgetrain.report.comparison.runs import ComparedRun

_NO_THRESHOLD = 0.5
_DIGITS = 6
_TITLES = {"mean_average_precision": "AP", "ap50": "AP50", "ap75": "AP75", "average_recall": "AR"}
Interval = tuple[float, float]


@dataclass(frozen=True)
class FigureRow:
    """A figure of both runs (0 to 1), with the 95 % intervals of both and of their difference where they are known."""

    name: str
    first: float | None
    second: float | None
    first_interval: Interval | None = None
    second_interval: Interval | None = None
    difference: Interval | None = None

    @property
    def direction(self) -> int:
        """1: the second run is better, -1: worse, 0: the pictures do not prove a difference."""
        if self.difference is None:
            return 0
        low, high = self.difference
        return 1 if low > 0 else -1 if high < 0 else 0


@dataclass(frozen=True)
class ChangedPicture:
    """A picture with the number of mistakes in each run, and what both did in it."""

    source_id: str
    mistakes: tuple[int, int]
    judged: tuple[JudgedPicture, JudgedPicture]


@dataclass(frozen=True)
class Comparison:
    """A second run held against a first one.

    ``verdict`` is a sentence. ``common`` pictures were judged in both, with the same labels; ``notes`` say what limits
    the comparison. ``class_names`` belong to the class ids, from 1, of ``better`` and ``worse``.
    """

    first: ComparedRun
    second: ComparedRun
    verdict: str
    common: int
    figures: Sequence[FigureRow]
    classes: Sequence[FigureRow]
    better: Sequence[ChangedPicture]
    worse: Sequence[ChangedPicture]
    settings: Sequence[tuple[str, str, str]]
    data: Sequence[tuple[str, str, str]]
    notes: Sequence[str]
    class_names: Sequence[str]


def compare(first: ComparedRun, second: ComparedRun) -> Comparison:
    """Return the second run held against the first."""
    ids, notes = _common(first, second)
    pairs = [((first.pictures or {})[one], (second.pictures or {})[one]) for one in ids]
    same = bool(pairs) and all(a == b for a, b in pairs)
    figures, classes = _measured(pairs) if pairs else ([], [])
    names = sorted({box.class_name for pair in pairs for one in pair for box in (*one.truths, *one.detections)})
    changed = _changed(ids, pairs, (_lowest(first, names), _lowest(second, names)), names)
    return Comparison(
        first=first,
        second=second,
        verdict=_verdict(first, second, figures, is_same=same, common=len(ids)),
        common=len(ids),
        figures=[*figures, *_reported(first, second, with_ap=not figures)],
        classes=classes,
        better=sorted(changed, key=lambda one: one.mistakes[1] - one.mistakes[0])[
            : sum(_gain(one) > 0 for one in changed)
        ],
        worse=sorted(changed, key=lambda one: one.mistakes[0] - one.mistakes[1])[
            : sum(_gain(one) < 0 for one in changed)
        ],
        settings=_differing(first.settings(), second.settings()),
        data=_data(first, second),
        notes=notes,
        class_names=names,
    )


def _gain(one: ChangedPicture) -> int:
    return one.mistakes[0] - one.mistakes[1]


def _common(first: ComparedRun, second: ComparedRun) -> tuple[list[str], list[str]]:
    """Return the pictures that both runs judged with the same labels, and what limits the comparison."""
    lacking = [run.name for run in (first, second) if run.pictures is None]
    if first.pictures is None or second.pictures is None:
        return [], [f"{' and '.join(lacking)}: no detections.csv was kept, so nothing is known of chance and pictures"]
    shared = [one for one in first.pictures if one in second.pictures]
    common = [one for one in shared if first.pictures[one].truths == second.pictures[one].truths]
    notes = []
    alone = len(first.pictures) + len(second.pictures) - 2 * len(shared)
    if alone:
        notes.append(f"{counted(alone, 'picture')} judged in one of the runs only: left out here")
    if len(common) < len(shared):
        notes.append(
            f"{counted(len(shared) - len(common), 'picture')} labelled otherwise in one of them: left out here"
        )
    return common, notes


def _measured(pairs: Sequence[tuple[SeenPicture, SeenPicture]]) -> tuple[list[FigureRow], list[FigureRow]]:
    """Return AP and AP50 over all classes, and AP50 of each class, with intervals."""
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    weights = weights_of(len(pairs), max(sum(len(one.detections) for one in side) for side in sides))
    first, second = (draws_of(class_tables(side), weights) for side in sides)
    figures = [_row("AP", first.ap, second.ap), _row("AP50", first.ap50, second.ap50)]
    return figures, [_row(name, *found) for name, found in _by_class(first, second)]


def _by_class(first: Draws, second: Draws) -> list[tuple[str, tuple[Array, Array]]]:
    names = [name for name in first.class_ap50 if name in second.class_ap50]
    return [(name, (first.class_ap50[name], second.class_ap50[name])) for name in names]


def _row(name: str, first: Array, second: Array) -> FigureRow:
    plain = [None if math.isnan(value) else round(float(value), _DIGITS) for value in (first[0], second[0])]
    return FigureRow(name, plain[0], plain[1], interval(first), interval(second), interval(second - first))


def _reported(first: ComparedRun, second: ComparedRun, *, with_ap: bool) -> list[FigureRow]:
    """Return figures as the runs report them, without intervals."""
    keys = _TITLES if with_ap else ("ap75", "average_recall")
    return [
        FigureRow(_TITLES[key], finite_number(first.figures.get(key)), finite_number(second.figures.get(key)))
        for key in keys
    ]


def _verdict(
    first: ComparedRun, second: ComparedRun, figures: Sequence[FigureRow], *, is_same: bool, common: int
) -> str:
    """Return what came of it, in a sentence."""
    if is_same:
        return f"no difference: both runs found the very same in each of {counted(common, 'picture')}"
    if not figures:
        figure = share_text(first.figures.get("ap50")), share_text(second.figures.get("ap50"))
        return f"not comparable: no picture is known that judged both (AP50 {figure[0]} and {figure[1]} as reported)"
    decided = next((row for row in figures if row.direction), None)
    shown = decided or figures[0]
    change = f"{shown.name} {share_text(shown.second)} instead of {share_text(shown.first)}"
    within = f", 95 % interval of the difference {_interval_text(shown.difference)}" if shown.difference else ""
    if decided is None:
        return f"no difference that {counted(common, 'picture')} can prove: {change}{within}"
    word = "better" if decided.direction > 0 else "worse"
    return f"{second.name} is {word} than {first.name}: {change}{within}"


def _interval_text(value: Interval | None) -> str:
    return "unknown" if value is None else f"{change_text(0.0, value[0])} to {change_text(0.0, value[1])}"


def _lowest(run: ComparedRun, names: Sequence[str]) -> dict[int, float]:
    thresholds = run.thresholds
    return {number: thresholds.get(name, _NO_THRESHOLD) for number, name in enumerate(names, start=1)}


def _changed(
    ids: Sequence[str],
    pairs: Sequence[tuple[SeenPicture, SeenPicture]],
    lowest: tuple[Mapping[int, float], Mapping[int, float]],
    names: Sequence[str],
) -> list[ChangedPicture]:
    """Return the pictures in which the runs make another number of mistakes, each at its own thresholds."""
    number_of = {name: number for number, name in enumerate(names, start=1)}
    found = []
    for source_id, pair in zip(ids, pairs):
        judged = tuple(_judged(one, least, number_of) for one, least in zip(pair, lowest))
        mistakes = tuple(sum(v.kind is not Kind.RIGHT for v in one.verdicts) for one in judged)
        if mistakes[0] != mistakes[1]:
            found.append(ChangedPicture(source_id, (mistakes[0], mistakes[1]), (judged[0], judged[1])))
    return found


def _judged(picture: SeenPicture, lowest: Mapping[int, float], number_of: Mapping[str, int]) -> JudgedPicture:
    truths = [Truth(0, number_of[one.class_name], one.box) for one in picture.truths]
    found = [Detection(0, number_of[one.class_name], one.box, one.score or 0.0) for one in picture.detections]
    return judged_picture(truths, found, lowest)


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> list[tuple[str, str, str]]:
    names = sorted({*first, *second})
    rows = [(name, first.get(name, "not used"), second.get(name, "not used")) for name in names]
    return [row for row in rows if row[1] != row[2]]


def _data(first: ComparedRun, second: ComparedRun) -> list[tuple[str, str, str]]:
    """Return what both runs were made from: dataset, pictures and boxes of each split, boxes of each class."""
    rows = [("dataset", first.dataset, second.dataset), ("judged on", first.judged, second.judged)]
    sides = [_counts(run) for run in (first, second)]
    names = dict.fromkeys([*sides[0], *sides[1]])
    return rows + [(name, f"{sides[0].get(name, 0):,.0f}", f"{sides[1].get(name, 0):,.0f}") for name in names]


def _counts(run: ComparedRun) -> dict[str, float]:
    counts: dict[str, float] = {}
    for split, value in as_object(value_of(run.records, "split", "splits")).items():
        part = as_object(value)
        for key in ("images", "boxes"):
            counts[f"{'pictures' if key == 'images' else key} of {split}"] = finite_number(part.get(key)) or 0
        for name, count in as_object(part.get("classes")).items():
            label = f"boxes of {as_text(name)}"
            counts[label] = counts.get(label, 0) + (finite_number(count) or 0)
    return counts
