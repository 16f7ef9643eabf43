"""A second process for half of a piece of work: forked, so that it knows everything that this one knows."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from edgetrain.core.worker_pool import usable_cores

Result = TypeVar("Result")


def forking_cores() -> int:
    """Return the number of cores that this process may use; 1 where processes cannot be forked."""
    return usable_cores() if "fork" in multiprocessing.get_all_start_methods() else 1


class HelperProcess(Generic[Result]):
    """A process that does some work; where it dies, this one does it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        """Start it.

        Args:
            work: gives something that can be pickled.
        """
        self._work = work
        context = multiprocessing.get_context("fork")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_send, args=(self._receiver, sender, work), daemon=True)
        self._process.start()
        sender.close()

    def result(self) -> Result:
        """Return what the work gives, as soon as it is done."""
        try:
            answer = self._receiver.recv()
        except EOFError:
            answer = None
        self._process.join()
        return self._work() if answer is None else answer[0]

    def end(self) -> None:
        """End the process, whether or not it is done."""
        self._process.terminate()
        self._process.join()
        self._receiver.close()


def _send(receiver: Connection, sender: Connection, work: Callable[[], Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone answers Ctrl-C
    receiver.close()  # else this process would keep the pipe open itself, and wait for ever for a parent that is gone
    with contextlib.suppress(BrokenPipeError):
        sender.send((work(),))
