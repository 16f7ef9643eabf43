"""A second process: what it gives, and what happens where it dies or is not needed any more."""

from __future__ import annotations

import os
import time

from edgetrain.core.helper_process import HelperProcess


def test_the_work_is_done_by_another_process():
    helper = HelperProcess(os.getpid)

    assert helper.result() != os.getpid()
    helper.end()


def test_the_work_of_a_process_that_dies_is_done_here():
    parent = os.getpid()
    helper = HelperProcess(lambda: os.getpid() if os.getpid() == parent else os._exit(9))

    assert helper.result() == parent
    helper.end()


def test_a_process_that_is_not_needed_any_more_is_ended():
    helper = HelperProcess(lambda: time.sleep(60))
    started = time.monotonic()

    helper.end()

    assert time.monotonic() - started < 30
