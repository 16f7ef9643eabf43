"""The order of the stages, what is run again and what is not, and what a failure leaves behind."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from edgetrain import flow, stage_run
from edgetrain.core import progress
from edgetrain.core.errors import DatasetError, MissingInputError, SettingsError, StorageError
from edgetrain.core.files import replacing_dir, tree_digest, write_text
from edgetrain.core.progress import Listener
from edgetrain.core.reports import Report, read_report
from edgetrain.core.workspace import Workspace
from edgetrain.stage_run import Digests

NAMES = [stage.name for stage in flow.STAGES]
FOLDERS = ("splits", "records", "checkpoint", "final", "saved_model")


class FailedWithReportError(DatasetError):
    """A failure that has something to show."""

    report = Report("2 errors", {"findings": ["one", "two"]})


class History(Listener):
    """Remembers what ran and what was skipped."""

    def __init__(self):
        self.ran, self.was_skipped = [], []

    def started(self, stage):
        self.ran.append(stage)

    def skipped(self, stage, _reason):
        self.was_skipped.append(stage)


class FakeStages:
    """Stages that write tiny files in place of the real ones; a failure can be put into each."""

    def __init__(self):
        self.failures, self.settings = {}, {}

    def module(self, stage):
        module = types.ModuleType(stage.module)
        module.run = lambda settings, workspace: self._run(stage, settings, workspace)
        return module

    def _run(self, stage, settings, workspace):
        self.settings[stage.name] = settings
        if stage.name in self.failures:
            raise self.failures[stage.name]
        inputs = [tree_digest(path) for path in stage.reads(settings, workspace)]
        content = repr([inputs, *(settings.value(name) for name in stage.settings)]).ljust(20_000)
        for path in stage.makes(settings, workspace):
            if path.name in FOLDERS:
                with replacing_dir(path) as temporary:
                    (temporary / "content.txt").write_text(content)
            else:
                write_text(path, content)
        return Report(f"{stage.name} done")


@pytest.fixture
def stages(monkeypatch):
    """Put fake modules in the place of all stages; the project's code stays the same during a test."""
    fakes = FakeStages()
    for stage in flow.STAGES:
        monkeypatch.setitem(sys.modules, stage.module, fakes.module(stage))
    monkeypatch.setattr(Digests, "of_code", lambda _self: "code")
    monkeypatch.setattr(stage_run, "_versions", dict)
    return fakes


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "boat.xml").write_text("<annotation/>")
    return folder


@pytest.fixture
def pipeline(stages, dataset, settings):
    """Return a function that runs the pipeline and returns what ran; arguments with ``__`` are settings."""

    def run(to=None, *, force=False, **changes):
        history = History()
        with progress.listening(history):
            flow.run_pipeline(settings(**changes), to=to, force=force)
        assert set(history.ran).isdisjoint(history.was_skipped)
        return history.ran

    return run


def test_all_stages_run_in_their_order_and_the_report_is_last(pipeline):
    assert pipeline() == NAMES
    assert NAMES[0] == "validate"
    assert NAMES[-1] == "report"


def test_a_stage_reads_only_what_an_earlier_one_makes(settings, workspace):
    chosen = settings()
    made = set()
    for stage in flow.STAGES:
        assert made.issuperset(stage.reads(chosen, workspace)), stage.name
        made.update(stage.makes(chosen, workspace))


def test_a_second_run_has_nothing_to_do(pipeline):
    pipeline()

    assert pipeline() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"evaluate__split": "train"}, ["evaluate", "report"], id="last stage"),
        pytest.param({"export__max_detections": 7}, ["export", "quantize", "evaluate", "report"], id="export"),
        pytest.param({"training__seed": 7}, ["train", "export", "quantize", "evaluate", "report"], id="training"),
        pytest.param({"training__checkpoint_every_steps": 7}, [], id="not part of the result"),
        pytest.param({"demo__seed": 7}, [], id="of another command"),
    ],
)
def test_a_changed_setting_reruns_what_depends_on_it_and_nothing_else(pipeline, change, expected):
    pipeline()

    assert pipeline(**change) == expected


def test_a_changed_dataset_reruns_what_reads_it_and_nothing_whose_inputs_are_the_same(pipeline, dataset):
    pipeline()
    (dataset / "boat.xml").write_text("<annotation></annotation>")

    assert pipeline() == ["validate", "split", "tabulate", "label-map", "records", "report"]


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        pytest.param("pipeline.config", "configure", id="file"),
        pytest.param("records/content.txt", "records", id="file in a folder"),
    ],
)
def test_an_output_that_someone_changed_is_made_again(pipeline, workspace, name, stage):
    pipeline()
    path = workspace.root / name
    before = path.read_text()
    path.write_text("tampered")

    assert pipeline()[0] == stage
    assert path.read_text() == before
    assert pipeline() == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name in ("model/model.tflite", "reports/quantize.json")]
)
def test_an_output_or_report_that_is_gone_is_made_again(pipeline, workspace, name):
    pipeline()
    (workspace.root / name).unlink()

    assert pipeline()[0] == "quantize"
    assert pipeline() == []


def test_a_damaged_report_counts_as_none(pipeline, workspace):
    pipeline()
    workspace.report_path("split").write_text('{"made_from": ')

    assert pipeline()[0] == "split"


def test_changed_code_reruns_everything(pipeline, monkeypatch):
    pipeline()
    monkeypatch.setattr(Digests, "of_code", lambda _self: "other code")

    assert pipeline() == NAMES


def test_force_reruns_everything(pipeline):
    pipeline()

    assert pipeline(force=True) == NAMES


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param("validate", ["validate", "report"], id="first"),
        pytest.param("records", [*NAMES[: NAMES.index("records") + 1], "report"], id="middle"),
        pytest.param("report", NAMES, id="last"),
    ],
)
def test_the_pipeline_ends_where_it_is_told_and_then_reports(pipeline, last, expected):
    assert pipeline(last) == expected


def test_an_unknown_last_stage_is_refused_before_any_work(pipeline, workspace):
    with pytest.raises(SettingsError, match=r'^--to quantise: no such stage\..* Did you mean "quantize"\?$'):
        pipeline("quantise")

    assert not workspace.root.exists()


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        pytest.param("tabulate", r'splits: does not exist\. Run "ci/inv split" first\.', id="tabulate"),
        pytest.param("configure", r'label_map\.pbtxt: does not exist\. Run "ci/inv label-map" first\.', id="configure"),
        pytest.param("export", r'pipeline\.config: does not exist\. Run "ci/inv configure" first\.', id="export"),
        pytest.param("evaluate", r'model_float\.tflite: does not exist\. Run "ci/inv quantize" first\.', id="evaluate"),
    ],
)
def test_a_missing_input_names_the_task_that_makes_it(stages, settings, stage, message):
    with pytest.raises(MissingInputError, match=message):
        flow.run_stage(stage, settings())


def test_a_single_stage_runs_whether_or_not_it_is_up_to_date(pipeline, settings):
    pipeline()
    history = History()

    with progress.listening(history):
        flow.run_stage("split", settings())

    assert history.ran == ["split"]


def test_a_failure_leaves_what_earlier_stages_made_and_the_next_run_goes_on_from_there(pipeline, stages, workspace):
    stages.failures["checkpoint"] = DatasetError("broken")
    with pytest.raises(DatasetError, match="broken"):
        pipeline()
    assert (workspace.records_dir / "content.txt").is_file()
    assert not workspace.report_path("checkpoint").exists()

    stages.failures.clear()

    assert pipeline() == NAMES[NAMES.index("checkpoint") :]


def test_a_failure_keeps_the_stage_s_earlier_result(pipeline, stages, workspace):
    pipeline()
    stages.failures["split"] = DatasetError("broken")
    with pytest.raises(DatasetError, match="broken"):
        pipeline(force=True)

    stages.failures.clear()

    assert workspace.report_path("split").is_file()
    assert "split" not in pipeline()


@pytest.mark.parametrize("force", [pytest.param(True, id="force"), pytest.param(False, id="no force")])
def test_force_begins_the_training_anew(pipeline, stages, force):
    pipeline(force=force)

    assert stages.settings["train"].training.restart is force


def test_a_failed_pipeline_still_makes_the_page(pipeline, stages, workspace):
    stages.failures["export"] = DatasetError("broken")

    with pytest.raises(DatasetError, match="broken"):
        pipeline()

    assert workspace.report_page_path.is_file()


def test_a_failure_that_carries_a_report_leaves_it_and_is_not_skipped_next_time(pipeline, stages, workspace):
    stages.failures["validate"] = FailedWithReportError("2 errors")
    for _ in range(2):
        with pytest.raises(FailedWithReportError, match="2 errors"):
            pipeline()

    record = read_report(workspace.report_path("validate"))

    assert record["findings"] == ["one", "two"]
    assert record["made_from"]["fingerprint"] == ""


def test_an_interruption_is_no_success(pipeline, stages):
    stages.failures["split"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        pipeline()

    stages.failures.clear()

    assert pipeline()[0] == "split"


def test_files_of_a_workspace_inside_the_dataset_are_no_part_of_it(pipeline, dataset):
    pipeline(workspace__root=dataset / "build")

    assert pipeline(workspace__root=dataset / "build") == []


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in ("data", "some/where/data", "x/../data")])
def test_a_change_is_seen_in_a_dataset_inside_the_workspace(pipeline, workspace, name):
    (workspace.root / "x").mkdir(parents=True)
    dataset = workspace.root / name
    dataset.mkdir(parents=True)
    (dataset / "boat.xml").write_text("<annotation/>")
    pipeline(dataset__root=dataset)
    (dataset / "boat.xml").write_text("<annotation></annotation>")

    assert "validate" in pipeline(dataset__root=dataset)


def test_hidden_files_of_the_dataset_are_no_part_of_it(pipeline, dataset):
    pipeline()
    (dataset / ".git").mkdir()
    (dataset / ".git" / "HEAD").write_text("main")

    assert pipeline() == []


def test_a_local_checkpoint_archive_that_changed_under_its_name_is_read_again(pipeline, tmp_path):
    archive = tmp_path / "weights.tar.gz"
    archive.write_text("one")
    pipeline(checkpoint__url=str(archive))
    archive.write_text("two")

    assert pipeline(checkpoint__url=str(archive)) == ["checkpoint", "report"]


def test_a_workspace_of_another_dataset_is_refused(voc_dataset, tmp_path, settings, workspace):
    flow.run_stage("validate", settings())
    (voc_dataset / "images").rename(tmp_path / "kept")
    other = tmp_path / "other"
    voc_dataset.rename(other)
    (tmp_path / "kept").rename(other / "images")
    for picture in (other / "images").iterdir():
        picture.write_bytes(picture.read_bytes() + b"another picture")

    with pytest.raises(DatasetError, match=r"holds the results of the dataset .*dataset; .*other shares no picture"):
        flow.run_stage("validate", settings(other))
    assert read_report(workspace.dataset_path)["root"] == str(voc_dataset)


def test_a_dataset_that_does_not_exist_is_one_message(settings, tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere: there is no such folder\. Name the folder"):
        flow.run_pipeline(settings(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name in ("reports", "model", "annotations", "reports/split.json/folder")]
)
def test_something_in_the_way_is_one_message(pipeline, workspace, name):
    path = workspace.root / name
    path.parent.mkdir(parents=True)
    path.write_text("in the way")

    with pytest.raises(StorageError, match=r"build/.*: .*(exists|directory).*in the way there: remove it"):
        pipeline()


def _full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_earlier_file_whole(pipeline, workspace, monkeypatch):
    pipeline()
    before = workspace.pipeline_config_path.read_bytes()
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "write_bytes", _full)
        with pytest.raises(StorageError, match=r"pipeline\.config: No space left on device\. Free space"):
            pipeline(training__steps=7)

    assert workspace.pipeline_config_path.read_bytes() == before
    assert [path for path in workspace.root.rglob("*") if ".part" in path.name] == []


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 1 MiB, where this machine lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _fill(folder):
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(1024)):
            pass


def test_a_disk_that_is_really_full_leaves_whole_files_only(pipeline, small_disk):
    root = small_disk / "build"
    pipeline(workspace__root=root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.parent.name != "reports"}
    _fill(small_disk)

    with pytest.raises(StorageError, match=r"build/.*: No space left on device\. Free space"):
        pipeline(workspace__root=root, force=True)
    assert {path: path.read_bytes() for path in before} == before
    assert [path for path in root.rglob("*") if ".part" in path.name] == []


def test_a_run_after_a_full_disk_does_what_was_left(pipeline, monkeypatch):
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "write_text", _full)
        with pytest.raises(StorageError, match="No space left on device"):
            pipeline()

    assert pipeline() == NAMES[1:]


def test_review_gives_the_findings_in_the_wanted_format(voc_dataset, settings):
    text, is_good = flow.review(settings(voc_dataset), "json")

    assert is_good
    assert json.loads(text)["findings"] == []


def test_review_of_a_faulty_dataset_gives_its_findings_and_says_no(voc_dataset, settings):
    path = voc_dataset / "annotations" / "0001.xml"
    path.write_text(path.read_text().replace("<xmax>", "<xmax>9"))

    text, is_good = flow.review(settings(), "text")

    assert not is_good
    assert "annotations/0001.xml:" in text


def test_review_without_a_dataset_is_an_error(settings, tmp_path):
    with pytest.raises(DatasetError, match="there is no such folder"):
        flow.review(settings(tmp_path / "nowhere"), "text")


def test_an_unknown_format_of_a_review_is_refused_before_any_work(settings, workspace):
    with pytest.raises(SettingsError, match=r"jsno.*json"):
        flow.review(settings(), "jsno")

    assert not Workspace(workspace.root).reports_dir.exists()
