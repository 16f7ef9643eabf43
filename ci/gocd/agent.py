"""What an agent does with a job: materials, tasks one after the other, artifacts at the end.

A task runs if its ``run_if`` fits the job's state so far. Programs get no shell and only the variables of an agent.
Artifacts are published after a failure, too (https://github.com/gocd/gocd, ``BuildWork.java``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ci.gocd.artifact_store import ArtifactError, ArtifactStore, JobLocator
from ci.gocd.git_repository import GitRepository
from ci.gocd.pipelines import Artifact, Exec, Fetch, Job, RunIf

_SECONDS_TO_STOP = 10
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_OF_A_MINUTE = 60


@dataclass(frozen=True)
class Checkout:
    """A git material in a job's folder."""

    repository: GitRepository
    branch: str
    commit: str
    destination: str


@dataclass(frozen=True)
class Assignment:
    """A job as an agent gets it.

    Attributes:
        job: what to do.
        locator: where its artifacts go.
        folder: of the job, which does not exist yet.
        checkouts: materials to lay out in it.
        variables: all environment variables of its programs.
        producer_of: finds the job that a fetch task takes from; raises ``ArtifactError`` where GoCD finds none.
    """

    job: Job
    locator: JobLocator
    folder: Path
    checkouts: Sequence[Checkout]
    variables: Mapping[str, str]
    producer_of: Callable[[Fetch], JobLocator]


def run_job(assignment: Assignment, store: ArtifactStore, prepare: Callable[[Path], None] = lambda _: None) -> bool:
    """Run a job to its end; return whether it has passed. Its console is in the store.

    Args:
        assignment: what to run, and where.
        store: of all artifacts.
        prepare: is given the folder when the materials are in it.
    """
    path = store.console_path(assignment.locator)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as console:
        assignment.folder.mkdir(parents=True)
        for checkout in assignment.checkouts:
            _say(console, f"Checking out {checkout.repository.source} at {checkout.commit}")
            folder = assignment.folder / checkout.destination
            for line in checkout.repository.check_out(checkout.branch, checkout.commit, folder):
                _say(console, line)
        prepare(assignment.folder)
        is_good = _run_tasks(assignment, store, console)
        artifacts = _tests_last(assignment.job.artifacts)
        return (
            store.publish(assignment.locator, assignment.folder, artifacts, lambda text: _say(console, text))
            and is_good
        )


def _run_tasks(assignment: Assignment, store: ArtifactStore, console: TextIO) -> bool:
    is_good = True
    for task in assignment.job.tasks:
        if task.run_if in (RunIf.ANY, RunIf.PASSED if is_good else RunIf.FAILED):
            if isinstance(task, Fetch):
                is_good &= _fetch(task, assignment, store, console)
            else:
                is_good &= _execute(task, assignment, console)
    return is_good


def _tests_last(artifacts: Sequence[Artifact]) -> list[Artifact]:
    return sorted(artifacts, key=lambda artifact: artifact.kind.value)


def _fetch(task: Fetch, assignment: Assignment, store: ArtifactStore, console: TextIO) -> bool:
    try:
        producer = assignment.producer_of(task)
        count = store.fetch(producer, task, assignment.folder)
    except ArtifactError as error:
        _say(console, str(error))
        return False
    _say(console, f"Fetched {task.source} of {producer} into {task.destination or '.'}: {count} files")
    return True


def _execute(task: Exec, assignment: Assignment, console: TextIO) -> bool:
    """Run a program; return whether it ended with 0."""
    command = [task.command, *task.arguments]
    folder = assignment.folder / task.working_directory
    _say(console, f"Task: {' '.join(command)}")
    if not folder.is_dir():
        _say(console, f'There is no folder "{task.working_directory}" in the job\'s ({task.place}).')
        return False
    try:
        process = subprocess.Popen(  # noqa: S603 - what the pipeline says, without a shell
            command,
            cwd=folder,
            env=dict(assignment.variables),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all that it starts can be ended with it
        )
    except OSError as error:
        _say(console, f'"{task.command}" cannot be run: {error.strerror} ({task.place}). exec has no shell.')
        return False
    try:
        code = _wait(process, assignment.job.timeout_minutes, console)
    finally:
        if process.poll() is None:
            _end(process)
    if code:
        _say(console, f"The task ended with {f'signal {-code}' if code < 0 else f'exit code {code}'} ({task.place}).")
    return code == 0


def _wait(process: subprocess.Popen[bytes], minutes_of_silence: int | None, console: TextIO) -> int:
    """Return the exit code; a process that writes nothing for too long is ended."""
    size, heard = -1, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_SECONDS_BETWEEN_LOOKS)
        now = os.fstat(console.fileno()).st_size
        if now != size:
            size, heard = now, time.monotonic()
        elif minutes_of_silence and time.monotonic() - heard > minutes_of_silence * _SECONDS_OF_A_MINUTE:
            _say(console, f"No line of output for {minutes_of_silence} minutes (timeout). GoCD cancels such a job.")
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: asked first, then by force."""
    for number, seconds in ((signal.SIGTERM, _SECONDS_TO_STOP), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def _say(console: TextIO, text: str) -> None:
    # Programs write into the same file: what is said before must be there before.
    console.write(f"[go] {text}\n")
    console.flush()
