"""What the demo learns: three seeds, the control from random weights, and a backbone pretrained anew.

    .venv/test/bin/python benchmarks/demo.py [--seeds 0 1] [--no-control] [--rebuild]

Expected: int8 AP50 of at least 0.80 for each seed and for the rebuilt backbone, below 0.20 for the control.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the demo several times and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--no-control", action="store_true", help="leave out the run from random weights")
    parser.add_argument("--rebuild", action="store_true", help="pretrain the backbone anew, and run the demo from it")
    parser.add_argument("--workspace", type=Path, default=Path("build/benchmark-demo"))
    arguments = parser.parse_args()
    folder = arguments.workspace.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{'run':18}{'seconds':>9}{'float AP50':>12}{'float AP':>10}{'int8 AP50':>11}{'int8 AP':>9}", flush=True)
    for seed in arguments.seeds:
        _demo(f"seed {seed}", folder, seed)
    if not arguments.no_control:
        _demo("random weights", folder, 0, _random_backbone(folder / "random.tar.gz"))
    if arguments.rebuild:
        archive = folder / "rebuilt.tar.gz"
        _inv({}, folder / "pretrain.log", "ci.pretrain-demo", "--out", archive)
        _demo("rebuilt backbone", folder, 0, archive)


def _random_backbone(path: Path) -> Path:
    """Write a backbone that has learned nothing."""
    import tensorflow as tf

    from edgetrain.demo.backbone_archive import write_archive
    from edgetrain.demo.pretraining import build_backbone

    tf.keras.utils.set_random_seed(0)
    write_archive(build_backbone(), path)
    return path


def _demo(name: str, folder: Path, seed: int, archive: Path | None = None) -> None:
    from edgetrain.core.workspace.reports import require_report

    workspace = folder / name.replace(" ", "-")
    variables = {f"INVOKE_{section}_SEED": str(seed) for section in ("DEMO", "SPLIT", "TRAINING")}
    if archive:
        variables["INVOKE_CHECKPOINT_URL"] = str(archive)
    started = time.monotonic()
    pictures = folder / f"pictures-{seed}"
    _inv(variables, folder / f"{workspace.name}.log", "demo", "--dataset", pictures, "--workspace", workspace)
    seconds = time.monotonic() - started
    report = require_report(workspace / "reports" / "evaluate.json", "evaluate")
    results: dict[str, dict[str, float]] = report["results"]  # type: ignore[assignment]
    float32, int8 = (
        f"{results[model]['ap50']:{wide}.3f}{results[model]['mean_average_precision']:{wide - 2}.3f}"
        for model, wide in (("float32", 12), ("int8", 11))
    )
    print(f"{name:18}{seconds:9.0f}{float32}{int8}", flush=True)


def _inv(variables: dict[str, str], log_path: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "invoke", "--search-root", str(PROJECT_DIR), *map(str, arguments)]
    with log_path.open("w") as log:
        environment = {**os.environ, **variables}
        subprocess.run(command, check=True, env=environment, stdout=log, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT_DIR / "src"))
    main()
