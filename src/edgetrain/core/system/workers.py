"""Work in numbered pieces on several cores: forked processes, results in the order of the pieces, the first failure."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from edgetrain.core import errors
from edgetrain.core.errors import EdgetrainError
from edgetrain.core.system import progress

Result = TypeVar("Result")
Advance = Callable[[int], None]
Work = Callable[[int, Advance], Result]
_TOLD_EVERY = 200
_SECONDS_BETWEEN_LOOKS = 0.25


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def done_by_all(work: Work[Result], pieces: int, *, jobs: int, total: int, units: str) -> list[Result]:
    """Do the pieces 0, 1, 2, … in that order and return their results.

    Where a piece fails, no further one is begun; of several failures the one of the first piece is raised, which is
    the same however many processes there are. Processes end with this one, however that ends.

    Args:
        work: does a piece; the function that it is handed takes the number of units done since it was called last.
        pieces: how many there are.
        jobs: processes to use (0: one for each core); with 1, or one piece, this process does everything.
        total: units in all pieces together, for the progress that is told.
        units: their name in plural.
    """
    tally = _Tally(total, units)
    count = min(jobs or usable_cores(), pieces) if _can_fork() else 1
    if count <= 1:
        results = [work(piece, tally.add) for piece in range(pieces)]
    else:
        results = _Pool(work, count, tally).run(pieces)
    progress.listener().advanced(total, total, units)
    return results


def _can_fork() -> bool:
    return "fork" in multiprocessing.get_all_start_methods()


class _Tally:
    """Tells the listener how much is done, not more often than every few units."""

    def __init__(self, total: int, units: str) -> None:
        self._total, self._units = total, units
        self._done = self._told = 0

    def add(self, count: int) -> None:
        self._done += count
        if self._done - self._told >= _TOLD_EVERY:
            self._told = self._done
            progress.listener().advanced(min(self._done, self._total), self._total, self._units)


class _Pool(Generic[Result]):
    """Hands pieces to processes, each as soon as one is free."""

    def __init__(self, work: Work[Result], count: int, tally: _Tally) -> None:
        self._work, self._tally = work, tally
        self._results: dict[int, Result] = {}
        self._failures: dict[int, EdgetrainError] = {}
        self._lost: list[int] = []
        context = multiprocessing.get_context("fork")
        self._processes: list[BaseProcess] = []
        self._at_work: dict[Connection, int] = {}
        self._idle: list[Connection] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._idle.append(ours)

    def run(self, pieces: int) -> list[Result]:
        try:
            waiting = list(range(pieces))
            while self._hand_out(waiting) or self._at_work:
                for connection in wait(list(self._at_work)):
                    self._hear(connection)  # type: ignore[arg-type]
            for piece in () if self._failures else sorted([*self._lost, *waiting]):
                self._results[piece] = self._work(piece, self._tally.add)
        finally:
            self._end()
        if self._failures:
            raise self._failures[min(self._failures)]
        return [self._results[piece] for piece in range(pieces)]

    def _hand_out(self, waiting: list[int]) -> bool:
        """Give idle processes the next pieces; return whether any is at work."""
        while self._idle and waiting and not self._failures:
            connection = self._idle.pop()
            piece = waiting.pop(0)
            try:
                connection.send(piece)
                self._at_work[connection] = piece
            except OSError:  # the process is gone
                self._lost.append(piece)
        return bool(self._at_work)

    def _hear(self, connection: Connection) -> None:
        try:
            kind, value = connection.recv()
        except (EOFError, OSError):  # the process died, for want of memory for example: its piece is done here
            self._lost.append(self._at_work.pop(connection))
            return
        if kind == "advanced":
            self._tally.add(value)
            return
        piece = self._at_work.pop(connection)
        self._idle.append(connection)
        if kind == "done":
            self._results[piece] = value
        elif kind == "failed":
            name, message = value
            self._failures[piece] = getattr(errors, name)(message)
        else:
            raise RuntimeError(f"a process failed:\n{value}")

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for connection in (*self._idle, *self._at_work):
            connection.close()


def _serve(connection: Connection, work: Work[Any], parent: int) -> None:
    """Do what arrives until nothing more can come; the parent alone answers Ctrl-C."""
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    told = _Teller(connection)
    while True:
        try:
            piece = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = ("done", work(piece, told.add))
        except EdgetrainError as error:
            # An error with other arguments than its message cannot be sent: its kind of core.errors can.
            kind = next(one for one in type(error).__mro__ if one.__module__ == errors.__name__)
            answer = ("failed", (kind.__name__, str(error)))
        except Exception:  # noqa: BLE001 - a mistake of ours: its traceback is raised by the parent
            answer = ("broken", traceback.format_exc())
        told.flush()
        connection.send(answer)


class _Teller:
    """Tells the parent how much is done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count = 0

    def add(self, count: int) -> None:
        self._count += count
        if self._count >= _TOLD_EVERY:
            self.flush()

    def flush(self) -> None:
        if self._count:
            self._connection.send(("advanced", self._count))
            self._count = 0


def end_with_parent(parent: int) -> None:
    """Let this forked process end as soon as its parent has ended, however that was: by a signal, it says no farewell.

    A pipe would not tell: the processes that were forked later hold its other end, too.

    Args:
        parent: the process that forked this one, asked there, since it may be gone by now.
    """
    threading.Thread(target=_watch, args=(parent,), name="end-with-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


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
        self._process = context.Process(target=_send, args=(self._receiver, sender, work, os.getpid()), daemon=True)
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


def _send(receiver: Connection, sender: Connection, work: Callable[[], Result], parent: int) -> None:
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone answers Ctrl-C
    receiver.close()  # else this process would keep the pipe open itself, and wait for ever for a parent that is gone
    with contextlib.suppress(BrokenPipeError):
        sender.send((work(),))


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the garbage collector from walking the same values again and again while a block makes very many.

    Only for code that makes no cycles, whose memory nobody else would free.
    """
    # 20,000 annotations parsed: 0.20 s with the collector, 0.16 s without.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
