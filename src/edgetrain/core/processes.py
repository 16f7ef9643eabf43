"""External programs: argument lists without a shell, a limit of time, and all that they say."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from edgetrain.core.errors import ToolError


@dataclass(frozen=True)
class Ended:
    """How a program ended: exit code (negative: the signal), what it said on both outputs, and if it was stopped."""

    code: int
    output: str
    is_timed_out: bool


def run_program(command: Sequence[str], *, timeout_seconds: float) -> Ended:
    """Run a program to its end; at the limit, or when this process is interrupted, it and what it started are ended.

    Args:
        command: program and arguments; no shell looks at them.
        timeout_seconds: the limit.

    Raises:
        ToolError: it cannot be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        raise ToolError(
            f"{command[0]}: cannot be started ({error.strerror}). Install it, or correct its name."
        ) from error
    try:
        output, _ = process.communicate(timeout=timeout_seconds)
        is_timed_out = False
    except subprocess.TimeoutExpired:
        _end(process)
        output, _ = process.communicate()
        is_timed_out = True
    finally:
        _end(process)
    return Ended(process.returncode, output.decode(errors="replace"), is_timed_out)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started; nothing happens if all of them have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
