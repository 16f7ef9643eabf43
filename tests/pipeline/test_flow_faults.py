"""What a failed, interrupted or obstructed flow leaves behind."""

from __future__ import annotations

import contextlib
import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from edgetrain.core.errors import DatasetError, GateError, MissingInputError, SettingsError, StorageError
from edgetrain.core.outcome import Outcome
from edgetrain.core.workspace.reports import read_report
from edgetrain.pipeline import flow
from tests.support.fake_stages import NAMES


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


def test_an_outcome_that_is_not_good_ends_the_pipeline_leaves_its_report_and_is_not_skipped_next_time(
    pipeline, stages, workspace
):
    stages.outcomes["validate"] = Outcome("2 errors", {"findings": ["one", "two"]}, failure="2 errors. Correct them.")
    for _ in range(2):
        with pytest.raises(GateError, match=r"2 errors\. Correct them\."):
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
    with pytest.raises(DatasetError, match=r"nowhere: this folder does not exist\. Name the folder"):
        flow.run_pipeline(settings(tmp_path / "nowhere"))


@pytest.mark.parametrize("stage", ["evaluate", "compile", "hardware", "bundle", "report"])
def test_a_folder_in_place_of_a_model_is_one_message_and_nothing_in_it_is_read(settings, tmp_path, stage):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "nowhere").symlink_to(folder / "nowhere")  # whoever reads the folder falls over it

    with pytest.raises(MissingInputError, match=r"models: this is no regular file\. Name a \.tflite file with --model"):
        flow.run_stage(stage, settings(model__file=folder))


@pytest.mark.parametrize("stage", ["evaluate", "compile", "hardware", "bundle", "report"])
def test_labels_without_a_model_are_told_before_anything_else(settings, tmp_path, stage):
    with pytest.raises(SettingsError, match="name it with --model, too"):
        flow.run_stage(stage, settings(model__labels=tmp_path / "labels.txt"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name in ("reports", "model", "annotations", "reports/split.json/folder")]
)
def test_something_in_the_way_is_one_message(pipeline, workspace, name):
    path = workspace.root / name
    path.parent.mkdir(parents=True)
    path.write_text("in the way")

    with pytest.raises(StorageError, match=r"build/.*: .*(exists|directory).*in the way there: move it away"):
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
