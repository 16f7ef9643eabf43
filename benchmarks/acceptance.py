"""What the runs of both sides say: the table, how long ours may train, and which promises are reached."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.runs import Record

STOCK = "stock"
STOCK_FROZEN = "stock, told to freeze"
PILOT = "ours, pilot"
SHORT = "ours, short"
EQUAL = "ours, stock's time"
FROZEN = "ours, backbone frozen"
SIDES = (STOCK, SHORT, EQUAL, FROZEN, STOCK_FROZEN, PILOT)

# What is aimed at, a little below what is promised: a rate measured before is not quite the one of the run.
SHORT_SHARE = 0.24
EQUAL_SHARE = 0.97
# A median step has neither in it; as measured here.
_JUDGED_AND_SAVED = 1.25

# What is promised, as shares of stock's; _GAIN in AP.
_SHORT_TIME, _GAIN, _WHOLE_RATE, _FROZEN_RATE, _FIRST_STEP, _MEMORY = 0.25, 0.15, 1.2, 4.0, 0.7, 0.7

_HEAD = (
    f"{'':25}{'steps':>6}{'train s':>9}{'ratio':>7}{'CPU s':>7}{'ratio':>7}{'peak GB':>9}{'ratio':>7}{'steps/s':>9}"
    f"{'1st s':>7}{'float AP':>10}{'AP50':>7}{'int8 AP':>9}{'AP50':>7}"
)

Fold = Mapping[str, Record]


def steps_beside_kept_features(seconds: float, frozen: Record) -> int:
    """Return how many steps a training with a frozen backbone may have, by one that kept all feature maps."""
    each = _JUDGED_AND_SAVED * frozen["step_seconds"]
    return max(frozen["steps"] + int((seconds - frozen["seconds"]) / each), 2)


def steps_within(seconds: float, pilot: Record) -> int:
    """Return how many steps a training may have to end in time, by the pace of a short one; at least two."""
    each = pilot["mean_step_seconds"]
    start_and_end = pilot["seconds"] - pilot["steps"] * each
    return max(int((seconds - start_and_end) / each), 2)


def table(folds: Sequence[Fold]) -> str:
    """Return a line for each side with the means over the folds, and below it one for each fold."""
    lines = [_HEAD]
    for side in SIDES:
        if not all(side in fold for fold in folds):
            continue
        rows = [_figures(fold[side], fold[STOCK]) for fold in folds]
        lines.append(f"{side:25}" + _cells([_mean(column) for column in zip(*rows)]))
        lines += [f"  fold {fold[side]['fold']:<18}" + _cells(row) for fold, row in zip(folds, rows)]
    return "\n".join(lines)


def _figures(record: Record, stock: Record) -> list[float | None]:
    processes = [figure for name in ("seconds", "cpu_seconds", "peak_gigabytes")
                 for figure in (record[name], record[name] / stock[name])]  # fmt: skip
    judged = [record.get(name) for name in ("float_ap", "float_ap50", "int8_ap", "int8_ap50")]
    return [record["steps"], *processes, 1 / record["step_seconds"], record["first_step_seconds"], *judged]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def _cells(row: Sequence[float | None]) -> str:
    widths = (6, 9, 7, 7, 7, 9, 7, 9, 7, 10, 7, 9, 7)
    digits = (0, 0, 2, 0, 2, 2, 2, 2, 1, 3, 3, 3, 3)
    return "".join(
        f"{'-':>{width}}" if value is None else f"{value:{width}.{digit}f}"
        for value, width, digit in zip(row, widths, digits)
    )


def verdicts(folds: Sequence[Fold]) -> list[str]:
    """Return a line for each promise, with its figure: means over the folds."""
    time, equal_time = _ratio(folds, "seconds", SHORT), _ratio(folds, "seconds", EQUAL)
    ours, stock = _mean_of(folds, "float_ap", SHORT), _mean_of(folds, "float_ap", STOCK)
    gain = _mean_of(folds, "int8_ap", EQUAL) - _mean_of(folds, "int8_ap", STOCK)
    whole = 1 / _ratio(folds, "step_seconds", EQUAL)
    frozen = 1 / _ratio(folds, "step_seconds", FROZEN, STOCK_FROZEN)
    first = _ratio(folds, "first_step_seconds", SHORT, STOCK_FROZEN)
    memory = _ratio(folds, "peak_gigabytes", EQUAL)
    is_soon, is_better = time <= _SHORT_TIME and ours >= stock, gain >= _GAIN and equal_time <= 1
    soon = f"float AP {ours:.3f} against {stock:.3f}, in {time:.2f} of its time"
    return [
        _verdict(is_soon, f"stock's AP in {_SHORT_TIME} of its time: {soon}"),
        _verdict(is_better, f"int8 AP {_GAIN} above stock's, in its time: {gain:+.3f} in {equal_time:.2f} of it"),
        _verdict(whole >= _WHOLE_RATE, f"step rate, whole model, {_WHOLE_RATE} of stock's: {whole:.2f}"),
        _verdict(frozen >= _FROZEN_RATE, f"step rate, backbone frozen, {_FROZEN_RATE} of stock's: {frozen:.2f}"),
        _verdict(first <= _FIRST_STEP, f"start to first step in {_FIRST_STEP} of stock's time: {first:.2f}"),
        _verdict(memory <= _MEMORY, f"peak memory {_MEMORY} of stock's: {memory:.2f}"),
    ]


def _verdict(is_reached: bool, text: str) -> str:
    return f"{'reached' if is_reached else 'missed':9}{text}"


def _mean_of(folds: Sequence[Fold], name: str, side: str) -> float:
    return statistics.mean(fold[side][name] for fold in folds)


def _ratio(folds: Sequence[Fold], name: str, side: str, to: str = STOCK) -> float:
    return statistics.mean(fold[side][name] / fold[to][name] for fold in folds)
