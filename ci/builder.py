"""Builds virtual environments from pinned requirements, each once, however many processes ask and however they end.

An environment is whole if and only if its stamp is there and names the requirements, the Python and the folder it was
made for; the stamp is written last. One lock file per environment lets a single process build it.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from ci.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PIP_OPTIONS = (
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--no-user",
    "--no-deps",
    "--no-build-isolation",
    "--require-hashes",
)
# Of a user's settings, those that would put packages elsewhere or change which ones are installed. Indexes, proxies
# and certificates stay.
_DROPPED_VARIABLES = frozenset(
    ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_DRY_RUN"]
)
_SECONDS_TO_STOP = 3
_SECONDS_BETWEEN_LINES = 10
_FAILURES = (
    ("No space left on device|Disk quota exceeded", "the disk is full. Free some space and run it again."),
    (
        "DO NOT MATCH THE HASHES",
        "a downloaded file is not the pinned one (hash mismatch). If a mirror changes files, go around it.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED|SSLError",
        'the package index\'s certificate is not trusted. Name your own with "pip config set global.cert FILE".',
    ),
    (
        (
            "Failed to establish a new connection|NewConnectionError|name resolution|Network is unreachable|ProxyError"
            "|ConnectTimeout|[Rr]ead timed out|Connection refused|Connection reset"
        ),
        "the package index cannot be reached. Check the network, or pip's index and proxy settings.",
    ),
    (
        "No matching distribution found|Could not find a version",
        "the package index has no file for this system. README.md lists the systems that are supported.",
    ),
)


class Environment(NamedTuple):
    """A virtual environment: where it is, and what it must have been made from to be used.

    Attributes:
        directory: absolute path; need not exist.
        identity: text of the stamp of a whole environment.
    """

    directory: Path
    identity: str

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / "bin" / "python"

    @property
    def stamp_path(self) -> Path:
        """The file that says that it is whole."""
        return self.directory / "edgetrain-stamp"

    @property
    def lock_path(self) -> Path:
        """The file that is locked while it is made; never removed, as that would break the lock."""
        return self.directory.with_name(self.directory.name + ".lock")

    @property
    def log_path(self) -> Path:
        """What the programs said that made it."""
        return self.directory.with_name(self.directory.name + ".log")

    def is_ready(self) -> bool:
        """Whether it is whole, made from these very requirements, and its Python is still installed."""
        try:
            return self.stamp_path.read_text(encoding="utf-8") == self.identity and self.python.exists()
        except OSError:
            return False


def build_once(
    environment: Environment, python: Path, requirements: Sequence[Path], environ: Mapping[str, str]
) -> None:
    """Replaces what is there by a whole environment. Of several callers one builds, the others wait and find it ready.

    Args:
        environment: what to build, in its final place: its programs name their folder.
        python: the interpreter it is based on.
        requirements: files with pinned packages, installed one after the other.
        environ: variables for the programs; pip's settings are respected.

    Raises:
        SetupError: a step failed. Nothing is left that looks whole.
        OSError: a folder cannot be written.
    """
    environment.directory.parent.mkdir(parents=True, exist_ok=True)
    with _locked(environment) as lock_descriptor:
        if not environment.is_ready():
            _Build(environment, environ, lock_descriptor).run(python, requirements)


def say(message: str) -> None:
    """Prints a line for the caller, on stderr: stdout belongs to the task."""
    sys.stderr.write(f"ci/inv: {message}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _locked(environment: Environment) -> Iterator[int]:
    with environment.lock_path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up of {environment.directory}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


class _Build:
    """One run of the steps that make an environment. Holds what every program started on the way needs."""

    def __init__(self, environment: Environment, environ: Mapping[str, str], lock_descriptor: int) -> None:
        self._environment = environment
        self._environ = {key: value for key, value in environ.items() if key not in _DROPPED_VARIABLES}
        self._lock_descriptor = lock_descriptor

    def run(self, python: Path, requirements: Sequence[Path]) -> None:
        """Removes what is there and makes it anew; the stamp comes last."""
        environment = self._environment
        started = time.monotonic()
        self._remove()
        say(f"setting up {environment.directory} with {python} (once, and again when {requirements[-1].name} changes)")
        self._run([python, "-I", "-m", "venv", environment.directory], "making the environment")
        for requirements_path in requirements:
            self._install(requirements_path)
        self._run([environment.python, "-I", "-c", "import invoke"], "trying the environment")
        self._write_stamp()
        say(f"ready after {time.monotonic() - started:.0f} s")

    def _remove(self) -> None:
        self._environment.stamp_path.unlink(missing_ok=True)
        if self._environment.directory.exists():
            shutil.rmtree(self._environment.directory)
        self._environment.log_path.unlink(missing_ok=True)

    def _install(self, requirements_path: Path) -> None:
        count = len(set(re.findall(r"^([\w.-]+)==", requirements_path.read_text(encoding="utf-8"), re.MULTILINE)))
        command: list[str | Path] = [self._environment.python, "-I", "-m", "pip", "install"]
        command += [*_PIP_OPTIONS, "-r", requirements_path]
        self._run(command, f"installing {requirements_path.name}", _Progress(count))

    def _run(self, command: Sequence[str | Path], step: str, progress: _Progress | None = None) -> None:
        """Runs a program, its output in the log; says why if it fails."""
        with self._environment.log_path.open("a+", encoding="utf-8", errors="replace") as log:
            log_start = log.tell()
            with (
                subprocess.Popen(  # noqa: S603 - the programs are Python itself
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=self._environ,
                    encoding="utf-8",
                    errors="replace",
                    # The lock goes along: pip outlives a killed set-up, and until it ends nobody may touch the folder.
                    pass_fds=[self._lock_descriptor],
                ) as process,
                _stopped_on_interrupt(process),
            ):
                for line in process.stdout or ():
                    log.write(line)
                    if progress:
                        progress.show(line)
            if process.returncode:
                log.seek(log_start)
                raise SetupError(_explain(step, log.read(), self._environment.log_path))

    def _write_stamp(self) -> None:
        temporary_path = self._environment.stamp_path.with_suffix(".tmp")
        temporary_path.write_text(self._environment.identity, encoding="utf-8")
        temporary_path.replace(self._environment.stamp_path)


@contextlib.contextmanager
def _stopped_on_interrupt(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Ctrl-C reached the program, too: leave it the time to remove its temporary files.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_STOP)
        process.kill()
        raise


class _Progress:
    """Tells from pip's output how far it is: on a terminal in one line, otherwise every few seconds."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._fetched = 0
        self._said_at = time.monotonic()

    def show(self, line: str) -> None:
        """Takes one more line of pip's output."""
        if line.startswith(("Collecting ", "Processing ")):
            self._fetched += 1
            package = line.split()[1].rpartition("/")[2].partition("==")[0]
            self._say_now_and_then(f"fetching package {self._fetched} of {self._count}: {package}")
        elif line.startswith("Installing collected packages"):
            if sys.stderr.isatty():
                sys.stderr.write("\r\033[K")
            say(f"installing {self._count} packages")

    def _say_now_and_then(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[Kci/inv: {text}")
            sys.stderr.flush()
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            say(text)


def _explain(step: str, output: str, log_path: Path) -> str:
    reasons = (reason for pattern, reason in _FAILURES if re.search(pattern, output))
    last_lines = "".join(f"    {line}\n" for line in output.splitlines()[-12:])
    return (
        f"{step} failed:\n{last_lines}ci/inv: {next(reasons, 'the lines above say why.')} All of the output: {log_path}"
    )
