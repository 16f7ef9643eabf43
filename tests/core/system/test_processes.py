"""External programs: what they say, and that they end."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from edgetrain.core.errors import ToolError
from edgetrain.core.system.processes import ask_program, run_program


def python(code, timeout_seconds=30.0):
    return run_program([sys.executable, "-c", code], timeout_seconds=timeout_seconds)


def test_both_outputs_and_the_code_are_kept():
    ended = python("import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(3)")

    assert (ended.code, ended.output, ended.is_timed_out) == (3, "a\nb\n", False)


def test_bytes_are_handed_over_and_two_outputs_come_back_apart():
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); sys.stderr.write('told'); sys.exit(3)"

    answer = ask_program([sys.executable, "-c", code], b"\0ab", timeout_seconds=30)

    assert (answer.code, answer.output, answer.errors, answer.is_timed_out) == (3, b"ba\0", b"told", False)


def test_a_program_that_is_asked_ends_at_the_limit_too():
    answer = ask_program([sys.executable, "-c", "import time; time.sleep(60)"], timeout_seconds=0.5)

    assert (answer.code, answer.is_timed_out) == (-signal.SIGKILL, True)


def test_a_signal_is_a_negative_code():
    assert python("import os; os.abort()").code == -signal.SIGABRT


def test_at_the_limit_the_program_and_its_children_end(tmp_path):
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"

    ended = python(code, timeout_seconds=2.0)

    assert ended.is_timed_out
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not is_alive(pid):
            break
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid):
    """Return whether a process still runs; one that waits to be buried does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:  # noqa: PTH123 - a kernel file
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_no_shell_looks_at_the_arguments():
    assert run_program(["/bin/echo", "$HOME; exit 1"], timeout_seconds=30).output == "$HOME; exit 1\n"


def test_a_program_that_is_not_there_is_one_message():
    with pytest.raises(ToolError, match=r"no-such-program: cannot be started \(No such file"):
        run_program(["no-such-program"], timeout_seconds=1)
