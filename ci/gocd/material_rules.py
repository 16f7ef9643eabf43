"""Rules about materials: destinations, dependencies, polling, one commit in all pipelines."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence

from ci.gocd.document import place_of
from ci.gocd.filters import below_folder, lone_folders
from ci.gocd.findings import Finding
from ci.gocd.pipelines import DependencyMaterial, Exec, GitMaterial, Pipeline, Task
from edgetrain.core.wording import suggestion

_SINCE = "INVOKE_VALIDATE_SINCE"


def findings(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Yield what is wrong with the materials of pipelines that are configured together."""
    for pipeline in pipelines:
        checkouts = [material for material in pipeline.materials if isinstance(material, GitMaterial)]
        yield from _destinations(checkouts)
        for material in checkouts:
            yield from _filters(material)
            yield from _user(material)
            yield from _history(material, pipeline)
        yield from _dependencies(pipeline, pipelines)
    yield from _cycles(pipelines)
    yield from _polling(pipelines)
    yield from _same_names(pipelines)


def _destinations(checkouts: Sequence[GitMaterial]) -> Iterator[Finding]:
    if len(checkouts) == 1:
        return
    for material in checkouts:
        if not material.destination:
            what = f'material "{material.name}" has no destination beside another repository.'
            yield Finding(material.place, what, 'Add "destination: FOLDER", another one for each.')
    for one, other in itertools.permutations([material for material in checkouts if material.destination], 2):
        inner, outer = (posixpath.normpath(material.destination) + "/" for material in (one, other))
        if inner.startswith(outer) and (inner != outer or checkouts.index(one) > checkouts.index(other)):
            what = f'destination "{one.destination}" is that of material "{other.name}", or lies in it.'
            yield Finding(place_of(one.destination, one.place), what, "Write folders side by side.")


def _filters(material: GitMaterial) -> Iterator[Finding]:
    for patterns in (material.includes, material.ignore):
        for pattern in lone_folders(patterns):
            what = f'"{pattern}" matches one file or submodule of exactly this name, nothing below a folder.'
            yield Finding(place_of(pattern, material.place), what, f'For a folder write "{below_folder(pattern)}".')


def _user(material: GitMaterial) -> Iterator[Finding]:
    if material.username and re.match(r"\w+://[^/@]+@", material.url):
        what = f'material "{material.name}" has a user in its address and as "username": GoCD refuses that.'
        yield Finding(place_of(material.username, material.place), what, "Remove the one in the address.")


def _history(material: GitMaterial, pipeline: Pipeline) -> Iterator[Finding]:
    """A shallow clone reaches to the oldest new commit, not to the parent that it is compared with."""
    asking = [name for name, variables, tasks in _jobs(pipeline) if _SINCE in variables or any(map(_asks, tasks))]
    if material.shallow_clone and asking:
        what = f'material "{material.name}" is a shallow clone, and job "{asking[0]}" compares with an earlier commit.'
        yield Finding(material.place, what, 'Remove "shallow_clone": checks of changed files need the history.')


def _jobs(pipeline: Pipeline) -> Iterator[tuple[str, set[str], Sequence[Task]]]:
    for stage in pipeline.stages:
        for job in stage.jobs:
            yield job.name, {name for one in (pipeline, stage, job) for name in one.environment_variables}, job.tasks


def _asks(task: Task) -> bool:
    return isinstance(task, Exec) and any(word == "--since" or word.startswith("--since=") for word in task.arguments)


def _dependencies(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    by_name = {other.name.casefold(): other for other in reversed(pipelines)}
    seen: dict[str, DependencyMaterial] = {}
    for material in pipeline.materials:
        if not isinstance(material, DependencyMaterial):
            continue
        first = seen.setdefault(material.pipeline.casefold(), material)
        if first is not material:
            what = (
                f'pipeline "{pipeline.name}" depends twice on "{material.pipeline}" (also in line {first.place.line}).'
            )
            yield Finding(material.place, what, "Keep the dependency on the later stage.")
        other = by_name.get(material.pipeline.casefold())
        if other is None:
            hint = suggestion(material.pipeline, [one.name for one in pipelines])
            what = f'there is no pipeline "{material.pipeline}" in these files.{hint}'
            yield Finding(place_of(material.pipeline, material.place), what, "Correct the name, or add its file.")
        elif material.stage.casefold() not in {stage.name.casefold() for stage in other.stages}:
            hint = suggestion(material.stage, [stage.name for stage in other.stages])
            what = f'pipeline "{other.name}" has no stage "{material.stage}".{hint}'
            yield Finding(place_of(material.stage, material.place), what, "Correct the name.")


def _cycles(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    upstream = {
        pipeline.name.casefold(): {
            material.pipeline.casefold() for material in pipeline.materials if isinstance(material, DependencyMaterial)
        }
        for pipeline in pipelines
    }
    for pipeline in pipelines:
        reached: set[str] = set()
        waiting = [pipeline.name.casefold()]
        while waiting:
            found = upstream.get(waiting.pop(), set()) - reached
            reached |= found
            waiting += found
        if pipeline.name.casefold() in reached:
            what = f'pipeline "{pipeline.name}" depends on itself, over its materials.'
            yield Finding(pipeline.place, what, "Remove one of the dependencies.")


def _polling(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    first: dict[tuple[str, str], GitMaterial] = {}
    for material in (material for pipeline in pipelines for material in pipeline.materials):
        if not isinstance(material, GitMaterial):
            continue
        known = first.setdefault((material.url, material.branch), material)
        if known.auto_update != material.auto_update:
            what = f'auto_update of "{material.name}" is not that of the same repository and branch at {known.place}.'
            yield Finding(material.place, what, "Make them equal; to start by hand only, make the first stage manual.")


def _same_names(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Only with equal address and branch does GoCD hand one commit through several pipelines (fan-in)."""
    first: dict[str, GitMaterial] = {}
    for material in (material for pipeline in pipelines for material in pipeline.materials):
        if not isinstance(material, GitMaterial):
            continue
        known = first.setdefault(material.name.casefold(), material)
        if (known.url, known.branch) != (material.url, material.branch):
            what = f'material "{material.name}" is another repository or branch than that of its name at {known.place}.'
            yield Finding(material.place, what, "Make address and branch equal, or rename it: else commits get mixed.")
