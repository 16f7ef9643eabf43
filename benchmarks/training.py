"""Time and accuracy of this project's training against the Object Detection API's stock loop, on the same split.

    .venv/train/bin/python benchmarks/training.py --dataset DIR --url ARCHIVE

Both start from the same checkpoint, see the same TFRecords, take the same number of steps and are exported, quantized
and evaluated by the same code. The stock side trains with the model zoo's optimizer (momentum 0.9, cosine from 0.02
after a tenth of the steps as warm-up). Each training is timed as a whole process, start and tracing included; trust the
ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
_OPTIMIZER = re.compile(r"  optimizer \{\n    adam_optimizer.*?\n    \}\n", re.DOTALL)
_STOCK_OPTIMIZER = """  optimizer {{
    momentum_optimizer {{
      learning_rate {{
        cosine_decay_learning_rate {{
          learning_rate_base: 0.02
          total_steps: {steps}
          warmup_learning_rate: 0.002
          warmup_steps: {warmup}
        }}
      }}
      momentum_optimizer_value: 0.9
    }}
"""


@dataclass(frozen=True)
class Side:
    """One side of the comparison: seconds and peak memory of its training, and what came of it."""

    name: str
    seconds: float
    peak_gigabytes: float
    results: dict[str, dict[str, float]]


def main() -> None:
    """Run both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--network-type", default="mobilenet_v2_ssd")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--workspace", type=Path, default=Path("build/benchmark"))
    parser.add_argument("--stock-train", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stock_train:
        _train_stock(arguments.stock_train, arguments.steps)
        return
    ours, stock = arguments.workspace / "ours", arguments.workspace / "stock"
    for workspace in (ours, stock):
        shutil.rmtree(workspace, ignore_errors=True)
    _inv(
        "pipeline", "--to", "configure", "--dataset", arguments.dataset, "--url", arguments.url, "--workspace", ours,
        "--network-type", arguments.network_type, "--steps", arguments.steps,
    )  # fmt: skip
    shutil.copytree(ours, stock)
    _use_stock_optimizer(stock / "pipeline.config", arguments.steps)
    command = [sys.executable, __file__, "--dataset", "-", "--url", "-", "--steps", str(arguments.steps)]
    sides = [
        _measure("stock loop", stock, [*command, "--stock-train", str(stock.resolve())]),
        _measure("edgetrain", ours, _command("train", "--workspace", ours)),
    ]
    _print_table(sides)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "invoke", "--search-root", str(PROJECT_DIR), *map(str, arguments)]


def _inv(*arguments: object) -> None:
    subprocess.run(_command(*arguments), check=True)


def _use_stock_optimizer(path: Path, steps: int) -> None:
    text, count = _OPTIMIZER.subn(_STOCK_OPTIMIZER.format(steps=steps, warmup=steps // 10), path.read_text())
    if count != 1:
        raise SystemExit(f"{path}: the optimizer was not found; the template has changed.")
    path.write_text(re.sub(r"\n  gradient_clipping_by_norm.*", "", text))


def _train_stock(workspace: Path, steps: int) -> None:
    """Train with the API's own loop and put its last checkpoint where the exporter looks."""
    from object_detection import model_lib_v2

    from edgetrain.training.compatibility import restore_moved_names

    os.chdir(workspace)
    restore_moved_names()
    model_lib_v2.train_loop("pipeline.config", "train/stock", train_steps=steps, checkpoint_every_n=steps)
    shutil.copytree("train/stock", "train/final")


def _measure(name: str, workspace: Path, command: list[str]) -> Side:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    started = time.monotonic()
    with (workspace.parent / f"{workspace.name}.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        raise SystemExit(f"{name}: the training failed, see {log.name}.")
    for stage in ("export", "quantize", "evaluate"):
        _inv(stage, "--workspace", workspace)
    from edgetrain.core.reports import require_report

    report = require_report(workspace / "reports" / "evaluate.json", "evaluate")
    return Side(name, seconds, usage.ru_maxrss / 1e6, report["results"])  # type: ignore[arg-type]


def _print_table(sides: list[Side]) -> None:
    print(f"\n{'':12}{'train s':>9}{'ratio':>8}{'peak GB':>9}{'float AP':>10}{'AP50':>8}{'int8 AP':>10}{'AP50':>8}")
    keys = ("mean_average_precision", "ap50")
    for side in sides:
        figures = [side.results[model][key] for model in ("float32", "int8") for key in keys]
        ratio = side.seconds / sides[0].seconds
        cells = f"{figures[0]:10.3f}{figures[1]:8.3f}{figures[2]:10.3f}{figures[3]:8.3f}"
        print(f"{side.name:12}{side.seconds:9.0f}{ratio:8.2f}{side.peak_gigabytes:9.2f}{cells}")


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT_DIR / "src"))
    main()
