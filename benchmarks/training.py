"""This project's training against the Object Detection API's stock loop: time, memory, pace, accuracy, over folds.

    .venv/train/bin/python benchmarks/training.py --photographs DIR --url ARCHIVE

Both start from the same checkpoint, see the same records, and are exported, quantized and evaluated by the same code on
the fold's test pictures. Stock trains --steps as the TF2 model zoo does. Ours trains as long as the pace of another run
allows: with a frozen backbone until a quarter of stock's time, and as its settings say until all of it; what it learns
is not looked at before. Each training is a whole process, start and tracing included; trust the ratios, not the
seconds. Whatever is finished stands in --out, and is left out by a second start.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from benchmarks import acceptance as sides  # noqa: E402 - found through the line above
from benchmarks.folds import lay_out  # noqa: E402
from benchmarks.runs import (  # noqa: E402
    Plan,
    Record,
    Results,
    add_arguments,
    conclude,
    parse_settings,
    run_ours,
    sole_benchmark,
    workspace_of,
)
from benchmarks.stock import run_stock, run_stock_frozen  # noqa: E402

Settings = Mapping[str, object]
Runner = Callable[[Plan, Path, Path], dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """What all runs have in common, and the dataset of each fold."""

    arguments: argparse.Namespace
    settings: Settings
    datasets: list[Path]
    results: Results

    def measured(self, side: str, fold: int, steps: int, *, runner: Runner, settings: Settings) -> Record:
        """Return the result of a run, from the file if it is there."""
        plan = Plan(side, self.arguments.dataset, fold, steps, self.arguments.url, settings)
        record = self.results.find(plan)
        if record is None:
            workspace = workspace_of(plan, self.arguments.folder)
            record = conclude(plan, workspace, runner(plan, self.datasets[fold], workspace), self.results)
        judged = f", int8 AP {record['int8_ap']:.3f}" if "int8_ap" in record else ""
        print(f"fold {fold}, {side}: {steps} steps, {record['seconds']:.0f} s{judged}", flush=True)
        return record


def main() -> None:
    """Run all sides on all folds, and print the table and what is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, folder="build/benchmark-training")
    parser.add_argument("--steps", type=int, default=300, help="of stock")
    parser.add_argument("--short-steps", type=int, help="of ours, instead of what fits a quarter of stock's time")
    parser.add_argument("--equal-steps", type=int, help="of ours, instead of what fits stock's time")
    parser.add_argument("--frozen-steps", type=int, help="of ours with a frozen backbone; default: as stock")
    parser.add_argument("--pilot-steps", type=int, default=40, help="of the runs that are only timed")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting of ours")
    arguments = parser.parse_args()
    with sole_benchmark(arguments.folder):
        results = Results(arguments.out or arguments.folder / "results.jsonl")
        datasets = lay_out(arguments.dataset, arguments.folder / "datasets", arguments.photographs)
        bench = Bench(arguments, parse_settings(arguments.set), datasets, results)
        folds = [_measure_fold(bench, fold) for fold in arguments.folds]
    print("", sides.table(folds), "", *sides.verdicts(folds), sep="\n")


def _measure_fold(bench: Bench, fold: int) -> dict[str, Record]:
    """Run the sides in turn, and return their results."""
    given, own = bench.arguments, bench.settings
    pilots, stock = given.pilot_steps, sides.STOCK
    found = {
        stock: bench.measured(stock, fold, given.steps, runner=run_stock, settings={}),
        sides.PILOT: bench.measured(sides.PILOT, fold, pilots, runner=_run_pilot, settings=own),
        sides.STOCK_FROZEN: bench.measured(sides.STOCK_FROZEN, fold, pilots, runner=run_stock_frozen, settings={}),
    }
    seconds, frozen = found[stock]["seconds"], {**own, "training.train_whole_model": False}

    def judged(side: str, steps: int, settings: Settings) -> None:
        found[side] = bench.measured(side, fold, steps, runner=run_ours, settings=settings)

    judged(sides.FROZEN, given.frozen_steps or given.steps, frozen)
    short = sides.steps_beside_kept_features(sides.SHORT_SHARE * seconds, found[sides.FROZEN])
    judged(sides.SHORT, given.short_steps or short, frozen)
    equal = sides.steps_within(sides.EQUAL_SHARE * seconds, found[sides.PILOT])
    judged(sides.EQUAL, given.equal_steps or equal, own)
    return found


def _run_pilot(plan: Plan, dataset: Path, workspace: Path) -> dict[str, Any]:
    return run_ours(plan, dataset, workspace, is_judged=False)


if __name__ == "__main__":
    main()
