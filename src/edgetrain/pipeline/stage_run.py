"""One run of one stage: is it needed, are its inputs there, what does it leave behind."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import importlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import edgetrain
from edgetrain.core.errors import MissingInputError
from edgetrain.core.git.program import committed_tree
from edgetrain.core.outcome import Outcome
from edgetrain.core.project import PACKAGE_DIR, PROJECT_DIR, TEMPLATES_DIR
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import combined_digest, file_digest
from edgetrain.core.system.folders import folder_state, visible_files
from edgetrain.core.system.progress import listener
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.kept_runs import keep_run
from edgetrain.core.workspace.reports import DATASET_TREE, StageRecord, read_report, write_record

_PACKAGES = (
    *("tensorflow-cpu", "tensorflow", "tf-object-detection-api", "numpy", "pandas", "pillow", "lxml", "jinja2"),
    "apache-beam",
)


@dataclass(frozen=True)
class StageInputs:
    """What a stage's result depends on.

    ``required`` maps each input to the stage that makes it; ``outputs`` are what the stage leaves. A partial result
    (of a part of the dataset, or that depends on what is not a file here) is never up to date.
    """

    settings: Mapping[str, object]
    required: Mapping[Path, str]
    optional: tuple[Path, ...]
    reads_dataset: bool
    outputs: tuple[Path, ...]
    is_partial: bool = False


class Digests:
    """SHA-256 of files and folders, each file read once as long as it does not change.

    Those of TFRecords are made of the checksums in them, which their writer knows.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with nothing known about the files of these settings."""
        self._dataset_dir = settings.dataset.root.resolve()
        self._follow_links = settings.dataset.follow_links
        self._workspace_dir = settings.workspace.root.resolve()
        self._records_dir = Workspace(settings.workspace.root).records_dir
        self._known: dict[tuple[str, int, int, int], str] = {}
        self._code: str | None = None

    def of(self, path: Path) -> str | None:
        """Return the digest of a file, or of a folder's visible files by name and content; ``None`` if absent."""
        if path.is_file():
            return self._of_file(path)
        return self._of_files(path, visible_files(path)) if path.is_dir() else None

    def of_dataset(self) -> str | None:
        """Return the state of all visible files of the dataset, a workspace inside it left out.

        It is made of names, sizes and times of change: reading thousands of pictures only to learn that there is
        nothing to do would cost more than the review itself. A touched file makes the stages that read the dataset run
        again; those after them compare the content of what these leave.
        """
        if not self._dataset_dir.is_dir():
            return None
        return folder_state(self._dataset_dir, left_out=self._workspace_dir, follow_links=self._follow_links)

    def of_code(self) -> str:
        """Return the digest of the project's own code and templates."""
        if self._code is None:
            files = [*PACKAGE_DIR.rglob("*.py"), *TEMPLATES_DIR.rglob("*")]
            self._code = self._of_files(PROJECT_DIR, sorted(path for path in files if path.is_file()))
        return self._code

    def learn(self, known: Mapping[Path, str]) -> None:
        """Take digests of files from who has just written them."""
        self._known |= {_state_of(path): digest for path, digest in known.items()}

    def _of_files(self, folder: Path, files: list[Path]) -> str:
        return combined_digest((path.relative_to(folder).as_posix(), self._of_file(path)) for path in files)

    def _of_file(self, path: Path) -> str:
        key = _state_of(path)
        if key not in self._known:
            is_shard = path.parent == self._records_dir
            self._known[key] = _records_digest(path) if is_shard else file_digest(path)
        return self._known[key]


def _state_of(path: Path) -> tuple[str, int, int, int]:
    state = path.stat()
    return str(path), state.st_ino, state.st_mtime_ns, state.st_size


def _records_digest(path: Path) -> str:
    # Loaded only where there are TFRecords: not every profile can read them.
    digest: str = importlib.import_module("edgetrain.records.tfrecord").records_digest(path)
    return digest


@dataclass(frozen=True)
class _Origin:
    """What a stage is about to make its result from: digests of its inputs, its settings, and one over all of it."""

    inputs: Mapping[str, str | None]
    settings: Mapping[str, object]
    fingerprint: str


def run_if_stale(name: str, module: str, inputs: StageInputs, settings: Settings, digests: Digests) -> Outcome | None:
    """Run a stage unless its last run had the same inputs, settings, code and outputs; ``None``: it had.

    Raises:
        EdgetrainError: see :func:`run_now`.
    """
    origin = _origin(name, inputs, settings, digests)
    workspace = Workspace(settings.workspace.root)
    if not inputs.is_partial and _is_up_to_date(name, origin, inputs, workspace, digests):
        listener().skipped(name, "inputs, settings and code are unchanged")
        return None
    return _run(name, module, inputs, origin, settings=settings, digests=digests).outcome


def run_now(name: str, module: str, inputs: StageInputs, settings: Settings, digests: Digests) -> StageRecord:
    """Run a stage, leave its report and return that, whether or not its result may be used.

    A stage that an error ends leaves what is there as it is, the report of that included.

    Raises:
        EdgetrainError: an input is missing, or the stage cannot do its work.
    """
    origin = _origin(name, inputs, settings, digests)
    return _run(name, module, inputs, origin, settings=settings, digests=digests)


def _run(  # noqa: PLR0913 - all but the first four are keyword-only
    name: str, module: str, inputs: StageInputs, origin: _Origin, *, settings: Settings, digests: Digests
) -> StageRecord:
    workspace = Workspace(settings.workspace.root)
    listener().started(name)
    started = time.monotonic()
    outcome: Outcome = importlib.import_module(module).run(settings, workspace)
    seconds = time.monotonic() - started
    digests.learn(outcome.digests)
    record = StageRecord(
        stage=name,
        outcome=outcome,
        # A result that must not be used is never up to date.
        fingerprint=origin.fingerprint if outcome.is_good else "",
        settings=origin.settings,
        inputs={**origin.inputs, **_committed_dataset(inputs, settings, workspace)},
        outputs={workspace.relative(path): digests.of(path) for path in inputs.outputs},
        seconds=seconds,
        versions=_versions(),
    )
    write_record(workspace.report_path(name), record)
    if name == "evaluate" and not settings.model.file:
        keep_run(workspace)
    if outcome.is_good:
        listener().finished(name, outcome.summary, seconds)
        for note in outcome.notes:
            listener().noted(note)
    return record


def _origin(name: str, inputs: StageInputs, settings: Settings, digests: Digests) -> _Origin:
    used = _input_digests(inputs, Workspace(settings.workspace.root), digests)
    plain = {key: _plain(value) for key, value in inputs.settings.items()}
    return _Origin(used, plain, _fingerprint(name, plain, used, digests.of_code()))


def _input_digests(inputs: StageInputs, workspace: Workspace, digests: Digests) -> dict[str, str | None]:
    """Return the digest of every input by name.

    Raises:
        MissingInputError: a required input does not exist; names the stage that makes it.
    """
    used: dict[str, str | None] = {}
    for path, maker in inputs.required.items():
        digest = digests.of(path)
        if digest is None:
            raise MissingInputError(f'{path}: does not exist. Run "ci/inv {maker}" first.')
        used[workspace.relative(path)] = digest
    for path in inputs.optional:
        inside = workspace.root in path.parents
        used[workspace.relative(path) if inside else path.name] = digests.of(path)
    if inputs.reads_dataset and not inputs.is_partial:
        used["dataset"] = digests.of_dataset()
    return used


def _committed_dataset(inputs: StageInputs, settings: Settings, workspace: Workspace) -> dict[str, str | None]:
    """Return git's own id of the dataset where all of it is committed: what other clones of it have, too."""
    if not inputs.reads_dataset or inputs.is_partial:
        return {}
    tree = committed_tree(settings.dataset.root, workspace.root)
    return {DATASET_TREE: tree} if tree else {}


def _fingerprint(name: str, settings: Mapping[str, object], inputs: Mapping[str, str | None], code: str) -> str:
    text = json.dumps([name, settings, inputs, code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_up_to_date(name: str, origin: _Origin, inputs: StageInputs, workspace: Workspace, digests: Digests) -> bool:
    record = read_report(workspace.report_path(name))
    made_from = record.get("made_from") if record else None
    if not isinstance(made_from, dict) or made_from.get("fingerprint") != origin.fingerprint:
        return False
    now = {workspace.relative(path): digests.of(path) for path in inputs.outputs}
    return None not in now.values() and now == made_from.get("outputs")


def _plain(value: object) -> object:
    """Return a setting as a JSON value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value  # a dict of words is JSON already


def _versions() -> dict[str, str]:
    """Return the versions that may have shaped a result: Python, this project, and the libraries installed."""
    versions = {"python": platform.python_version(), "edgetrain": edgetrain.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
