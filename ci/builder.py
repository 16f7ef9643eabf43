"""Builds virtual environments from pinned requirements, each once, however many processes ask and however they end.

An environment is whole if and only if its stamp is there and names the requirements, the Python and the folder it was
made for; the stamp is written last. One lock file per environment lets a single process build it. uv installs, which
pip has put into an environment of its own; where uv cannot do as pip is told, pip installs.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ci.errors import SetupError
from ci.index_settings import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OPTIONS = ("--no-deps", "--no-build-isolation", "--require-hashes")
_PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-user", *_OPTIONS)
# One index is as good as another, since the hash decides; uv would else look into the first only.
_UV_OPTIONS = ("--compile-bytecode", "--index-strategy=unsafe-best-match", *_OPTIONS)
# Of a user's uv settings, those that do not change what is installed or where.
_KEPT_UV_VARIABLES = (
    *("UV_CACHE_DIR", "UV_CONCURRENT_", "UV_HTTP_", "UV_LINK_MODE", "UV_OFFLINE", "UV_PYTHON_INSTALL_MIRROR"),
)
# Of a user's settings, those that would put packages elsewhere or change which ones are installed. Indexes, proxies
# and certificates stay.
_DROPPED_VARIABLES = frozenset(
    ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_DRY_RUN"]
)
_NO_FILE = "No matching distribution found|Could not find a version|No solution found|has no wheels with a matching"
_NO_FILE_REASON = "the package index has no file for this system. README.md lists the systems that are supported."
_SECONDS_TO_STOP = 3
_SECONDS_BETWEEN_LINES = 10
_FAILURES = (
    ("No space left on device|Disk quota exceeded", "the disk is full. Free some space and run it again."),
    (
        "DO NOT MATCH THE HASHES|Hash mismatch",
        "a downloaded file is not the pinned one (hash mismatch). If a mirror changes files, go around it.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate|UnknownIssuer",
        'the package index\'s certificate is not trusted. Name your own with "pip config set global.cert FILE".',
    ),
    (
        (
            "Failed to establish a new connection|NewConnectionError|name resolution|Network is unreachable|ProxyError"
            "|ConnectTimeout|[Rr]ead timed out|Connection refused|Connection reset|error sending request|dns error"
        ),
        "the package index cannot be reached. Check the network, or pip's index and proxy settings.",
    ),
    (
        _NO_FILE,
        _NO_FILE_REASON,
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


class Uv(NamedTuple):
    """Where uv is, and which file pins it.

    Attributes:
        environment: the one that holds it, made or not.
        requirements: its pins.
    """

    environment: Environment
    requirements: Path

    @property
    def program(self) -> Path:
        """The program itself."""
        return self.environment.directory / "bin" / "uv"


def build_once(
    environment: Environment, python: Path, requirements: Sequence[Path], environ: Mapping[str, str], uv: Uv
) -> None:
    """Replaces what is there by a whole environment. Of several callers one builds, the others wait and find it ready.

    Args:
        environment: what to build, in its final place: its programs name their folder.
        python: the interpreter it is based on.
        requirements: files with pinned packages, installed one after the other.
        environ: variables for the programs; pip's settings are respected.
        uv: installs, and is installed first.

    Raises:
        SetupError: a step failed. Nothing is left that looks whole.
        OSError: a folder cannot be written.
    """
    environment.directory.parent.mkdir(parents=True, exist_ok=True)
    with _locked(environment) as lock_descriptor:
        if not environment.is_ready():
            uv_environ = provide_uv(uv, environ)
            build = _Build(environment, environ if uv_environ is None else uv_environ, lock_descriptor)
            trial: list[str | Path] = [environment.python, "-I", "-c", "import invoke"]
            build.run(python, requirements, uv.program if uv_environ is not None else None, trial)


def provide_uv(uv: Uv, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Installs uv, once, and gives the variables that tell it what pip is told; none where pip has to do it.

    Raises:
        SetupError: not even pip can install from the index.
    """
    with _locked(uv.environment) as lock_descriptor:
        if not uv.environment.is_ready():
            try:
                build = _Build(uv.environment, environ, lock_descriptor)
                trial: list[str | Path] = [uv.program, "--version"]
                build.run(Path(sys.executable).resolve(), [uv.requirements], None, trial)
            except SetupError as error:
                if _NO_FILE_REASON not in str(error):  # pip also says that it found none where it reached nothing
                    raise
                say("the package index has no uv for this system: pip installs, which takes longer.")
                return None
    pip: list[str | Path] = [uv.environment.python, "-I", "-m", "pip", "config", "list"]
    answer = subprocess.run(pip, env=_without(environ), capture_output=True, text=True, check=False)  # noqa: S603 - our own
    told, unknown = translate(answer.stdout)
    if unknown:
        say(f"pip is told {', '.join(unknown)}, which uv does not know: pip installs, which takes longer.")
        return None
    foreign = {key for key in environ if key.startswith("UV_") and not key.startswith(_KEPT_UV_VARIABLES)}
    return {
        **{key: environ[key] for key in environ.keys() - foreign},
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        **told,
    }


def _without(environ: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environ.items() if key not in _DROPPED_VARIABLES}


def say(message: str) -> None:
    """Prints a line for the caller, on stderr: stdout belongs to the task."""
    sys.stderr.write(f"ci/inv: {message}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _locked(environment: Environment) -> Iterator[int]:
    # Not edgetrain's lock: this one waits, is handed on to pip, and is held before there is anything to import.
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
        self._environ = _without(environ)
        self._lock_descriptor = lock_descriptor

    def run(self, python: Path, requirements: Sequence[Path], uv: Path | None, trial: Sequence[str | Path]) -> None:
        """Removes what is there and makes it anew, by uv or without it by pip; after a trial the stamp comes last."""
        environment = self._environment
        started = time.monotonic()
        self._remove()
        say(f"setting up {environment.directory} with {python} (once, and again when {requirements[-1].name} changes)")
        options = ["--without-pip"] if uv else []
        self._run([python, "-I", "-m", "venv", *options, environment.directory], "making the environment")
        pip = (environment.python, "-I", "-m", "pip", "install", *_PIP_OPTIONS)
        install = (uv, "pip", "install", "--python", environment.python, *_UV_OPTIONS) if uv else pip
        for requirements_path in requirements:
            self._install(install, requirements_path)
        self._run(trial, "trying the environment")
        self._write_stamp()
        say(f"ready after {time.monotonic() - started:.0f} s")

    def _remove(self) -> None:
        self._environment.stamp_path.unlink(missing_ok=True)
        if self._environment.directory.exists():
            shutil.rmtree(self._environment.directory)
        self._environment.log_path.unlink(missing_ok=True)

    def _install(self, install: Sequence[str | Path], requirements_path: Path) -> None:
        text = requirements_path.read_text(encoding="utf-8")
        count = len(set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE)))
        self._run([*install, "-r", requirements_path], f"installing {requirements_path.name}", _Progress(count))

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
    """Tells from the installer's output how far it is: each large file, but a line every few seconds at most."""

    def __init__(self, count: int) -> None:
        self._said_at = time.monotonic()
        say(f"installing {count} packages")

    def show(self, line: str) -> None:
        """Takes one more line of pip's or uv's output."""
        is_due = time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES
        if is_due and line.lstrip().startswith(
            ("Collecting ", "Downloading ", "Downloaded ", "Prepared ", "Installed ")
        ):
            self._said_at = time.monotonic()
            say(line.partition("--hash")[0].strip())


def _explain(step: str, output: str, log_path: Path) -> str:
    reasons = (reason for pattern, reason in _FAILURES if re.search(pattern, output))
    last_lines = "".join(f"    {line}\n" for line in output.splitlines()[-12:])
    return (
        f"{step} failed:\n{last_lines}ci/inv: {next(reasons, 'the lines above say why.')} All of the output: {log_path}"
    )
