"""Artifacts as GoCD's server keeps them: one folder for each job, checksums beside them.

A file or folder without wildcard lands in ``destination`` under its own name; with one, what matches keeps its path
after the part of ``source`` that is fixed. A build artifact that matches nothing fails its job, a test artifact
does not (https://github.com/gocd/gocd, ``ArtifactPlan.java``).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.gocd import ant_pattern
from ci.gocd.pipelines import Artifact, ArtifactKind, Fetch
from edgetrain.core.errors import EdgetrainError

Say = Callable[[str], None]
_OWN_DIR = "cruise-output"
_TRIES = "GoCD tries 4 times, about 90 s, and fails the job"


class ArtifactError(EdgetrainError):
    """Something cannot be published, or is not where it is fetched from."""


@dataclass(frozen=True)
class JobLocator:
    """A run of a job; written ``pipeline/counter/stage/counter/job``."""

    pipeline: str
    counter: int
    stage: str
    job: str
    stage_counter: int = 1

    def __str__(self) -> str:
        """Return the path of the job's artifacts in the store."""
        return f"{self.pipeline}/{self.counter}/{self.stage}/{self.stage_counter}/{self.job}"


@dataclass(frozen=True)
class ArtifactStore:
    """All artifacts below one folder."""

    root: Path

    def folder(self, job: JobLocator) -> Path:
        """Return where a job's artifacts lie."""
        return self.root / str(job)

    def console_path(self, job: JobLocator) -> Path:
        """Return the file with all that a job's tasks wrote."""
        return self.folder(job) / _OWN_DIR / "console.log"

    def publish(self, job: JobLocator, job_dir: Path, artifacts: Sequence[Artifact], say: Say) -> bool:
        """Copy what a job leaves; return whether all that must exist does.

        Args:
            job: whose artifacts.
            job_dir: what ``source`` is relative to.
            artifacts: of the job.
            say: takes a line for the console.
        """
        is_good = True
        for artifact in artifacts:
            found = ant_pattern.find(job_dir, artifact.source)
            if not found:
                is_good &= self._is_allowed_to_miss(artifact, say)
            for path in found:
                try:
                    self._upload(job, path, _destination(artifact, path.relative_to(job_dir)))
                except ArtifactError as error:
                    say(str(error))
                    is_good = False
        return is_good

    @staticmethod
    def _is_allowed_to_miss(artifact: Artifact, say: Say) -> bool:
        if artifact.kind is ArtifactKind.TEST:
            say(f"The test artifact {artifact.source} was not found ({artifact.place}). The result stays as it is.")
            return True
        say(f"The rule [{artifact.source}] cannot match any resource ({artifact.place}). This fails the job.")
        return False

    def _upload(self, job: JobLocator, path: Path, destination: str) -> None:
        target = self.folder(job) / destination / path.name
        copies = [(file, target / file.relative_to(path)) for file in (_files(path) if path.is_dir() else [path])]
        (target if path.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
        for source, copy in copies:
            if path.is_file() and copy.exists():
                name = copy.relative_to(self.folder(job)).as_posix()
                raise ArtifactError(f"{name}: published twice. Give one of them another destination.")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
        self._note_checksums(job, [copy for _, copy in copies])

    def _note_checksums(self, job: JobLocator, files: Sequence[Path]) -> None:
        path = self._checksum_path(job)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            for file in files:
                handle.write(f"{file.relative_to(self.folder(job)).as_posix()}={_md5(file)}\n")

    def fetch(self, job: JobLocator, task: Fetch, job_dir: Path) -> int:
        """Copy an artifact into another job's folder; return the number of files.

        Raises:
            ArtifactError: it does not exist, is a folder where a file is said (or the reverse), or was changed since.
        """
        source = self.folder(job) / task.source
        if not source.exists() or _has_odd_part(task.source):
            there = ", ".join(sorted(path.name for path in self.folder(job).glob("*") if path.name != _OWN_DIR))
            raise ArtifactError(
                f"{task.source}: no such artifact of {job} ({task.place}); it has: {there or 'none'}. {_TRIES}."
            )
        if source.is_dir() == task.is_file:
            kind, remedy = ("folder", "Leave out") if source.is_dir() else ("file", "Add")
            raise ArtifactError(f"{task.source} of {job} is a {kind} ({task.place}). {remedy} is_file: true.")
        target = job_dir / task.destination / source.name
        copies = (
            [(source, target)]
            if task.is_file
            else [(path, target / path.relative_to(source)) for path in _files(source)]
        )
        (target.parent if task.is_file else target).mkdir(parents=True, exist_ok=True)
        known = self._checksums(job)
        for file, copy in copies:
            name = file.relative_to(self.folder(job)).as_posix()
            if _md5(file) != known.get(name):
                raise ArtifactError(f"{name} of {job} is not what was published: its MD5 differs. Run that job again.")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        return len(copies)

    def _checksums(self, job: JobLocator) -> dict[str, str]:
        path = self._checksum_path(job)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return dict(line.rsplit("=", 1) for line in lines)

    def _checksum_path(self, job: JobLocator) -> Path:
        return self.folder(job) / _OWN_DIR / "md5.checksum"


def _destination(artifact: Artifact, path: Path) -> str:
    """Return the store's folder for something that matched, by its path relative to the job's folder."""
    fixed = ant_pattern.fixed_part(artifact.source)
    if fixed == artifact.source:
        return artifact.destination
    parent = path.parent.as_posix() if path.parent.parts else ""
    return "/".join(part for part in (artifact.destination, parent.removeprefix(fixed).strip("/")) if part)


def _has_odd_part(source: str) -> bool:
    """Return whether a path has a part that the server does not resolve, such as ``./`` (gocd#4810)."""
    return any(part in (".", "..") for part in source.split("/"))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
