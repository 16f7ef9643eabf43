"""Rules about artifacts: what is fetched and shown must have been published, earlier, and be what it is taken for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ci.gocd.document import place_of
from ci.gocd.findings import Finding
from ci.gocd.pipelines import Artifact, DependencyMaterial, Fetch, Job, Pipeline, Stage
from ci.gocd.store import StoreEntry, entry_at
from edgetrain.core.wording import suggestion


def findings(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Yield what is wrong with the artifacts of pipelines that are configured together."""
    by_name = {pipeline.name.casefold(): pipeline for pipeline in reversed(pipelines)}
    for pipeline in pipelines:
        for index, stage in enumerate(pipeline.stages):
            for job in stage.jobs:
                yield from _twice(job)
                yield from _tabs(job)
                for task in job.tasks:
                    if isinstance(task, Fetch):
                        yield from _fetch(task, pipeline, pipeline.stages[:index], by_name)
                        yield from _purged(task, pipeline, pipeline.stages[: index + 1], by_name)


def _twice(job: Job) -> Iterator[Finding]:
    seen: dict[tuple[str, str], Artifact] = {}
    for artifact in job.artifacts:
        first = seen.setdefault((artifact.source, artifact.destination), artifact)
        if first is not artifact:
            what = f'"{artifact.source}" is published twice to one folder (also at {first.place}): GoCD refuses that.'
            yield Finding(artifact.place, what, "Remove one.")


def _tabs(job: Job) -> Iterator[Finding]:
    for name, path in job.tabs.items():
        entry = entry_at(job.artifacts, path)
        if entry not in {StoreEntry.FILE, StoreEntry.EITHER}:
            what = f'tab "{name}" shows "{path}", which is {entry.value} in the artifacts of job "{job.name}".'
            yield Finding(place_of(path, job.place), what, "Name a published file, its artifact's destination first.")


def _fetch(
    task: Fetch, pipeline: Pipeline, earlier: Sequence[Stage], by_name: Mapping[str, Pipeline]
) -> Iterator[Finding]:
    source, fault = _source(task, pipeline, by_name)
    if source is None:
        yield fault or Finding(task.place, f'there is no pipeline "{task.pipeline}".', "Correct the name.")
        return
    before = earlier if source is pipeline else _done_before(task, pipeline, source, by_name)
    stage = next((stage for stage in source.stages if stage.name.casefold() == task.stage.casefold()), None)
    if stage is None:
        hint = suggestion(task.stage, [stage.name for stage in source.stages])
        what = f'pipeline "{source.name}" has no stage "{task.stage}" to fetch from.{hint}'
        yield Finding(place_of(task.stage, task.place), what, "Correct the name.")
        return
    if stage not in before:
        what = f'stage "{stage.name}" of pipeline "{source.name}" is not done before this job.'
        yield Finding(place_of(task.stage, task.place), what, "Fetch from an earlier stage.")
    job_name = re.sub(r"-(runOnAll|runInstance)-\d+$", "", task.job)
    job = next((job for job in stage.jobs if job.name.casefold() == job_name.casefold()), None)
    if job is None:
        hint = suggestion(task.job, [job.name for job in stage.jobs])
        what = f'stage "{stage.name}" of pipeline "{source.name}" has no job "{task.job}".{hint}'
        yield Finding(place_of(task.job, task.place), what, "Correct the name.")
    else:
        yield from _published(task, job)


def _purged(
    task: Fetch, pipeline: Pipeline, until: Sequence[Stage], by_name: Mapping[str, Pipeline]
) -> Iterator[Finding]:
    """A server short of room deletes what stages left, the oldest first, while a stage waits for a person."""
    source, _ = _source(task, pipeline, by_name)
    stages = source.stages if source else ()
    stage = next((stage for stage in stages if stage.name.casefold() == task.stage.casefold()), None)
    waiting = next((stage for stage in until if stage.is_manual), None)
    if source and stage and waiting and waiting is not pipeline.stages[0] and not stage.keep_artifacts:
        what = (
            f'the artifacts of stage "{stage.name}" of pipeline "{source.name}" may be deleted before this job, which '
            f'waits for the approval of "{waiting.name}".'
        )
        yield Finding(task.place, what, 'Add "keep_artifacts: true" to that stage.')


def _source(task: Fetch, pipeline: Pipeline, by_name: Mapping[str, Pipeline]) -> tuple[Pipeline | None, Finding | None]:
    """Return the pipeline that a task fetches from, along the path of its materials, or what breaks that path."""
    if not task.pipeline or task.pipeline.casefold() == pipeline.name.casefold():
        return pipeline, None
    current = pipeline
    for name in reversed(task.pipeline.split("/")):
        place = place_of(task.pipeline, task.place)
        found = by_name.get(name.casefold())
        if found is None:
            hint = suggestion(name, [other.name for other in by_name.values()])
            return None, Finding(place, f'there is no pipeline "{name}" in these files.{hint}', "Correct the name.")
        if _dependency(current, name) is None:
            what = f'pipeline "{found.name}" is no material of "{current.name}", so nothing can be fetched from it.'
            return None, Finding(place, what, 'Write the way to it as "ANCESTOR/PARENT", or add the material.')
        current = found
    return current, None


def _done_before(task: Fetch, pipeline: Pipeline, source: Pipeline, by_name: Mapping[str, Pipeline]) -> Sequence[Stage]:
    names = task.pipeline.split("/")
    child = by_name[names[1].casefold()] if len(names) > 1 else pipeline
    material = _dependency(child, source.name)
    last = material.stage.casefold() if material else ""
    stages = [stage.name.casefold() for stage in source.stages]
    return source.stages[: stages.index(last) + 1] if last in stages else source.stages


def _dependency(pipeline: Pipeline, name: str) -> DependencyMaterial | None:
    return next(
        (
            material
            for material in pipeline.materials
            if isinstance(material, DependencyMaterial) and material.pipeline.casefold() == name.casefold()
        ),
        None,
    )


def _published(task: Fetch, job: Job) -> Iterator[Finding]:
    entry = entry_at(job.artifacts, task.source)
    place = place_of(task.source, task.place)
    if entry is StoreEntry.ABSENT:
        known = ", ".join(f'"{artifact.source}" in "{artifact.destination}"' for artifact in job.artifacts) or "nothing"
        what = f'job "{job.name}" publishes no "{task.source}", but {known}.'
        yield Finding(place, what, "Write the path in the artifact store: destination first, then the name.")
    elif entry is not StoreEntry.EITHER and (entry is StoreEntry.FILE) != task.is_file:
        remedy = 'Add "is_file: true".' if entry is StoreEntry.FILE else 'Remove "is_file".'
        wrong = "a folder" if entry is StoreEntry.FILE else "a file"
        yield Finding(place, f'"{task.source}" is {entry.value} and is fetched as {wrong}.', remedy)
