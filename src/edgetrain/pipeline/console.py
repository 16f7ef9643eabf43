"""What a person at a terminal, or the reader of a log, sees of a run: on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import TextIO

from tqdm import tqdm

from edgetrain.core.settings import Settings
from edgetrain.core.system import progress
from edgetrain.core.system.files import storage_error
from edgetrain.core.system.progress import Listener
from edgetrain.core.wording import printable_lines
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import read_report

_LOG_EVERY_SECONDS = 10.0
_MINUTE = 60
_HOUR = 60 * _MINUTE
_FEW_SECONDS = 10


class Console(Listener):
    """Writes one line for each stage, with a bar on a terminal and a line every few seconds elsewhere."""

    def __init__(self, stream: TextIO, *, is_plain: bool = False) -> None:
        """Write to a stream; plain: whole lines only, on a terminal too."""
        self._stream, self._has_bar = stream, stream.isatty() and not is_plain
        self._stage = ""
        self._bar: tqdm | None = None
        self._first: tuple[float, int] | None = None
        self._said = 0.0

    def started(self, stage: str) -> None:
        """Remember the stage."""
        self._stage, self._first, self._said = stage, None, time.monotonic()

    def advanced(self, done: int, total: int, text: str) -> None:
        """Move the bar, or write a line if the last one is old."""
        if self._has_bar:
            self._move_bar(done, total, text)
            return
        now = time.monotonic()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        if now - self._said >= _LOG_EVERY_SECONDS:
            self._said = now
            started, first = self._first
            left = (now - started) / (done - first) * (total - done) if done > first else None
            self._write(f"{self._stage}: {done}/{total} {text}" + (f", {_duration(left)} left" if left else ""))

    def noted(self, text: str) -> None:
        """Write a note."""
        self._write(f"{'':12}note: {text}")

    def finished(self, stage: str, summary: str, seconds: float) -> None:
        """Write the result of a stage."""
        self._close_bar()
        self._write(f"{stage:11} {summary} ({_duration(seconds)})")

    def skipped(self, stage: str, reason: str) -> None:
        """Write that a stage had nothing to do."""
        self._write(f"{stage:11} skipped: {reason}")

    def close(self) -> None:
        """Wipe the bar, if there is one."""
        self._close_bar()

    def _write(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print(printable_lines(line), file=self._stream, flush=True)

    def _move_bar(self, done: int, total: int, text: str) -> None:
        if self._bar is None or self._bar.total != total or done < self._bar.n:
            self._close_bar()
            self._bar = tqdm(
                total=total,
                initial=done,
                desc=self._stage,
                postfix=text,
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
                bar_format="{desc:12}{bar:30} {n_fmt}/{total_fmt}{postfix}, {remaining} left",
            )
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _duration(seconds: float) -> str:
    """Return ``1.2 s``, ``12 s``, ``3 min 20 s`` or ``2 h 3 min``."""
    if round(seconds, 1) < _FEW_SECONDS:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _HOUR // _MINUTE)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def listening(settings: Settings, *, is_plain: bool = False) -> Iterator[None]:
    """Show the progress of the block on standard error; what libraries write there goes to the workspace's log.

    A terminal gets a bar, unless it is to be plain; everything else a line every few seconds.

    TensorFlow and its converter write hundreds of lines straight to the process's standard output and error.
    """
    log_path = Workspace(settings.workspace.root).log_path
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        log = log_path.open("ab")
    except OSError as error:
        raise storage_error(log_path, error) from error
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with log, os.fdopen(os.dup(2), "w", encoding="utf-8") as stream:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            with closing(Console(stream, is_plain=is_plain)) as screen, progress.listening(screen):
                yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in zip((1, 2), saved):
                os.dup2(copy, number)
                os.close(copy)


def closing_table(settings: Settings, covered: Collection[str]) -> str:
    """Return the figures of both models and where the report is, as a table for a terminal."""
    workspace = Workspace(settings.workspace.root)
    report = read_report(workspace.report_path("evaluate")) if "evaluate" in covered else None
    results = (report or {}).get("results")
    lines = []
    if isinstance(results, dict):
        lines += ["", f"{'model':10}{'AP':>8}{'AP50':>8}{'AP75':>8}{'AR':>8}"]
        for name, values in results.items():
            figures = [values[key] for key in ("mean_average_precision", "ap50", "ap75", "average_recall")]
            lines.append(f"{name:10}" + "".join(f"{figure:8.3f}" for figure in figures))
        lines += ["", f"model   {workspace.model_path}", f"labels  {workspace.labels_path}"]
    return "\n".join([*lines, f"report  {workspace.report_page_path}"])
