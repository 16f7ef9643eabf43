"""The page shows what the reports say, and says what nobody has proven."""

from __future__ import annotations

import re

import pytest

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.system.files import file_digest
from edgetrain.pipeline.stages import STAGES
from edgetrain.report import page as report
from tests.support.report_material import INT8, text_of


def test_without_any_report_the_user_is_told_what_to_run(settings, workspace):
    with pytest.raises(MissingInputError, match=r'reports: no report of any stage\. Run "ci/inv pipeline"'):
        report.run(settings(), workspace)


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES if stage.name != "report"])
def test_one_report_is_enough_for_a_page(left, page, stage):
    left(stage, summary=f"{stage} went well")

    assert f"{stage} went well" in text_of(page())


def test_the_flow_is_shown_in_its_order(left, settings, workspace):
    for stage in STAGES:
        left(stage.name)
    shown = report.run(settings(), workspace).results["stages"]

    assert [name for name in shown if shown[name] == "done"] == [s.name for s in STAGES if s.name != "report"]


def test_a_report_of_a_stage_that_is_not_known_is_shown_last(left, settings, workspace):
    left("aaa")
    left("validate")

    assert list(report.run(settings(), workspace).results["stages"])[-1] == "aaa"


def test_a_report_that_is_no_json_counts_as_absent(left, settings, workspace):
    left("validate")
    workspace.report_path("split").write_text("{")

    assert report.run(settings(), workspace).results["stages"]["split"] == "no result"


def test_the_page_is_of_the_model_that_is_named(left, settings, workspace, tmp_path):
    theirs, another = tmp_path / "theirs.tflite", tmp_path / "another.tflite"
    theirs.write_bytes(b"theirs")
    another.write_bytes(b"another")
    left("evaluate", results={"model_sha256": file_digest(theirs)})

    report.run(settings(model__file=theirs), workspace)
    with pytest.raises(SettingsError, match=r"another\.tflite: what evaluate judged last is another model"):
        report.run(settings(model__file=another), workspace)


def test_the_figures_are_those_of_the_evaluation(judged, page):
    judged()
    words = text_of(page())

    assert "AP50 0.688, AP 0.438 on 120 test pictures" in words
    assert "float32: AP50 0.750, AP 0.500" in words
    assert re.search(r"AP50 average .*? 0\.750 0\.688 \u22120\.062 AP mean .*? 0\.500 0\.438 \u22120\.062 AP75", words)
    assert re.search(r"AR share .*? 0\.625 0\.650 \+0\.025", words)


def test_a_figure_that_is_not_known_is_not_zero(judged, page):
    judged()

    assert "tight boxes 0.250 unknown unknown" in text_of(page())


def test_a_class_without_labelled_box_is_unproven(judged, page):
    judged(int8={**INT8, "class_ap": {"fish": None, "boat": 0.0}})

    assert re.search(r"boat unknown 0\.000 0\.500 fish unknown unproven: no labelled box", text_of(page()))


def test_classes_have_the_number_of_their_boxes_in_the_judged_split(judged, left, page):
    judged(boxes=150)
    left("split", {"splits": {"test": {"classes": {"boat": 150}, "boxes": 150, "images": 120, "negatives": 0}}})

    assert "boat 150 0.430 0.500" in text_of(page())


def test_boxes_of_another_division_are_not_taken_for_those_of_the_evaluation(judged, left, page):
    judged(boxes=150)
    left("split", {"splits": {"test": {"classes": {"boat": 7}, "boxes": 7, "images": 7, "negatives": 0}}})

    assert "boat unknown 0.430 0.500" in text_of(page())


def test_what_was_not_tried_is_said_to_be_unproven(judged, page):
    judged()
    words = text_of(page())

    assert "not compiled for the Edge TPU: unproven" in words
    assert "not run on a Coral: unproven" in words


def test_what_was_tried_is_said_with_its_result(judged, left, page):
    judged()
    left("compile", summary="all operators mapped")
    left("hardware", {"device": "usb:0", "is_hardware_pass": True}, summary="7.9 ms")
    words = text_of(page())

    assert "compiled for the Edge TPU: all operators mapped" in words
    assert "run on a Coral: 7.9 ms" in words
    assert "unproven" not in words


def test_a_model_that_failed_to_compile_is_not_proven(left, page):
    left("compile", summary="2 subgraphs", fingerprint="")
    words = text_of(page())

    assert "compile failed: 2 subgraphs" in words
    assert "not compiled for the Edge TPU: unproven" in words


def test_what_a_stand_in_compiled_is_not_proven(left, page):
    left("compile", {"provenance": "stand-in"}, summary="99 mapped")

    assert "not compiled for the Edge TPU: unproven (a stand-in played the compiler: 99 mapped)" in text_of(page())


def test_the_checks_of_a_device_are_shown(left, page):
    check = {"name": "latency", "is_passed": False, "text": "30 ms, too slow"}
    left("hardware", {"device": "usb:0", "checks": [check]}, summary="1 check failed")

    assert "Checks on usb:0 check result what was found latency failed 30 ms, too slow" in text_of(page())


def test_a_run_on_the_cpu_proves_nothing_about_a_coral(left, page):
    left("hardware", {"device": "cpu", "is_rehearsal": True, "is_hardware_pass": False}, summary="rehearsal: 30 ms")

    words = text_of(page())

    assert "not run on a Coral: unproven (rehearsal: 30 ms)" in words
    assert "hardware rehearsed only" in words


def test_a_failed_stage_makes_the_headline(left, settings, workspace):
    left("validate", fingerprint="", summary="60 errors")
    outcome = report.run(settings(), workspace)

    assert outcome.summary.startswith("validate failed; reports/index.html")
    assert outcome.results["stages"]["validate"] == "failed"
    assert outcome.results["stages"]["split"] == "no result"


def test_figures_that_miss_the_limit_are_shown_with_the_reason(judged, left, page):
    judged()
    missed = ["int8 has an AP50 of 0.688, less than evaluate.min_ap50 0.7"]
    left("evaluate", {"split": "test", "results": {"int8": INT8}, "missed_limits": missed}, fingerprint="")

    assert "evaluate failed: int8 has an AP50 of 0.688, less than evaluate.min_ap50 0.7; " in text_of(page())


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        pytest.param({"boxes": 12}, "only 12 labelled boxes to judge by", id="few-boxes"),
        pytest.param({"split": "train"}, "judged on the train pictures: this says little", id="training-pictures"),
        pytest.param({}, "may be of an earlier model, since there is no result of validate", id="stage-missing"),
    ],
)
def test_reasons_to_doubt_the_figures_are_given(judged, page, changes, remark):
    judged(**changes)

    assert remark in text_of(page())


@pytest.mark.parametrize(
    ("tree", "is_named"),
    [pytest.param("same", False, id="the same in another clone"), pytest.param("other", True, id="another commit")],
)
def test_of_a_committed_dataset_git_tells_whether_it_is_the_same(left, page, tree, is_named):
    left("validate", inputs={"dataset": "times of one clone", "dataset, git tree": "same"})
    left("split", inputs={"dataset": "times of another", "dataset, git tree": tree})

    expected = "split used another state of dataset than that of validate: run the pipeline again"
    assert (expected in text_of(page())) is is_named


def test_a_stage_that_used_other_inputs_than_are_there_is_named(left, page):
    left("records", inputs={"dataset": "old"}, outputs={"records": "new"})
    left("train", inputs={"records": "old", "dataset": "old"})
    words = text_of(page())

    assert "train used another state of records than that of records" in words
    assert "another state of dataset" not in words
