"""The committed pipelines give each stage what ``pipeline/flow.py`` says that it reads, and pass on what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ci.gocd.artifact_store import ArtifactStore, JobLocator
from ci.gocd.checker import check
from ci.gocd.pipelines import Exec, Fetch, GitMaterial
from ci.gocd.reader import read_pipelines
from ci.gocd.rehearsal import in_order
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline.stages import STAGES
from tests.support.places import PROJECT_DIR

FILES = tuple(sorted((PROJECT_DIR / "gocd").glob("*.gocd.yaml")))
PIPELINES = in_order(read_pipelines(FILES))
JOBS = [(pipeline, stage, job) for pipeline in PIPELINES for stage in pipeline.stages for job in stage.jobs]
STAGES = {stage.name: stage for stage in STAGES}
# Read and made although pipeline/flow.py does not say so, relative to the workspace.
ALSO_READ = {"preflight-untrained": ["pipeline.config"], "report": ["reports/validate.json"]}
ALSO_MADE = {
    "validate": ["cache/pixels.json"],
    "train": ["train/history.csv", "train/events/"],
    "compile": ["model/model_edgetpu.log"],
    "promote": ["reports/promote.json"],
}
FOLDERS = {"splits", "records", "checkpoint", "train/final", "export/saved_model", "bundle"}


@pytest.fixture(scope="module")
def settings():
    config = yaml.safe_load((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))
    return Settings.from_mapping(
        config, base_dir=PROJECT_DIR, flags={"workspace.root": Path("build")}, flags_dir=Path("/")
    )


def names(paths, settings):
    """Return paths of the workspace relative to it."""
    workspace = Workspace(settings.workspace.root)
    return [workspace.relative(path) for path in paths(settings, workspace)]


def make(build, name):
    path = build / name
    if name in FOLDERS or name.endswith("/"):
        path, name = path / "file", f"{name}/file"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)


def made_by(job, settings):
    """Return what a job leaves in the workspace: its stage's results, its report, and the page where it makes one."""
    stage = STAGES.get(job.name)
    of_stage = names(stage.makes, settings) if stage else []
    page = ["reports/index.html"] if any("report" in task.arguments for task in programs(job)) else []
    report = [] if job.name == "report" else [f"reports/{job.name}.json"]
    return [*of_stage, *report, *page, *ALSO_MADE.get(job.name, [])]


def programs(job):
    return [task for task in job.tasks if isinstance(task, Exec)]


def test_every_job_finds_what_its_stage_reads_and_publishes_what_it_makes(settings, tmp_path):
    """Files with the right names go through the artifact store, job by job, under GoCD's rules."""
    store, earlier, lacking, unpublished = ArtifactStore(tmp_path / "store"), set(), {}, []
    for pipeline, stage, job in JOBS:
        folder = tmp_path / f"{pipeline.name}-{job.name}"
        for task in job.tasks:
            if isinstance(task, Fetch):
                producer = task.pipeline.split("/")[0] or pipeline.name
                store.fetch(JobLocator(producer, 1, task.stage, task.job), task, folder)
        read = set(ALSO_READ.get(job.name, []))
        if job.name in STAGES:
            optional = names(STAGES[job.name].optional, settings)
            read |= {*names(STAGES[job.name].reads, settings), *(earlier & set(optional))}
        lacking[job.name] = sorted(name for name in read if not (folder / "build" / name).exists())
        for name in made_by(job, settings):
            make(folder / "build", name)
            earlier.add(name)
        if not store.publish(JobLocator(pipeline.name, 1, stage.name, job.name), folder, job.artifacts, print):
            unpublished.append(job.name)

    assert {name: missing for name, missing in lacking.items() if missing} == {}
    assert unpublished == []


def test_every_stage_of_the_flow_is_a_job_and_every_job_calls_its_own_task():
    called = {}
    for _, _, job in JOBS:
        words = programs(job)[0].arguments
        called[job.name] = "preflight-untrained" if "--untrained" in words else job.name if job.name in words else "?"

    assert called == {name: name for name in called}
    assert set(STAGES) <= set(called)


def test_every_program_is_the_wrapper_and_says_where_dataset_and_workspace_are():
    for _, _, job in JOBS:
        for task in programs(job):
            assert (task.command, task.working_directory) == ("ci/inv", "automation")
            assert task.arguments[-4:] == ("--dataset", "../dataset", "--workspace", "../build")


def test_every_tab_is_an_artifact_of_its_job_and_every_stage_starts_empty():
    for _, stage, job in JOBS:
        assert stage.clean_workspace
        assert job.timeout_minutes
        assert job.resources
        sources = {f"{artifact.destination}/{Path(artifact.source).name}" for artifact in job.artifacts}
        assert all(tab in sources or "/reports" in sources for tab in job.tabs.values())


def test_all_pipelines_see_the_same_dataset_under_the_same_parameters():
    """Equal materials make GoCD's fan-in; equal parameters are what makes them equal."""
    materials = [
        [
            (one.name, one.url, one.branch, one.destination, one.includes, one.ignore)
            for one in pipeline.materials
            if isinstance(one, GitMaterial)
        ]
        for pipeline in PIPELINES
    ]
    values = {}
    for pipeline in PIPELINES:
        for name, value in pipeline.parameters.items():
            values.setdefault(str(name), set()).add(str(value))

    assert materials == [materials[0]] * 3
    assert [pipeline.name for pipeline in PIPELINES] == ["dataset", "model", "edgetpu"]
    assert {name: found for name, found in values.items() if len(found) > 1} == {}


def test_only_the_promotion_waits_for_a_person_and_the_device_is_used_by_one_run_at_a_time():
    manual = [
        (pipeline.name, stage.name, stage.allow_only_on_success) for pipeline, stage, _ in JOBS if stage.is_manual
    ]

    assert manual == [("edgetpu", "promote", True)]
    assert PIPELINES[-1].lock_behavior == "unlockWhenFinished"


def test_the_checker_has_nothing_to_say():
    assert check(FILES) == ()
