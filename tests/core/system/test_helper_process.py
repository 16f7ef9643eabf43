"""A second process: what it gives, and what happens where it dies or is not needed any more."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.system.workers import HelperProcess
from tests.support.places import PROJECT_DIR


def test_the_work_is_done_by_another_process():
    helper = HelperProcess(os.getpid)

    assert helper.result() != os.getpid()
    helper.end()


def test_the_work_of_a_process_that_dies_is_done_here():
    parent = os.getpid()
    helper = HelperProcess(lambda: os.getpid() if os.getpid() == parent else os._exit(9))

    assert helper.result() == parent
    helper.end()


def test_the_error_of_the_work_is_raised_here():
    def work():
        raise DatasetError("a.xml: is gone")

    helper = HelperProcess(work)

    with pytest.raises(DatasetError, match=r"^a\.xml: is gone$"):
        helper.result()
    helper.end()


def test_a_process_that_is_not_needed_any_more_is_ended():
    helper = HelperProcess(lambda: time.sleep(60))
    started = time.monotonic()

    helper.end()

    assert time.monotonic() - started < 30


SOURCE_DIR = PROJECT_DIR / "src"
_PARENT = """
import os, sys, time
from tests.support.places import PROJECT_DIR
from edgetrain.core.system.workers import HelperProcess
helper = HelperProcess(lambda: time.sleep(600))
os.kill(os.getpid(), 9)
"""


def test_a_process_whose_parent_was_killed_ends():
    """It holds the output open: that this is closed shows that all have ended."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_DIR)}
    done = subprocess.run(
        [sys.executable, "-c", _PARENT], capture_output=True, check=False, timeout=60, env=environment
    )

    assert (done.returncode, done.stderr) == (-9, b"")
