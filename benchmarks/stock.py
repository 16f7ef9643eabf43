"""The other side of the comparison: the Object Detection API's own loop, on records that the project made.

    .venv/train/bin/python benchmarks/stock.py WORKSPACE STEPS STEPS_PER_CALL

The loop runs a hundred steps in one call of its traced function by default.
"""

from __future__ import annotations

import os
import shutil
import string
import sys
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from benchmarks import runs  # noqa: E402 - found through the line above
from edgetrain.core.workspace import Workspace  # noqa: E402
from edgetrain.core.workspace.label_map_file import read_label_map  # noqa: E402

_TEMPLATE = PROJECT_DIR / "benchmarks" / "stock.config"
_FREEZE = r'freeze_variables: "^(?!BoxPredictor/|.*/FeatureMaps/)"'
_STEPS_PER_CALL = 100


def steps_per_call(steps: int) -> int:
    """Return the loop's default where that gives the number of steps exactly, in two calls or more, else fewer."""
    return max(number for number in range(1, _STEPS_PER_CALL + 1) if steps % number == 0 and steps >= 2 * number)


def run_stock(plan: runs.Plan, dataset: Path, workspace: Path) -> dict[str, Any]:
    """Train with the stock loop and return the figures, with those of its models."""
    _prepare(plan, dataset, workspace, freeze="")
    figures = _train(plan, workspace, steps_per_call(plan.steps))
    return {**figures, **runs.judge(workspace)}


def run_stock_frozen(plan: runs.Plan, dataset: Path, workspace: Path) -> dict[str, Any]:
    """Train with the stock loop told to freeze the backbone, step by step: when the first is done is seen."""
    _prepare(plan, dataset, workspace, freeze=_FREEZE)
    return _train(plan, workspace, 1)


def _prepare(plan: runs.Plan, dataset: Path, workspace: Path, *, freeze: str) -> None:
    runs.prepare(plan, dataset, workspace, to="checkpoint")
    own = Workspace(workspace)
    values = {"classes": len(read_label_map(own.label_map_path)), "steps": plan.steps, "warmup": plan.steps // 10}
    text = string.Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values, freeze=freeze)
    own.pipeline_config_path.write_text(text, encoding="utf-8")


def _train(plan: runs.Plan, workspace: Path, steps_in_call: int) -> dict[str, Any]:
    measured = runs.measure(workspace, sys.executable, __file__, workspace, plan.steps, steps_in_call)
    return {**runs.timings(measured, Workspace(workspace).trained_dir / "train")}


def main() -> None:
    """Train in a workspace and put the last checkpoint where the exporter looks."""
    from object_detection import model_lib_v2

    from benchmarks.moved_names import restore_moved_names

    workspace, steps, steps_in_call = sys.argv[1:]
    os.chdir(workspace)
    restore_moved_names()
    model_lib_v2.train_loop(
        "pipeline.config",
        "train/stock",
        train_steps=int(steps),
        checkpoint_every_n=int(steps),
        # Else it writes training pictures every call, which costs nothing worth mention every hundred steps only.
        record_summaries=int(steps_in_call) > 1,
        num_steps_per_iteration=int(steps_in_call),
    )
    shutil.move("train/stock", "train/final")


if __name__ == "__main__":
    main()
