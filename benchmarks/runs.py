"""A training measured as a whole process, what came of it, and the file that remembers it.

Results are lines of JSON, one for each finished run. A second start leaves out what is there; a line or a training that
was cut counts as not begun.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tensorboard.compat.proto.event_pb2 import Event

from benchmarks.folds import DATASETS, FOLDS
from edgetrain.core.errors import DatasetError, EdgetrainError, SettingsError, ToolError
from edgetrain.core.git.program import run_git
from edgetrain.core.system.lock import sole_user
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import require_report
from edgetrain.records.tfrecord import read_records
from edgetrain.training.history import read_history

PROJECT_DIR = Path(__file__).resolve().parent.parent
_LIBC = ctypes.CDLL(None)
_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A run: what it is called, on which fold it trains and is judged, and with which settings by ``section.key``."""

    name: str
    dataset: str
    fold: int
    steps: int
    checkpoint: str
    settings: Mapping[str, object] = field(default_factory=dict)

    def key(self) -> dict[str, object]:
        """Return what tells it from other runs: of one key one result is enough."""
        return {
            "name": self.name,
            "dataset": self.dataset,
            "fold": self.fold,
            "steps": self.steps,
            "checkpoint": Path(self.checkpoint).name,
            "settings": dict(self.settings),
        }


@dataclass(frozen=True)
class Measured:
    """A process: when it began (seconds since 1970), its wall and CPU seconds, its largest memory."""

    began: float
    seconds: float
    cpu_seconds: float
    peak_gigabytes: float


class Results:
    """The file of finished runs, of which one process at a time may write."""

    def __init__(self, path: Path) -> None:
        """Read what is there, and cut off a line that was not finished.

        Raises:
            DatasetError: a line is no result.
        """
        self._path = path
        self.records: list[Record] = []
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            os.truncate(path, len(whole.encode()))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self.records.append(dict(json.loads(line)))
            except (TypeError, ValueError) as error:
                raise DatasetError(f"{path}:{number}: no result of a run. Remove it, or give another --out.") from error

    def find(self, plan: Plan, *figures: str) -> Record | None:
        """Return the result of a run, if it has one with these figures."""
        key = plan.key().items()
        return next((one for one in self.records if key <= one.items() and one.keys() >= set(figures)), None)

    def add(self, record: Record) -> None:
        """Write a result down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        self.records.append(record)


@contextlib.contextmanager
def sole_benchmark(folder: Path) -> Iterator[None]:
    """Hold the folder of the runs for this process; a known failure in the block ends it with its message."""
    try:
        with sole_user(folder, work="measures in this folder", elsewhere="give another --folder"):
            yield
    except EdgetrainError as error:
        raise SystemExit(f"error: {error}") from error


def parse_settings(texts: Sequence[str]) -> dict[str, object]:
    """Return the values, each read as YAML, by name of texts such as ``training.learning_rate=0.002``.

    Raises:
        SettingsError: a text has no name, or no value.
    """
    settings: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or "." not in name:
            raise SettingsError(f"--set {text}: not a setting and its value. Write it as SECTION.KEY=VALUE.")
        settings[name] = yaml.safe_load(value)
    return settings


def add_arguments(parser: argparse.ArgumentParser, *, folder: str) -> None:
    """Add the flags that say on what is trained, from what, and where to."""
    parser.add_argument(
        "--url", type=_archive, required=True, help="archive of the checkpoint that training starts from"
    )
    parser.add_argument("--dataset", choices=DATASETS, default="raccoon")
    parser.add_argument("--photographs", type=Path, help="folder of datitran/raccoon_dataset")
    parser.add_argument("--folds", type=_fold_numbers, default=list(FOLDS), help="some of 0,1,2")
    parser.add_argument("--folder", type=Path, default=Path(folder), help="for everything made")
    parser.add_argument("--out", type=Path, help="results, a line of JSON each; default: results.jsonl in --folder")


def _archive(text: str) -> str:
    return text if "://" in text else str(Path(text).resolve())


def _fold_numbers(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if not set(numbers) <= set(FOLDS):
        raise ValueError(text)
    return numbers


def workspace_of(plan: Plan, folder: Path) -> Path:
    """Return the workspace of a run, below the folder of all; its log and settings lie beside it."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in plan.name)
    return folder.resolve() / "runs" / f"{plan.dataset}-{plan.fold}-{name}"


def prepare(plan: Plan, dataset: Path, workspace: Path, *, to: str) -> None:
    """Make a workspace and its settings anew, and run the pipeline up to a stage."""
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.parent.mkdir(parents=True, exist_ok=True)
    _beside(workspace, "log").unlink(missing_ok=True)
    sections: dict[str, dict[str, object]] = {}
    values = {"checkpoint.url": plan.checkpoint, **plan.settings, "training.steps": plan.steps}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    _beside(workspace, "json").write_text(json.dumps(sections), encoding="utf-8")
    run_task(workspace, "pipeline", "--to", to, "--dataset", dataset)


def run_task(workspace: Path, task: str, *arguments: object) -> Measured:
    """Run a task of the project in a workspace with the settings beside it, as a process of its own.

    Raises:
        ToolError: it failed.
    """
    program = (sys.executable, "-m", "invoke", "--search-root", PROJECT_DIR, "-f", _beside(workspace, "json"))
    return measure(workspace, *program, task, "--workspace", workspace, *arguments)


def measure(workspace: Path, *command: object) -> Measured:
    """Run a program to its end, its output appended to the workspace's log.

    Raises:
        ToolError: it failed.
    """
    log = _beside(workspace, "log")
    # Settings of the caller's environment would stand in no result.
    own = {name: value for name, value in os.environ.items() if not name.startswith("INVOKE_")}
    environment = {**own, "TF_CPP_MIN_LOG_LEVEL": "2"}
    began, start = time.time(), time.monotonic()
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - it makes one system call
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise ToolError(f"{log}: a program ended with exit code {process.returncode} ({last}). Read there why.")
    seconds = time.monotonic() - start
    return Measured(began, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def _end_with_parent() -> None:
    """Have the kernel end this process when the benchmark ends: a training left behind would slow down the next."""
    _LIBC.prctl(_END_WITH_PARENT, signal.SIGKILL)


def _beside(workspace: Path, suffix: str) -> Path:
    return workspace.with_name(f"{workspace.name}.{suffix}")


def timings(measured: Measured, events: Path) -> dict[str, float]:
    """Return the figures of a training's process and, from its TensorBoard events, of its steps.

    ``first_step_seconds`` is from the start of the process to the end of the first step; ``step_seconds`` the median
    step, ``mean_step_seconds`` has the judging and saving in between in it.

    Raises:
        ToolError: there are no events of several steps.
    """
    marks = sorted(_marks(events).items())
    if len(marks) < 2:  # noqa: PLR2004
        raise ToolError(f"{events}: no events of two steps. Give more steps.")
    gaps = [(later - former) / (step - before) for (before, former), (step, later) in zip(marks, marks[1:])]
    (first, first_time), (last, last_time) = marks[0], marks[-1]
    step_seconds = statistics.median(gaps)
    return {
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_gigabytes": measured.peak_gigabytes,
        # The stock loop has an event every hundred steps: from there it is counted back.
        "first_step_seconds": first_time - measured.began - (first - 1) * step_seconds,
        "step_seconds": step_seconds,
        "mean_step_seconds": (last_time - first_time) / (last - first),
    }


def _marks(events: Path) -> dict[int, float]:
    """Return when each step that has an event was finished: the time of its first one, in seconds since 1970."""
    marks: dict[int, float] = {}
    for path in sorted(events.glob("events.out.tfevents.*")):
        for event in map(Event.FromString, read_records(path)):
            if event.step > 0:
                marks[event.step] = min(event.wall_time, marks.get(event.step, event.wall_time))
    return marks


def judge(workspace: Path) -> dict[str, float]:
    """Export, quantize and evaluate; return AP and AP50 of both models on the test pictures."""
    for stage in ("export", "quantize", "evaluate"):
        run_task(workspace, stage)
    results: Any = require_report(Workspace(workspace).report_path("evaluate"), "evaluate")["results"]
    return {
        f"{short}_{figure}": results[model][name]
        for short, model in (("float", "float32"), ("int8", "int8"))
        for figure, name in (("ap", "mean_average_precision"), ("ap50", "ap50"))
    }


def run_ours(plan: Plan, dataset: Path, workspace: Path, *, is_judged: bool = True) -> dict[str, Any]:
    """Train by the project's own command and return the figures."""
    prepare(plan, dataset, workspace, to="configure")
    measured = run_task(workspace, "train")
    own = Workspace(workspace)
    curve = [[row.step, row.validation_ap] for row in read_history(own.history_path, up_to=plan.steps)]
    figures = timings(measured, own.train_dir / "events")
    judged = judge(workspace) if is_judged else {}
    return {**figures, "validation_ap": [point for point in curve if point[1] is not None], **judged}


def conclude(plan: Plan, workspace: Path, figures: Record, results: Results) -> Record:
    """Write a result down and remove the run's workspace; its log stays."""
    revision = run_git(PROJECT_DIR, "describe", "--always", "--dirty").output.decode().strip()
    record = {**plan.key(), "revision": revision, **figures}
    results.add(record)
    shutil.rmtree(workspace)
    return record
