"""Work in numbered pieces as a pipeline of Apache Beam, on whatever runner: the only door to apache_beam.

Like ``core.system.workers`` on this machine. Only the pieces' numbers go through the pipeline: workers
read and write files, in folders that all of them see under the same paths, and leave their answers there, too.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apache_beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState, create_runner

from edgetrain.core import errors
from edgetrain.core.errors import EdgetrainError, SettingsError, ToolError
from edgetrain.core.project import PACKAGE_DIR
from edgetrain.core.system import progress
from edgetrain.core.system.files import replacing_file

Result = TypeVar("Result")
Work = Callable[[int], Result]
_LOCAL_NAMES = ("direct", "directrunner")  # Beam knows no upper and lower case here
# Beam's DirectRunner would first fetch another program and try that; this is the one that it comes back to.
_LOCAL_CLASS = "FnApiRunner"
_SECONDS_BETWEEN_COUNTS = 0.5
_SUFFIX = ".answer"


@dataclass(frozen=True)
class Runner:
    """Who runs pipelines: Beam's name for it, and further options of Beam, each ``--name=value``."""

    name: str
    options: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether it is Beam's own one for this machine."""
        return self.name.lower() in _LOCAL_NAMES


def done_by_beam(
    prepare: Callable[[Path], Work[Result]], pieces: int, *, runner: Runner, folder: Path, units: str
) -> list[Result]:
    """Do the pieces 0, 1, 2, … in any order and return their results in this order.

    Every piece is done, whatever happens to the others; of several failures the one of the first piece is raised. A
    runner may do a piece twice, even at the same time.

    Args:
        prepare: makes, on each worker, what does a piece there, given a folder that is removed at the end; it and the
            results must be picklable.
        pieces: how many there are.
        runner: who does them.
        folder: an existing one that the workers may write to; nothing stays there.
        units: the name of pieces in plural, for the progress that is told.

    Raises:
        SettingsError: there is no such runner or option.
        ToolError: the runner failed, or its workers do not see the folder.
        EdgetrainError: a piece failed.
    """
    pipeline = _pipeline(runner)
    # After Ctrl-C, workers may still be writing there.
    with tempfile.TemporaryDirectory(prefix=".scratch", dir=folder, ignore_cleanup_errors=True) as name:
        scratch_dir = Path(name)
        work = _pieces(pickle.dumps(_Answering(prepare, scratch_dir)), str(PACKAGE_DIR.parent))
        # Each piece may go to another worker, however the numbers came into being.
        pipeline | apache_beam.Create(range(pieces)) | apache_beam.Reshuffle() | apache_beam.ParDo(work)
        with _counted(scratch_dir, pieces, units):
            _run(pipeline, runner)
        answers = [_read_answer(scratch_dir / f"{piece}{_SUFFIX}", runner) for piece in range(pieces)]
    for answer in answers:
        if isinstance(answer, _Failure):
            raise answer.kind(answer.message)
    progress.listener().advanced(pieces, pieces, units)
    return answers


@dataclass(frozen=True)
class _Failure:
    """Stands in the place of a result: which error, and its message."""

    kind: type[EdgetrainError]
    message: str


@dataclass(frozen=True)
class _Answering:
    """What a worker does: pieces, and a file with the result of each."""

    prepare: Callable[[Path], Work[Any]]
    scratch_dir: Path

    def started(self) -> Work[None]:
        """Return what does a piece and leaves its answer; where nothing can be prepared, that is each one's failure."""
        try:
            work = self.prepare(self.scratch_dir)
        except EdgetrainError as error:
            failure = _failure_of(error)
            return lambda piece: self._leave(piece, failure)
        return lambda piece: self._do(work, piece)

    def _do(self, work: Work[Any], piece: int) -> None:
        try:
            answer = work(piece)
        except EdgetrainError as error:
            answer = _failure_of(error)
        self._leave(piece, answer)

    def _leave(self, piece: int, answer: object) -> None:
        with replacing_file(self.scratch_dir / f"{piece}{_SUFFIX}") as temporary:
            temporary.write_bytes(pickle.dumps(answer))


def _failure_of(error: EdgetrainError) -> _Failure:
    # An error with other arguments than its message cannot be pickled: its kind of core.errors can.
    return _Failure(next(one for one in type(error).__mro__ if one.__module__ == errors.__name__), str(error))


def _pieces(answering: bytes, code_dir: str) -> apache_beam.DoFn:
    """Return the step of the pipeline that does pieces.

    Its class is made here, so that Beam sends its code and not only its name: workers are new processes, which find
    this project's code, unless it is installed there, only by the folder that is named to them.
    """

    class Pieces(apache_beam.DoFn):  # type: ignore[misc]
        """Does the pieces whose numbers come."""

        def setup(self) -> None:
            if code_dir not in sys.path:
                sys.path.append(code_dir)
            self.work = pickle.loads(answering).started()  # noqa: S301 - our own

        def process(self, piece: int) -> None:
            self.work(piece)

    return Pieces()


def _options(runner: Runner) -> PipelineOptions:
    """Return Beam's options; its parser ends the process where it finds a fault, and writes why."""
    stray = [option for option in runner.options if not option.startswith("--")]
    if stray:
        raise SettingsError(f"records.beam_options: {stray[0]!r} is not of the form --name=value. Correct it.")
    said = io.StringIO()
    options = PipelineOptions(list(runner.options))
    try:
        with contextlib.redirect_stderr(said):
            known = options.get_all_options()
            every = options.get_all_options(retain_unknown_options=True)
    except SystemExit as error:
        why = said.getvalue().strip().rpartition("error: ")[2]
        raise SettingsError(f"records.beam_options: {why}. Correct it.") from error
    if runner.is_local:  # other runners may know more options than Beam itself
        unknown = sorted(every.keys() - known.keys())
        if unknown:
            raise SettingsError(f"records.beam_options: --{unknown[0]} is no option of {runner.name}. Correct it.")
    return options


def _pipeline(runner: Runner) -> Any:
    """Return an empty pipeline."""
    options = _options(runner)
    try:
        chosen = create_runner(_LOCAL_CLASS if runner.is_local else runner.name)
        return apache_beam.Pipeline(runner=chosen, options=options)
    except (ValueError, ImportError, AttributeError) as error:
        why = " ".join(str(error).split()).rstrip(".")
        raise SettingsError(f"records.runner {runner.name}: {why}. Correct it, or records.beam_options.") from error


def _run(pipeline: Any, runner: Runner) -> None:
    """Run a pipeline to its end; Ctrl-C ends it, wherever it runs."""
    try:
        running = pipeline.run()
        try:
            state = running.wait_until_finish()
        except KeyboardInterrupt:
            running.cancel()
            raise
    except (RuntimeError, OSError, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if _is_interruption(error):
            raise KeyboardInterrupt from error
        last = str(error).strip().splitlines() or [type(error).__name__]
        raise ToolError(
            f"{runner.name}: the pipeline failed ({last[-1].strip()}). Look into logs/libraries.log of the workspace."
        ) from error
    if state not in {PipelineState.DONE, None}:
        raise ToolError(f"{runner.name}: the pipeline ended as {state}. Look at what the runner says of it.")


def _is_interruption(error: BaseException | None) -> bool:
    """Return whether a failure is only what Beam made of Ctrl-C that reached its own code."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _read_answer(path: Path, runner: Runner) -> Any:
    try:
        return pickle.loads(path.read_bytes())  # noqa: S301 - our own workers wrote it
    except FileNotFoundError as error:
        raise ToolError(
            f"{runner.name}: its workers wrote nothing to {path.parent}. "
            "Put dataset and workspace where all of them see them under the same path."
        ) from error


@contextlib.contextmanager
def _counted(folder: Path, total: int, units: str) -> Iterator[None]:
    """Tell the listener now and then how many answers there are, while the block runs."""
    is_over = threading.Event()

    def count() -> None:
        while not is_over.wait(_SECONDS_BETWEEN_COUNTS):
            done = sum(1 for _ in folder.glob(f"[0-9]*{_SUFFIX}"))
            progress.listener().advanced(done, total, units)

    # The listener is that of this context.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(count,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
