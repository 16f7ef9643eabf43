"""What starts a pipeline, and with which revisions: filters, dependencies, fan-in.

A dependency starts it when the other pipeline's stage has passed anew. A commit starts it when a changed file passes
the material's filter, unless a dependency has the same repository: then the commit is the one that passed there
(fan-in).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ci.gocd import filters
from ci.gocd.git_repository import GitRepository
from ci.gocd.history import History, Revision, Run, Upstream
from ci.gocd.pipelines import DependencyMaterial, GitMaterial, Pipeline
from edgetrain.core.errors import SettingsError

_SHORT = 8
_MOST_NAMES = 3


@dataclass(frozen=True)
class Trigger:
    """Whether a pipeline starts: ``run`` is ``None`` if something that it needs is missing."""

    is_due: bool
    reasons: tuple[str, ...]
    run: Optional[Run] = None


def trigger_of(
    pipeline: Pipeline, history: History, repositories: Mapping[str, GitRepository], *, by_hand: bool = False
) -> Trigger:
    """Return whether a pipeline starts by itself now, why (not), and the run that it would be.

    Args:
        pipeline: to start.
        history: what has run.
        repositories: of the git materials, by URL.
        by_hand: a person starts it: every git material is the newest, without fan-in.

    Raises:
        SettingsError: a branch is missing, or two dependencies stand on different commits.
    """
    last = history.newest(pipeline.name)
    why: list[str] = []
    why_not: list[str] = []
    upstream: dict[str, Upstream] = {}
    revisions: dict[str, Revision] = {}
    for dependency in (one for one in pipeline.materials if isinstance(one, DependencyMaterial)):
        passed = history.newest(dependency.pipeline, dependency.stage)
        if passed is None:
            return Trigger(
                is_due=False, reasons=(f"waits for {dependency.pipeline}/{dependency.stage}, which has not passed",)
            )
        upstream[dependency.name] = _upstream(dependency, passed, last)
        starts = upstream[dependency.name].has_changed and not dependency.ignore_for_scheduling
        said = f"{passed.pipeline} {passed.label} has passed {dependency.stage}"
        (why if starts else why_not).append(said if starts else f"{said}, but that starts nothing now")
    for material in (one for one in pipeline.materials if isinstance(one, GitMaterial)):
        repository = repositories[material.url]
        fanned_in = None if by_hand else _fan_in(material, repository, upstream.values(), history)
        revisions[material.name], commits = _revision(material, repository, fanned_in, last)
        if fanned_in is None and commits:
            starts, said = _judged(material, revisions[material.name], repository.changed_files(commits))
            (why if starts else why_not).append(said)
    counter = last.counter + 1 if last else 1
    label = _label(pipeline.label_template, counter, revisions, upstream)
    run = Run(pipeline.name, counter, label, revisions, upstream)
    if pipeline.stages[0].is_manual:
        return Trigger(is_due=False, reasons=("its first stage is manual",), run=run)
    return Trigger(bool(why), tuple(why or why_not or ["nothing is new"]), run)


def _upstream(material: DependencyMaterial, passed: Run, last: Run | None) -> Upstream:
    before = last.upstream.get(material.name) if last else None
    is_same = before is not None and (before.pipeline, before.counter) == (passed.pipeline, passed.counter)
    return Upstream(passed.pipeline, passed.counter, passed.label, has_changed=not is_same)


def _fan_in(
    material: GitMaterial, repository: GitRepository, upstream: Iterable[Upstream], history: History
) -> str | None:
    """Return the commit of the same repository that the dependencies stand on; ``None`` if they have none."""
    near = [history.run(one.pipeline, one.counter) for one in upstream]
    found = {
        revision.newest: run
        for run in [*near, *(far for one in near for far in history.upstream_runs(one))]
        for revision in run.revisions.values()
        if (revision.repository, revision.branch) == (str(repository.path), material.branch)
    }
    if len(found) > 1:
        places = ", ".join(
            f"{commit[:_SHORT]} in {run.pipeline}/{run.counter}" for commit, run in sorted(found.items())
        )
        raise SettingsError(
            f"{material.place}: what this pipeline depends on stands on different commits of {material.name} ("
            f"{places}), and GoCD waits until they are one. Rehearse those pipelines again."
        )
    return next(iter(found), None)


def _revision(
    material: GitMaterial, repository: GitRepository, fanned_in: str | None, last: Run | None
) -> tuple[Revision, list[str]]:
    """Return the revision to take, and the commits that are new in it."""
    newest = fanned_in or repository.newest(material.branch)
    before = last.revisions.get(material.name) if last else None
    is_same_place = before is not None and (before.repository, before.branch) == (str(repository.path), material.branch)
    after = before.newest if before and is_same_place else ""
    commits = repository.commits(newest, after)
    oldest = commits[-1] if commits else newest
    return Revision(str(repository.path), material.branch, newest, oldest, has_changed=bool(commits)), commits


def _judged(material: GitMaterial, revision: Revision, files: Sequence[str]) -> tuple[bool, str]:
    """Return whether changed files pass a material's filter, and the sentence about it."""
    if material.includes:
        passing = [name for name in files if any(filters.matches(pattern, name) for pattern in material.includes)]
    else:
        passing = [name for name in files if not any(filters.matches(pattern, name) for pattern in material.ignore)]
    said = f"{material.name} {revision.newest[:_SHORT]}"
    if passing or not files:
        return True, f"{said} changes {_some(passing) or 'no file'}"
    rule = "none is among its includes" if material.includes else "all are ignored"
    return False, f"{said} changes {_some(files)}: {rule} ({material.place})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _label(template: str, counter: int, revisions: Mapping[str, Revision], upstream: Mapping[str, Upstream]) -> str:
    def value(match: re.Match[str]) -> str:
        name, length = match["name"], match["length"]
        known = {
            "COUNT": str(counter),
            **{material: revision.newest for material, revision in revisions.items()},
            **{material: run.label for material, run in upstream.items()},
        }
        # An environment variable (${env:NAME}) stays as it is.
        text = known.get(name, match[0])
        return text[: int(length)] if length else text

    return re.sub(r"\$\{(?P<name>[^}\[]+)(?:\[:(?P<length>\d+)\])?\}", value, template)
