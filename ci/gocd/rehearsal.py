"""Runs committed pipelines on this machine as GoCD would: server, agents and artifact store are one folder.

What is assumed: an agent for every set of resources, no secrets, and that job folders are empty.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ci.gocd.agent import Assignment, Checkout, run_job
from ci.gocd.artifact_store import ArtifactError, ArtifactStore, JobLocator
from ci.gocd.git_repository import GitRepository
from ci.gocd.history import History, Run
from ci.gocd.job_variables import job_variables, left_out
from ci.gocd.pipelines import Fetch, GitMaterial, Job, Pipeline, Stage
from ci.gocd.triggers import trigger_of
from edgetrain.core.errors import SettingsError

Say = Callable[[str], None]
_CONSOLE_LINES = 15
_BY_HAND = "rehearsal"


@dataclass(frozen=True)
class Outcome:
    """How a pipeline went: ``result`` is ``passed``, ``failed``, ``waits for approval`` or ``did not start``."""

    pipeline: str
    label: str
    result: str
    stages: int
    seconds: float


@dataclass(frozen=True)
class Rehearsal:
    """A folder that stands for server and agents.

    Attributes:
        folder: holds artifacts, history and the folders of jobs.
        repositories: of all git materials, by URL.
        variables: those that an agent has.
        approved: manual stages that a person would let begin.
        prepare: is given each job's folder when the materials are in it.
        say: takes a line about the progress.
    """

    folder: Path
    repositories: Mapping[str, GitRepository]
    variables: Mapping[str, str]
    approved: frozenset[str]
    prepare: Callable[[Path], None]
    say: Say

    def run(self, pipelines: Sequence[Pipeline], *, by_hand: bool) -> list[Outcome]:
        """Run pipelines in the order of their dependencies; ``by_hand`` starts the first even if nothing is new.

        Raises:
            SettingsError: a branch or an approved stage does not exist, or something cannot be rehearsed.
        """
        ordered = in_order(pipelines)
        _require_known(self.approved, ordered)
        history = History(self.folder / "history.json")
        agents = sorted({_resources(job) for pipeline in ordered for stage in pipeline.stages for job in stage.jobs})
        self.say(f"agents assumed, one for each set of resources: {'; '.join(agents)}")
        return [
            self._run_pipeline(pipeline, history, by_hand=by_hand and number == 0)
            for number, pipeline in enumerate(ordered)
        ]

    def _run_pipeline(self, pipeline: Pipeline, history: History, *, by_hand: bool) -> Outcome:
        trigger = trigger_of(pipeline, history, self.repositories)
        run, why = trigger.run, "; ".join(trigger.reasons)
        if run is None or not (trigger.is_due or by_hand):
            self.say(f"{pipeline.name} does not trigger: {why}")
            return Outcome(pipeline.name, "-", "did not start", 0, 0.0)
        if not trigger.is_due:
            run = trigger_of(pipeline, history, self.repositories, by_hand=True).run or run
            run, why = replace(run, triggered_by=_BY_HAND), f"by hand; by itself it would not ({why})"
        self.say(f"{pipeline.name} {run.label} is triggered: {why}")
        history.save(run)
        started = time.monotonic()
        result = "passed"
        for number, stage in enumerate(pipeline.stages):
            is_first = number == 0
            if stage.is_manual and not is_first and not self.approved & {stage.name, f"{pipeline.name}/{stage.name}"}:
                self.say(f"  {stage.name} waits for approval: --approve {stage.name} gives it")
                result = "waits for approval"
                break
            # All jobs of a stage run, side by side on a server.
            passed = [self._run_job(pipeline, stage, job, run, history) for job in stage.jobs]
            if not all(passed):
                result = "failed"
                break
            run = run.with_passed(stage.name)
            history.save(run)
        return Outcome(pipeline.name, run.label, result, len(run.passed), time.monotonic() - started)

    def _run_job(self, pipeline: Pipeline, stage: Stage, job: Job, run: Run, history: History) -> bool:
        locator = run.job(stage.name, job.name)
        name = stage.name if job.name == stage.name else f"{stage.name}/{job.name}"
        secret = left_out(pipeline, stage, job)
        if secret:
            self.say(f"  {name}: without its secret variables {', '.join(secret)}, since there is no server to ask")
        assignment = Assignment(
            job=job,
            locator=locator,
            folder=self.folder / "agents" / str(locator),
            checkouts=self._checkouts(pipeline, run) if stage.fetch_materials else (),
            variables={**self.variables, **job_variables(pipeline, stage, job, run)},
            producer_of=lambda task: _producer(task, run, history),
        )
        store = ArtifactStore(self.folder / "artifacts")
        started = time.monotonic()
        is_good = run_job(assignment, store, self.prepare)
        self.say(f"  {name:<24} {'passed' if is_good else 'FAILED'} {time.monotonic() - started:8.1f} s")
        if is_good:
            shutil.rmtree(assignment.folder)
        else:
            lines = store.console_path(locator).read_text(encoding="utf-8", errors="replace").splitlines()
            self.say("\n".join(f"    | {line}" for line in lines[-_CONSOLE_LINES:]))
        return is_good

    def _checkouts(self, pipeline: Pipeline, run: Run) -> list[Checkout]:
        return [
            Checkout(
                self.repositories[material.url],
                material.branch,
                run.revisions[material.name].newest,
                material.destination,
            )
            for material in pipeline.materials
            if isinstance(material, GitMaterial)
        ]


def in_order(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Return pipelines so that each comes after those that it depends on; else in their own order.

    Raises:
        SettingsError: they wait for each other, or one asks for what is not rehearsed.
    """
    ordered: list[Pipeline] = []
    left = list(pipelines)
    while left:
        names = {pipeline.name for pipeline in left}
        ready = [one for one in left if not names & {_pipeline_of(material) for material in one.materials}]
        if not ready:
            raise SettingsError(f"{left[0].place}: {', '.join(sorted(names))} wait for each other. Untie them.")
        ordered += ready
        left = [one for one in left if one not in ready]
    for job in (job for pipeline in ordered for stage in pipeline.stages for job in stage.jobs if job.run_instances):
        raise SettingsError(f"{job.place}: run_instances is not rehearsed. Leave it out, or try it on a server.")
    return ordered


def _pipeline_of(material: object) -> str:
    return str(getattr(material, "pipeline", ""))


def _require_known(approved: frozenset[str], pipelines: Sequence[Pipeline]) -> None:
    manual = [(pipeline.name, stage.name) for pipeline in pipelines for stage in pipeline.stages if stage.is_manual]
    known = {stage for _, stage in manual} | {f"{pipeline}/{stage}" for pipeline, stage in manual}
    for name in sorted(approved - known):
        there = ", ".join(stage for _, stage in manual) or "none"
        raise SettingsError(f"--approve {name}: there is no such manual stage (there is: {there}). Correct the name.")


def _resources(job: Job) -> str:
    return ", ".join(job.resources) or job.elastic_profile_id or "any"


def _producer(task: Fetch, run: Run, history: History) -> JobLocator:
    """Return the job that a fetch task takes from.

    Raises:
        ArtifactError: it is no earlier one of this run, nor of a pipeline that this one depends on.
    """
    producer = run
    names = task.pipeline.split("/") if task.pipeline not in ("", run.pipeline) else []
    for name in reversed(names):
        upstream = next((one for one in producer.upstream.values() if one.pipeline == name), None)
        if upstream is None:
            raise ArtifactError(
                f'{task.place}: {producer.pipeline} does not depend on "{name}". GoCD refuses such a file: '
                "name the pipelines from the farthest to the nearest, as in dataset/model."
            )
        producer = history.run(name, upstream.counter)
    if task.stage not in producer.passed:
        raise ArtifactError(
            f'{task.place}: stage "{task.stage}" of {producer.pipeline} has not passed before this job. '
            "Fetch from an earlier stage."
        )
    return producer.job(task.stage, task.job)
