"""External programs: argument lists without a shell, a limit of time, and all that they say."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgetrain.core.errors import ToolError


@dataclass(frozen=True)
class Ended:
    """How a program ended: exit code (negative: the signal), what it said on both outputs, and if it was stopped."""

    code: int
    output: str
    is_timed_out: bool


@dataclass(frozen=True)
class Answer:
    """What a program answered, in bytes; ``code`` as in :class:`Ended`."""

    code: int
    output: bytes
    errors: bytes
    is_timed_out: bool


def run_program(command: Sequence[str], *, timeout_seconds: float) -> Ended:
    """Run a program to its end; at the limit, or when this process is interrupted, it and what it started are ended.

    Args:
        command: program and arguments; no shell looks at them.
        timeout_seconds: the limit.

    Raises:
        ToolError: it cannot be started.
    """
    with _started(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        output, _, is_timed_out = _to_end(process, None, timeout_seconds)
    return Ended(process.returncode, output.decode(errors="replace"), is_timed_out)


def ask_program(command: Sequence[str], content: bytes = b"", *, timeout_seconds: float) -> Answer:
    """Run a program as :func:`run_program` does, hand it bytes, and keep its two outputs apart.

    Args:
        command: program and arguments; no shell looks at them.
        content: what it reads on its standard input.
        timeout_seconds: the limit.

    Raises:
        ToolError: it cannot be started.
    """
    with asked_program(command, content) as answer:
        return answer(timeout_seconds)


@contextlib.contextmanager
def asked_program(command: Sequence[str], content: bytes = b"") -> Iterator[Callable[[float], Answer]]:
    """Start a program as :func:`ask_program` does, and give what waits for its answer; until then it runs beside.

    What is yielded takes the limit of time from then on. A program whose answer nobody waited for is ended.

    Args:
        command: program and arguments; no shell looks at them.
        content: what it reads on its standard input.

    Raises:
        ToolError: it cannot be started.
    """
    stdin = subprocess.PIPE if content else subprocess.DEVNULL
    with _started(command, stdin=stdin, stderr=subprocess.PIPE) as process:

        def answer(timeout_seconds: float) -> Answer:
            output, errors, is_timed_out = _to_end(process, content or None, timeout_seconds)
            return Answer(process.returncode, output, errors, is_timed_out)

        yield answer


@contextlib.contextmanager
def _started(command: Sequence[str], *, stdin: int, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a session of its own: without a terminal it cannot ask anybody."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
        )
    except OSError as error:
        raise ToolError(
            f"{command[0]}: cannot be started ({error.strerror}). Install it, or correct its name."
        ) from error
    try:
        yield process
    finally:
        _end(process)
        if process.stdin:
            with contextlib.suppress(BrokenPipeError):  # what was not taken before the end is lost
                process.stdin.close()
        with process:  # closes the other pipes and waits
            pass


def _to_end(
    process: subprocess.Popen[bytes], content: bytes | None, timeout_seconds: float
) -> tuple[bytes, bytes, bool]:
    """Return both outputs of a program, and whether it was ended at the limit."""
    try:
        output, errors = process.communicate(content, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        output, errors = process.communicate()
        return output, errors or b"", True
    return output, errors or b"", False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started; nothing happens if all of them have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
