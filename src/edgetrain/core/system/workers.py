"""Work on several cores: forked processes, which end with this one, however that ends.

Numbered pieces for a pool, whose results come in the order of the pieces, or one piece of work beside other work.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
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
        results = list(_Pool(work, count, tally.add, lambda piece: work(piece, tally.add)).results(pieces, pieces))
    progress.listener().advanced(total, total, units)
    return results


def done_in_order(
    work: Callable[[int], Result], pieces: int, *, ahead: int, lost: Callable[[int], Result]
) -> Iterator[Result]:
    """Yield the results of the pieces 0, 1, 2, …, each as soon as it and those before it are done, on all cores.

    Other processes do everything, on one core, too: this one outlives a piece that ends its process.

    Args:
        work: does a piece.
        pieces: how many there are.
        ahead: how many results may wait for being taken, for each process.
        lost: does, in this process, a piece whose process died.
    """
    count = max(1, min(usable_cores(), pieces))
    yield from _Pool(lambda piece, _: work(piece), count, lambda _: None, lost).results(pieces, ahead * count)


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


class _Process:
    """A forked process that does the pieces that it is sent, and ends with this one."""

    def __init__(self, work: Work[Any]) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, piece: int) -> None:
        """Send a piece; that nobody is there any more is heard later."""
        with contextlib.suppress(OSError):
            self.connection.send(piece)

    def heard(self) -> tuple[str, Any]:
        """Return what the process says next: ``lost`` where it died, for want of memory for example."""
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            return "lost", None
        return kind, value

    def end(self) -> None:
        """End the process, whether or not it is done."""
        self._process.terminate()
        self._process.join()
        self.connection.close()


class _Pool(Generic[Result]):
    """Hands pieces to processes, each as soon as one is free; one that died is replaced."""

    def __init__(self, work: Work[Result], count: int, advance: Advance, lost: Callable[[int], Result]) -> None:
        self._work, self._count, self._advance, self._do_lost = work, count, advance, lost
        self._results: dict[int, Result] = {}
        self._failures: dict[int, Exception] = {}
        self._lost: list[int] = []
        self._idle: list[_Process] = []
        self._at_work: dict[Connection, tuple[_Process, int]] = {}

    def results(self, pieces: int, ahead: int) -> Iterator[Result]:
        """Yield the results in the order of the pieces; so many are begun at most before the first is taken."""
        waiting, following = deque(range(pieces)), 0
        try:
            while following < pieces:
                self._hand_out(waiting, following + ahead)
                if self._at_work:
                    for connection in wait(list(self._at_work)):
                        self._hear(connection)  # type: ignore[arg-type]
                elif self._failures:
                    raise self._failures[min(self._failures)]
                elif self._lost:
                    piece = self._lost.pop(self._lost.index(min(self._lost)))
                    self._results[piece] = self._do_lost(piece)
                while following in self._results:
                    yield self._results.pop(following)
                    following += 1
        finally:
            for process in (*self._idle, *(process for process, _ in self._at_work.values())):
                process.end()

    def _hand_out(self, waiting: deque[int], end: int) -> None:
        """Begin the next pieces, those before ``end``; none after a failure."""
        while waiting and waiting[0] < end and not self._failures:
            if not self._idle and len(self._at_work) == self._count:
                return
            process, piece = self._idle.pop() if self._idle else _Process(self._work), waiting.popleft()
            process.begin(piece)
            self._at_work[process.connection] = process, piece

    def _hear(self, connection: Connection) -> None:
        process, piece = self._at_work[connection]
        kind, value = process.heard()
        if kind == "advanced":
            self._advance(value)
            return
        del self._at_work[connection]
        if kind == "lost":
            process.end()
            self._lost.append(piece)
            return
        self._idle.append(process)
        if kind == "done":
            self._results[piece] = value
        else:
            self._failures[piece] = _failure(kind, value)


def _failure(kind: str, value: Any) -> Exception:
    """Return the exception that a process met."""
    if kind == "failed":
        name, message = value
        error: Exception = getattr(errors, name)(message)
        return error
    return RuntimeError(f"a process failed:\n{value}")


def _serve(connection: Connection, work: Work[Any], parent: int) -> None:
    """Do what arrives until nothing more can come; the parent alone answers Ctrl-C."""
    _end_with_parent(parent)
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


def _end_with_parent(parent: int) -> None:
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
        self._process = _Process(lambda _piece, _advance: work())
        self._process.begin(0)

    def result(self) -> Result:
        """Return what the work gives, as soon as it is done.

        Raises:
            EdgetrainError: that of the work.
        """
        kind, value = self._process.heard()
        if kind == "lost":
            return self._work()
        if kind != "done":
            raise _failure(kind, value)
        answer: Result = value
        return answer

    def end(self) -> None:
        """End the process, whether or not it is done."""
        self._process.end()


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
