"""What the figures of both sides come to: made-up ones."""

from __future__ import annotations

import pytest

from benchmarks import acceptance as sides
from benchmarks.stock import steps_per_call


def record(fold, **changes):
    return {
        "fold": fold,
        "steps": 300,
        "seconds": 400.0,
        "cpu_seconds": 700.0,
        "peak_gigabytes": 4.0,
        "step_seconds": 1.2,
        "first_step_seconds": 40.0,
        "float_ap": 0.3,
        "float_ap50": 0.7,
        "int8_ap": 0.29,
        "int8_ap50": 0.69,
        **changes,
    }


def fold_of(number, *, changed="", **changes):
    """Return the runs of a fold in which all is just good enough, with other figures of one side."""
    judged = ("float_ap", "float_ap50", "int8_ap", "int8_ap50")
    runs = {
        sides.STOCK: record(number),
        sides.SHORT: record(number, seconds=96.0, first_step_seconds=20.0),
        sides.EQUAL: record(number, step_seconds=1.0, peak_gigabytes=2.0, int8_ap=0.45),
        sides.FROZEN: record(number, step_seconds=0.25),
        sides.STOCK_FROZEN: {name: value for name, value in record(number).items() if name not in judged},
    }
    return {side: {**run, **changes} if side == changed else run for side, run in runs.items()}


def test_promises_that_are_kept_are_reached():
    lines = sides.verdicts([fold_of(0), fold_of(1)])

    assert lines == [
        "reached  stock's AP in 0.25 of its time: float AP 0.300 against 0.300, in 0.24 of its time",
        "reached  int8 AP 0.15 above stock's, in its time: +0.160 in 1.00 of it",
        "reached  step rate, whole model, 1.2 of stock's: 1.20",
        "reached  step rate, backbone frozen, 4.0 of stock's: 4.80",
        "reached  start to first step in 0.7 of stock's time: 0.50",
        "reached  peak memory 0.7 of stock's: 0.50",
    ]


@pytest.mark.parametrize(
    ("side", "changes", "place", "end"),
    [
        pytest.param(sides.SHORT, {"seconds": 120.0}, 0, "in 0.30 of its time", id="too late"),
        pytest.param(sides.SHORT, {"float_ap": 0.29}, 0, "0.290 against 0.300, in 0.24 of its time", id="less AP"),
        pytest.param(sides.EQUAL, {"int8_ap": 0.43}, 1, "+0.140 in 1.00 of it", id="too little gain"),
        pytest.param(sides.EQUAL, {"seconds": 500.0}, 1, "+0.160 in 1.25 of it", id="gain in more time"),
        pytest.param(sides.EQUAL, {"step_seconds": 1.1}, 2, ": 1.09", id="whole model"),
        pytest.param(sides.FROZEN, {"step_seconds": 0.4}, 3, ": 3.00", id="frozen"),
        pytest.param(sides.SHORT, {"first_step_seconds": 30.0}, 4, ": 0.75", id="start"),
        pytest.param(sides.EQUAL, {"peak_gigabytes": 3.0}, 5, ": 0.75", id="memory"),
    ],
)
def test_a_promise_that_is_not_kept_is_missed_and_only_that(side, changes, place, end):
    lines = sides.verdicts([fold_of(0, changed=side, **changes)])

    assert [number for number, line in enumerate(lines) if line.startswith("missed")] == [place]
    assert lines[place].endswith(end)


def test_the_figure_is_the_mean_over_the_folds():
    slow = fold_of(1, changed=sides.SHORT, seconds=112.0)

    assert sides.verdicts([fold_of(0), slow])[0].endswith("in 0.26 of its time")


def test_the_table_has_the_mean_and_each_fold_of_a_side():
    lines = sides.table([fold_of(0), fold_of(2)]).splitlines()

    assert " ".join(lines[1].split()) == "stock 300 400 1.00 700 1.00 4.00 1.00 0.83 40.0 0.300 0.700 0.290 0.690"
    assert [line.split()[:2] for line in lines[2:4]] == [["fold", "0"], ["fold", "2"]]
    assert lines[-1].split()[-4:] == ["-"] * 4
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("seconds", "steps"),
    [
        pytest.param(100.0, 70, id="start and end cost 30 s, a step 1 s"),
        pytest.param(99.9, 69, id="never more than fit"),
        pytest.param(10.0, 2, id="two at least"),
    ],
)
def test_the_steps_that_fit_follow_from_the_pilot(seconds, steps):
    assert sides.steps_within(seconds, {"steps": 40, "seconds": 70.0, "mean_step_seconds": 1.0}) == steps


@pytest.mark.parametrize(("steps", "calls"), [(300, 100), (1000, 100), (100, 50), (41, 1), (4, 2), (2, 1)])
def test_the_stock_loop_takes_no_more_steps_than_asked_for(steps, calls):
    assert steps_per_call(steps) == calls
