"""The order of the stages, what is run again and what is not."""

from __future__ import annotations

import dataclasses
import json

import pytest

from edgetrain.core.errors import DatasetError, MissingInputError, SettingsError
from edgetrain.core.system import progress
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import answers, flow
from edgetrain.pipeline.stage_run import Digests
from edgetrain.pipeline.stages import STAGES
from tests.support.fake_stages import ALL_NAMES, NAMES, History

AFTER_TRAINING = ["export", "quantize", "preflight", "evaluate", "report"]


def test_all_stages_run_in_their_order_and_the_report_is_last(pipeline):
    assert pipeline() == NAMES
    assert NAMES[0] == "validate"
    assert NAMES[-1] == "report"


def test_a_stage_reads_only_what_an_earlier_one_makes(settings, workspace):
    chosen = settings()
    made = set()
    for stage in STAGES:
        assert made.issuperset(stage.reads(chosen, workspace)), stage.name
        made.update(stage.makes(chosen, workspace))


def test_a_second_run_has_nothing_to_do(pipeline):
    pipeline()

    assert pipeline() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"evaluate__split": "train"}, ["evaluate", "report"], id="last stage"),
        pytest.param({"export__max_detections": 7}, ["validate", "preflight-untrained", *AFTER_TRAINING], id="export"),
        pytest.param({"training__seed": 7}, ["train", *AFTER_TRAINING], id="training"),
        pytest.param({"training__checkpoint_every_steps": 7}, [], id="not part of the result"),
        pytest.param({"demo__seed": 7}, [], id="of another command"),
    ],
)
def test_a_changed_setting_reruns_what_depends_on_it_and_nothing_else(pipeline, change, expected):
    pipeline()

    assert pipeline(**change) == expected


# They decide where a run lies, how often it is saved and how it is computed, not what it learns.
NO_PART_OF_THE_RESULT = {
    f"training.{name}"
    for name in (
        *("cache_mb", "checkpoint_every_steps", "state_dir", "state_days", "resume", "restart"),
        *("distribution", "cluster", "meeting_seconds"),
    )
}


@pytest.mark.parametrize("section", ["network", "checkpoint", "training", "export", "quantize", "evaluate"])
def test_a_stage_depends_on_each_setting_of_the_pipeline(settings, section):
    """A setting that no stage names would be changed in vain: the next run would skip what it changes."""
    named = {name for stage in STAGES for name in stage.settings}
    keys = {f"{section}.{key.name}" for key in dataclasses.fields(settings().value(section))}

    unnamed = set() if section in named else keys - named

    assert unnamed == {name for name in NO_PART_OF_THE_RESULT if name in keys}


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


def test_pictures_whose_pixels_were_seen_are_divided_anew(pipeline, workspace):
    pipeline()
    workspace.pixel_cache_path.parent.mkdir(parents=True)
    workspace.pixel_cache_path.write_text("{}")

    assert pipeline() == ["split", "report"]


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
        pytest.param("report", NAMES, id="report"),
        pytest.param("promote", [*ALL_NAMES[:-1], "report"], id="last"),
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


def test_review_gives_the_findings_in_the_wanted_format(voc_dataset, settings):
    text, is_good = answers.review(settings(voc_dataset, validate__min_class_boxes=0), "json")

    assert is_good
    assert json.loads(text)["findings"] == []


def test_review_of_a_faulty_dataset_gives_its_findings_and_says_no(voc_dataset, settings):
    path = voc_dataset / "annotations" / "0001.xml"
    path.write_text(path.read_text().replace("<xmax>", "<xmax>9"))

    text, is_good = answers.review(settings(), "text")

    assert not is_good
    assert "annotations/0001.xml:" in text


def test_review_without_a_dataset_is_an_error(settings, tmp_path):
    with pytest.raises(DatasetError, match="this folder does not exist"):
        answers.review(settings(tmp_path / "nowhere"), "text")


def test_an_unknown_format_of_a_review_is_refused_before_any_work(settings, workspace):
    with pytest.raises(SettingsError, match=r"jsno.*json"):
        answers.review(settings(), "jsno")

    assert not Workspace(workspace.root).reports_dir.exists()
