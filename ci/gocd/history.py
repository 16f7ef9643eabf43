"""What has run in a rehearsal's folder: counters, revisions, stages that passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

from ci.gocd.artifact_store import JobLocator
from edgetrain.core.errors import StorageError
from edgetrain.core.system.files import write_json
from edgetrain.core.workspace.reports import read_report


@dataclass(frozen=True)
class Revision:
    """A commit of a git material: ``oldest`` is the first one that this run brought along."""

    repository: str
    branch: str
    newest: str
    oldest: str
    has_changed: bool


@dataclass(frozen=True)
class Upstream:
    """The run that a dependency material stands for; ``has_changed``: it is another one than last time."""

    pipeline: str
    counter: int
    label: str
    has_changed: bool


@dataclass(frozen=True)
class Run:
    """One run of a pipeline.

    Attributes:
        pipeline: name.
        counter: from 1.
        label: as its template says.
        revisions: of the git materials by name.
        upstream: of the dependency materials by name.
        passed: stages that have passed, in order.
        triggered_by: ``changes``, or who started it by hand.
    """

    pipeline: str
    counter: int
    label: str = ""
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    triggered_by: str = "changes"

    def with_passed(self, stage: str) -> Run:
        """Return the run with one more stage passed."""
        return replace(self, passed=(*self.passed, stage))

    def job(self, stage: str, job: str) -> JobLocator:
        """Return where one of its jobs is found."""
        return JobLocator(self.pipeline, self.counter, stage, job)


class History:
    """All runs in a folder, also those of earlier rehearsals."""

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            StorageError: the file is damaged.
        """
        self._path = path
        self._runs: dict[tuple[str, int], Run] = {}
        if path.exists():
            try:
                for raw in (read_report(path) or {})["runs"]:  # type: ignore[attr-defined]
                    self._keep(_run_of(raw))
            except (KeyError, TypeError, ValueError) as error:
                raise StorageError(f"{path}: damaged. Remove the folder, or keep the rehearsal in another.") from error

    def newest(self, pipeline: str, passed_stage: str = "") -> Optional[Run]:
        """Return the last run of a pipeline, or the last one in which a stage has passed; ``None`` if there is none."""
        fitting = [run for run in self._runs.values() if run.pipeline == pipeline]
        return max(
            (run for run in fitting if not passed_stage or passed_stage in run.passed),
            key=lambda run: run.counter,
            default=None,
        )

    def run(self, pipeline: str, counter: int) -> Run:
        """Return a run that is known."""
        return self._runs[pipeline, counter]

    def upstream_runs(self, run: Run) -> list[Run]:
        """Return the runs that a run stands on, nearest first."""
        near = [self.run(one.pipeline, one.counter) for one in run.upstream.values()]
        return [*near, *(far for one in near for far in self.upstream_runs(one))]

    def save(self, run: Run) -> None:
        """Keep a run, new or as it is now."""
        self._keep(run)
        write_json(self._path, {"runs": [_raw(one) for one in self._runs.values()]})

    def _keep(self, run: Run) -> None:
        self._runs[run.pipeline, run.counter] = run


def _raw(run: Run) -> dict[str, object]:
    revisions, upstream = ({name: vars(one) for name, one in part.items()} for part in (run.revisions, run.upstream))
    return {**vars(run), "revisions": revisions, "upstream": upstream}


def _run_of(raw: Mapping[str, Any]) -> Run:
    return Run(
        pipeline=raw["pipeline"],
        counter=raw["counter"],
        label=raw["label"],
        revisions={name: Revision(**values) for name, values in raw["revisions"].items()},
        upstream={name: Upstream(**values) for name, values in raw["upstream"].items()},
        passed=tuple(raw["passed"]),
        triggered_by=raw["triggered_by"],
    )
