"""Work on several cores: results in order, the first failure, nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.system import workers
from edgetrain.core.system.progress import Listener, listening
from edgetrain.core.system.workers import done_by_all, done_in_order
from tests.support.places import PROJECT_DIR

JOBS = [pytest.param(1, id="this process"), pytest.param(2, id="two processes")]


class OddError(DatasetError):
    """An error that cannot be pickled."""

    def __init__(self, name, reason):
        super().__init__(f"{name}: {reason}")


class Ear(Listener):
    """Remembers how much was done."""

    def __init__(self):
        self.heard = []

    def advanced(self, done, total, text):
        self.heard.append((done, total, text))


def all_done(work, pieces, jobs, total=0):
    return done_by_all(work, pieces, jobs=jobs, total=total, units="things")


@pytest.mark.parametrize("jobs", JOBS)
def test_results_come_in_the_order_of_the_pieces(jobs):
    def work(piece, _advance):
        time.sleep(0.02 * (3 - piece % 3))
        return piece * 10

    assert all_done(work, 6, jobs) == [0, 10, 20, 30, 40, 50]


def test_several_processes_do_the_work():
    assert len(set(all_done(lambda *_: time.sleep(0.05) or os.getpid(), 6, 2)) | {os.getpid()}) == 3


@pytest.mark.parametrize("jobs", JOBS)
def test_the_failure_of_the_first_piece_is_raised_and_no_further_one_begun(jobs, tmp_path):
    def work(piece, _advance):
        (tmp_path / str(piece)).touch()
        time.sleep(0.2 if piece == 0 else 0)
        raise OddError(f"piece {piece}", "is broken")

    with pytest.raises(DatasetError, match=r"^piece 0: is broken$"):
        all_done(work, 9, jobs)
    assert len(list(tmp_path.iterdir())) == jobs


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(RuntimeError, match=r"a process failed:\n(?s:.*)ZeroDivisionError"):
        all_done(lambda piece, _: piece // 0, 2, 2)


def test_the_piece_of_a_process_that_died_is_done_all_the_same():
    ours = os.getpid()

    def work(piece, _advance):
        if piece == 1 and os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    assert all_done(work, 5, 2) == [0, 1, 2, 3, 4]


def test_a_process_that_died_is_replaced(monkeypatch):
    """Two cores, four pieces that end their process: those between them are done by processes all the same."""
    monkeypatch.setattr(workers, "usable_cores", lambda: 2)

    def work(piece):
        return os.getpid() if piece % 2 else os.kill(os.getpid(), signal.SIGKILL)

    results = list(done_in_order(work, 8, ahead=4, lost=lambda piece: f"lost {piece}"))

    assert results[::2] == ["lost 0", "lost 2", "lost 4", "lost 6"]
    assert os.getpid() not in results[1::2]


def test_no_more_is_begun_than_may_wait_for_being_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "usable_cores", lambda: 2)
    results = done_in_order(lambda piece: (tmp_path / str(piece)).touch(), 20, ahead=3, lost=lambda _: None)

    next(results)
    results.close()

    assert len(list(tmp_path.iterdir())) <= 6


def test_nothing_to_do_is_done():
    assert all_done(lambda *_: 1, 0, 0) == []
    assert list(done_in_order(lambda _: 1, 0, ahead=1, lost=lambda _: 1)) == []


@pytest.mark.parametrize("jobs", JOBS)
def test_progress_is_told_now_and_then(jobs):
    ear = Ear()

    with listening(ear):
        all_done(lambda _piece, advance: [advance(1) for _ in range(450)], 2, jobs, total=900)

    assert ear.heard[-1] == (900, 900, "things")
    assert 3 < len(ear.heard) < 9
    assert ear.heard == sorted(ear.heard)


def test_processes_end_with_the_one_that_was_killed(tmp_path):
    code = f"""
import os, signal, time
from pathlib import Path
from edgetrain.core.system.workers import done_by_all
def work(piece, advance):
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    while True:
        time.sleep(0.01)
        advance(1)
done_by_all(work, 2, jobs=2, total=1, units="")
"""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    until(lambda: len(list(tmp_path.iterdir())) == 2)

    parent.kill()
    parent.wait()

    until(lambda: not any(is_running(int(path.name)) for path in tmp_path.iterdir()))


def test_processes_that_wait_for_work_end_with_the_one_that_was_killed(tmp_path):
    """Each holds the ends of the pipes that the others read from: none hears that the parent is gone."""
    code = f"""
import os, signal, time
from pathlib import Path
from edgetrain.core.system.workers import done_by_all
def work(piece, advance):
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(1 if piece < 3 else 600)
done_by_all(work, 4, jobs=3, total=1, units="")
"""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    until(lambda: len(list(tmp_path.iterdir())) == 3)

    parent.kill()
    parent.wait()

    until(lambda: not any(is_running(int(path.name)) for path in tmp_path.iterdir()))


def until(is_so):
    """Wait, ten seconds at most, until something is so."""
    limit = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.02)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
