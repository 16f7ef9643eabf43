"""What making the environment of a profile costs by uv and by pip, and how soon the demo draws its first picture.

    python3 benchmarks/environments.py [--folder FOLDER] [--rounds 2]

Each program has a cache of its own, which a first round fills where it is not there. Every round is the command of a
user, ``ci/inv``, in a folder without that environment; uv itself stays there. Both make bytecode, which is counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PROJECT_DIR = Path(__file__).resolve().parent.parent
# A setting that uv has no word for: then ci/inv has pip install. It changes nothing else.
_BY_PIP = {"PIP_KEYRING_PROVIDER": "disabled"}
_TIMED = "train"


class Round(NamedTuple):
    """An environment made: its wall and CPU seconds, its files of bytecode, its size in MB (10^6 bytes) on disk."""

    seconds: float
    cpu_seconds: float
    bytecode_files: int
    megabytes: float


def main() -> None:
    """Make the environments in turn and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-environments"))
    parser.add_argument("--rounds", type=int, default=2, help="with warm caches; 0 only fills them")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    ways = {"uv": _variables(folder, {}), "pip": _variables(folder, _BY_PIP)}
    print(f"{'':12}{'seconds':>9}{'CPU s':>8}{'bytecode':>10}{'MB':>8}", flush=True)
    for way, variables in ways.items():
        if not (folder / way).exists():
            _print(f"{way}, cold", _make(folder, variables))
    warm: dict[str, list[Round]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, variables in ways.items():
            warm[way].append(_make(folder, variables))
            _print(way, warm[way][-1])
    if arguments.rounds:
        uv, pip = (statistics.mean(one.cpu_seconds for one in warm[way]) for way in ("uv", "pip"))
        print(f"CPU time by uv is {uv / pip:.2f} of that by pip", flush=True)
        print(f"first picture of the demo after {_until_first_picture(folder, ways['uv']):.0f} s", flush=True)


def _print(name: str, made: Round) -> None:
    figures = f"{made.seconds:9.0f}{made.cpu_seconds:8.0f}{made.bytecode_files:10}{made.megabytes:8.0f}"
    print(f"{name:12}{figures}", flush=True)


def _variables(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    own = {"EDGETRAIN_ENV_DIR": folder / "environments", "UV_CACHE_DIR": folder / "uv", "PIP_CACHE_DIR": folder / "pip"}
    # A Python that may write no bytecode has none to read either, and would be slower in every later run.
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**told, **{name: str(path) for name, path in own.items()}, **more}


def _make(folder: Path, variables: Mapping[str, str]) -> Round:
    """Make the environment anew, and measure the command with all that it starts."""
    _remove(folder)
    start = time.monotonic()
    with (folder / "log").open("ab") as log:
        command = [str(PROJECT_DIR / "ci" / "inv"), "--profile", _TIMED, "--version"]
        process = subprocess.Popen(command, env=dict(variables), stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {folder / 'log'}: ci/inv ended with exit code {process.returncode}. Read there why.")
    (made,) = _environments(folder)
    bytecode = sum(1 for _ in made.rglob("*.pyc"))
    return Round(time.monotonic() - start, usage.ru_utime + usage.ru_stime, bytecode, _megabytes(made))


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


def _environments(folder: Path) -> list[Path]:
    return [path for path in (folder / "environments").glob(f"{_TIMED}-*") if path.is_dir()]


def _remove(folder: Path) -> None:
    (folder / "environments").mkdir(parents=True, exist_ok=True)
    for environment in _environments(folder):
        shutil.rmtree(environment)


def _until_first_picture(folder: Path, variables: Mapping[str, str]) -> float:
    """Return the seconds from starting ``ci/inv demo`` without an environment until a picture lies there."""
    _remove(folder)
    pictures, workspace = folder / "pictures", folder / "workspace"
    for left_over in (pictures, workspace):
        shutil.rmtree(left_over, ignore_errors=True)
    command = [PROJECT_DIR / "ci" / "inv", "demo", "--dataset", pictures, "--workspace", workspace]
    start = time.monotonic()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(variables),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Pictures are drawn into a folder beside the named one, which then takes its place.
    while not (seen := any(folder.glob("*pictures*/**/*.jpg"))) and process.poll() is None:
        time.sleep(0.05)
    seconds = time.monotonic() - start
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not seen:
        sys.exit(f"error: {folder / 'log'}: the demo ended without a picture. Read there why.")
    return seconds


if __name__ == "__main__":
    main()
