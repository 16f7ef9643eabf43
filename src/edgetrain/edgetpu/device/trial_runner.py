"""Starts a trial in a process of its own, hears what it tells, and says plainly how it ended if it ended badly."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO

from edgetrain.core.errors import DeviceError
from edgetrain.core.project import PACKAGE_DIR
from edgetrain.edgetpu.device.runtime_errors import explain
from edgetrain.edgetpu.device.trial_events import TrialJob, TrialResult

_SOURCE_DIR = PACKAGE_DIR.parent
_START = f"import sys; sys.path[:0] = [{str(_SOURCE_DIR)!r}]; from edgetrain.edgetpu.device.trial import main; main()"
_BLOCK_BYTES = 1 << 16
_LAST_LINES = 6


def run_trial(job: TrialJob, *, timeout_seconds: float, heard: Callable[[TrialResult], None]) -> TrialResult:
    """Return what came of a job.

    Args:
        job: what to do.
        timeout_seconds: how long the process may be silent before it counts as hanging.
        heard: is called after each event.

    Raises:
        DeviceError: the process crashed, hung or gave up; says with which signal or message and what usually causes it.
    """
    result = TrialResult()
    reading, writing = os.pipe()
    try:
        with tempfile.TemporaryFile() as log, _started(job, writing, log) as process:
            os.close(writing)
            try:
                for line in _lines(reading, timeout_seconds):
                    result.hear(json.loads(line))
                    heard(result)
                process.wait(timeout=timeout_seconds)
            except (TimeoutError, subprocess.TimeoutExpired):
                process.kill()
                raise DeviceError(_hung(job, timeout_seconds)) from None
            finally:
                process.kill()
            _require_good_end(job, result, process.returncode, log)
    finally:
        os.close(reading)
    return result


def _started(job: TrialJob, pipe: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _START, job.to_json(), str(pipe)]
    return subprocess.Popen(  # noqa: S603 - this project's own program
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(pipe,)
    )


def _lines(handle: int, timeout_seconds: float) -> Iterator[bytes]:
    """Yield the lines of a pipe until it is closed.

    Raises:
        TimeoutError: nothing came for too long.
    """
    rest = b""
    while True:
        deadline = time.monotonic() + timeout_seconds
        if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        block = os.read(handle, _BLOCK_BYTES)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _require_good_end(job: TrialJob, result: TrialResult, code: int, log: IO[bytes]) -> None:
    if result.failure:
        raise DeviceError(f"{job.device}: {explain(result.failure, job.library)}")
    if result.is_done and code == 0:
        return
    log.seek(0)
    last = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()][-_LAST_LINES:]
    said = "".join(f"\n  {line}" for line in last)
    if code < 0:
        name = signal.Signals(-code).name
        raise DeviceError(f"{job.device}: the test process crashed ({name}). {explain(name, job.library)}{said}")
    raise DeviceError(f"{job.device}: the test process ended with code {code}.{said or ' It said nothing.'}")


def _hung(job: TrialJob, timeout_seconds: float) -> str:
    return (
        f"{job.device}: no sign of life for {timeout_seconds:g} s, so the test process was ended. "
        "Unplug the device and plug it in again (PCIe: restart the machine), mind its power supply and cable, "
        "or raise hardware.timeout_seconds."
    )
