"""Which settings learn more, sooner: named recipes, each trained and judged on the same folds.

    .venv/train/bin/python benchmarks/recipes.py --photographs DIR --url ARCHIVE --recipes benchmarks/recipes.yaml

The file is a list of recipes, each with a name and the settings in which it differs from invoke.yaml::

    - name: slower
      settings: {training.learning_rate: 0.0005, training.steps: 200}

Whatever is finished stands in --out, and is left out by a second start: leave recipes in the file, and add new ones.
With --loop stock the Object Detection API's own loop trains them, which reads but two settings: checkpoint.url, the
archive of a TF2 backbone, and training.steps.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from benchmarks.folds import lay_out  # noqa: E402 - found through the line above
from benchmarks.runs import Plan, Record, Results, add_arguments, conclude, run_ours, sole_benchmark, workspace_of  # noqa: E402
from benchmarks.stock import run_stock  # noqa: E402
from edgetrain.core.errors import SettingsError, ToolError  # noqa: E402

Runner = Callable[[Plan, Path, Path], dict[str, Any]]
_LOOPS: dict[str, Runner] = {"ours": run_ours, "stock": run_stock}
_READ_BY_STOCK = {"checkpoint.url", "training.steps"}

_HEAD = (
    f"{'recipe':32}{'steps':>6}{'folds':>6}{'train s':>9}{'CPU s':>7}{'float AP':>10}{'AP50':>7}{'int8 AP':>9}"
    "  float AP of each fold"
)

# The stages make an int8 model in any case; one that nobody looks at is calibrated on one picture.
_HASTY_INT8 = {"quantize.representative_images": 1}
_INT8_FIGURES = ("int8_ap", "int8_ap50")


def main() -> None:
    """Run what is not there yet, and print the table, the best first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", type=Path, required=True)
    add_arguments(parser, folder="build/benchmark-recipes")
    parser.add_argument("--steps", type=int, default=100, help="of recipes that do not say themselves")
    parser.add_argument("--int8", action="store_true", help="judge the int8 model too, calibrated on all pictures")
    parser.add_argument("--loop", choices=_LOOPS, default="ours", help="what trains")
    arguments = parser.parse_args()
    with sole_benchmark(arguments.folder):
        results = Results(arguments.out or arguments.folder / "results.jsonl")
        plans = read_plans(arguments)
        if arguments.loop == "stock":
            require_readable_by_stock(plans)
        datasets = lay_out(arguments.dataset, arguments.folder / "datasets", arguments.photographs)
        search = Search(arguments.folder, datasets, results, is_int8=arguments.int8, train=_LOOPS[arguments.loop])
        failures = [text for plan in plans if (text := search.run(plan))]
    print("", table(filter(None, map(search.found, plans))), *failures, sep="\n")
    sys.exit(1 if failures else 0)


def read_plans(arguments: argparse.Namespace) -> list[Plan]:
    """Return the runs of all recipes of the file on all folds.

    Raises:
        SettingsError: the file is no list of recipes, or two have the same name.
    """
    recipes: dict[str, dict[str, Any]] = {}
    for recipe in _listed(arguments.recipes):
        name = str(recipe["name"])
        if name in recipes:
            raise SettingsError(f"{arguments.recipes}: two recipes are called {name!r}. Rename one.")
        recipes[name] = recipe.get("settings") or {}
    return [
        Plan(name, arguments.dataset, fold, settings.get("training.steps", arguments.steps), arguments.url, settings)
        for name, settings in recipes.items()
        for fold in arguments.folds
    ]


def require_readable_by_stock(plans: Iterable[Plan]) -> None:
    """Refuse recipes of which the stock loop would heed a part only.

    Raises:
        SettingsError: one sets what that loop does not read.
    """
    for plan in plans:
        unread = sorted(set(plan.settings) - _READ_BY_STOCK)
        if unread:
            raise SettingsError(f"{plan.name}: the stock loop reads no {unread[0]}. Remove it, or leave out --loop.")


def _listed(path: Path) -> list[dict[str, Any]]:
    try:
        recipes = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{path}: cannot be read ({error}). Correct the file, or give another --recipes."
        ) from error
    if not isinstance(recipes, list):
        raise SettingsError(f"{path}: no list of recipes. Begin each with '- name: NAME'.")
    for recipe in recipes:
        if not isinstance(recipe, dict) or not {"name"} <= set(recipe) <= {"name", "settings"}:
            raise SettingsError(f"{path}: {recipe!r} is no recipe. Write '- name: NAME', and settings if it has some.")
    return recipes


@dataclass(frozen=True)
class Search:
    """Where runs happen, on which dataset each fold is, and what is known.

    ``is_int8``: of the int8 model too; ``train`` trains, judges and returns the figures.
    """

    folder: Path
    datasets: Sequence[Path]
    results: Results
    is_int8: bool
    train: Runner = run_ours

    def found(self, plan: Plan) -> Record | None:
        """Return the result of a plan, if it has one."""
        return self.results.find(plan, *(_INT8_FIGURES if self.is_int8 else ()))

    def run(self, plan: Plan) -> str:
        """Run a plan unless it has a result; return why it failed, or nothing."""
        if self.found(plan):
            return ""
        workspace = workspace_of(plan, self.folder)
        run = plan if self.is_int8 else replace(plan, settings={**plan.settings, **_HASTY_INT8})
        try:
            figures = self.train(run, self.datasets[plan.fold], workspace)
        except ToolError as error:
            print(f"fold {plan.fold}, {plan.name}: failed", flush=True)
            return f"{plan.name}, fold {plan.fold}: {error}"
        if not self.is_int8:
            figures = {name: value for name, value in figures.items() if name not in _INT8_FIGURES}
        conclude(plan, workspace, figures, self.results)
        shown = f"{figures['seconds']:.0f} s, float AP {figures['float_ap']:.3f}"
        print(f"fold {plan.fold}, {plan.name}: {plan.steps} steps, {shown}", flush=True)
        return ""


def table(records: Iterable[Record]) -> str:
    """Return a line for each recipe with the means over its folds, by falling float AP."""
    recipes: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        recipes[record["name"]].append(record)
    rows = sorted((-_mean(own, "float_ap"), name) for name, own in recipes.items())
    return "\n".join([_HEAD, *(_line(name, recipes[name]) for _, name in rows)])


def _line(name: str, own: Sequence[Record]) -> str:
    int8 = f"{_mean(own, 'int8_ap'):.3f}" if all("int8_ap" in record for record in own) else "-"
    return (
        f"{name:32}{own[0]['steps']:6}{len(own):6}{_mean(own, 'seconds'):9.0f}{_mean(own, 'cpu_seconds'):7.0f}"
        f"{_mean(own, 'float_ap'):10.3f}{_mean(own, 'float_ap50'):7.3f}{int8:>9}  "
        + " ".join(f"{record['float_ap']:.3f}" for record in own)
    )


def _mean(own: Sequence[Record], figure: str) -> float:
    return statistics.mean([float(record[figure]) for record in own])


if __name__ == "__main__":
    main()
