"""Time until `inv --list` has answered, against Invoke answering for an empty task file.

    .venv/train/bin/python benchmarks/startup.py

Whole processes, alternating; the median of the ratios is what to trust on a shared machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
_RUNS = 15


def main() -> None:
    """Print the medians and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "tasks.py").write_text("from invoke import task\n\n\n@task\ndef nothing(c):\n    pass\n")
        _seconds(empty), _seconds(PROJECT_DIR)
        pairs = [(_seconds(empty), _seconds(PROJECT_DIR)) for _ in range(_RUNS)]
    reference, ours = (statistics.median(times) for times in zip(*pairs))
    ratio = statistics.median(mine / other for other, mine in pairs)
    print(f"inv --list, median of {_RUNS}")
    print(f"empty task file {reference:.3f} s, edgetrain {ours:.3f} s, ratio {ratio:.2f}")


def _seconds(root: Path) -> float:
    started = time.perf_counter()
    command = [sys.executable, str(PROJECT_DIR / "ci" / "program.py"), "--search-root", str(root), "--list"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=root)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
