"""The page shows what the reports say, says what nobody has proven, and believes no text."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import MissingInputError
from edgetrain.core.reports import Report, StageRecord, write_record
from edgetrain.core.splits import Split
from edgetrain.flow import STAGES
from edgetrain.formats.detection_example import DetectionExample, ExampleBox, encode_example
from edgetrain.formats.template import TEMPLATES_DIR
from edgetrain.formats.tfrecord import write_records
from edgetrain.stages import report
from edgetrain.training.history import HistoryRow, write_history

HOSTILE = "<script>alert(1)</script>"
FLOAT32 = {
    "mean_average_precision": 0.5,
    "ap50": 0.75,
    "ap75": 0.25,
    "average_recall": 0.625,
    "class_ap": {"boat": 0.5},
}
INT8 = {
    "mean_average_precision": 0.4375,
    "ap50": 0.6875,
    "ap75": None,
    "average_recall": 0.65,
    "class_ap": {"boat": 0.43},
}
FINDING = {
    "file": "a.xml",
    "line": 3,
    "rule": "box-outside",
    "severity": "error",
    "message": "Too far.",
    "fix": "Clip.",
}
TRUTH = {"class": "boat", "box": [8, 8, 40, 40]}
SAMPLE = {
    "filename": "one.jpg",
    "source_id": "images/one.jpg",
    "width": 64,
    "height": 48,
    "truths": [TRUTH],
    "detections": [{**TRUTH, "score": 0.91}, {"class": "boat", "score": 0.42, "box": [0, 0, 9, 9]}],
}


@pytest.fixture
def left(workspace):
    """Return a function that leaves the report of a stage."""

    def write(stage, results=None, *, summary="done", notes=(), fingerprint="f", **made_from):
        origin = {"settings": {}, "inputs": {}, "outputs": {}, "seconds": 1.5, "versions": {"numpy": "1.26.4"}}
        value = Report(summary, results or {}, tuple(notes))
        record = StageRecord(stage=stage, report=value, fingerprint=fingerprint, **{**origin, **made_from})
        write_record(workspace.report_path(stage), record)

    return write


@pytest.fixture
def judged(left):
    """Return a function that leaves the report of an evaluation."""

    def write(*, float32=FLOAT32, int8=INT8, boxes=150, **changes):
        results = {"split": "test", "images": 120, "boxes": boxes, "results": {"float32": float32, "int8": int8}}
        left("evaluate", {**results, **changes})

    return write


@pytest.fixture
def page(settings, workspace):
    """Return a function that makes the page and returns its text."""

    def make():
        report.run(settings(), workspace)
        return workspace.report_page_path.read_text(encoding="utf-8")

    return make


def text_of(html):
    """Return the words of a page without elements, spaces made one."""
    body = html.partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def write_picture(workspace):
    """Write a picture with metadata twice, under two names, as the test split."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 90, 200)).save(buffer, "JPEG", comment=b"taken at home")
    box = ExampleBox(NormalizedBox(0.1, 0.1, 0.5, 0.5), "boat", 1)
    examples = [
        DetectionExample(name, f"images/{name}", buffer.getvalue(), "jpeg", ImageSize(64, 48), (box,))
        for name in ("one.jpg", "two.jpg")
    ]
    workspace.records_dir.mkdir(parents=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), map(encode_example, examples))


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
    left("hardware", {"device": "usb:0"}, summary="7.9 ms")
    words = text_of(page())

    assert "compiled for the Edge TPU: all operators mapped" in words
    assert "run on a Coral: 7.9 ms" in words
    assert "unproven" not in words


def test_a_model_that_failed_to_compile_is_not_proven(left, page):
    left("compile", summary="2 subgraphs", fingerprint="")
    words = text_of(page())

    assert "compile failed: 2 subgraphs" in words
    assert "compiled for the Edge TPU" not in words


def test_a_run_on_the_cpu_proves_nothing_about_a_coral(left, page):
    left("hardware", {"device": "cpu"}, summary="30 ms")

    assert "not run on a Coral: unproven (run on the CPU: 30 ms)" in text_of(page())


def test_a_failed_stage_makes_the_headline(left, settings, workspace):
    left("validate", fingerprint="", summary="60 errors")
    outcome = report.run(settings(), workspace)

    assert outcome.summary.startswith("validate failed; reports/index.html")
    assert outcome.results["stages"]["validate"] == "failed"
    assert outcome.results["stages"]["split"] == "no result"


def test_figures_that_miss_the_limit_are_shown_with_the_reason(judged, left, page):
    judged()
    left("evaluate", {"split": "test", "results": {"int8": INT8}}, fingerprint="")

    assert "evaluate failed: int8 lost more AP than evaluate.max_ap_drop allows" in text_of(page())


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


def test_a_stage_that_used_other_inputs_than_are_there_is_named(left, page):
    left("records", inputs={"dataset": "old"}, outputs={"records": "new"})
    left("train", inputs={"records": "old", "dataset": "old"})
    words = text_of(page())

    assert "train used another state of records than that of records" in words
    assert "another state of dataset" not in words


def test_hostile_names_are_text(judged, left, workspace, page):
    sample = {**SAMPLE, "filename": HOSTILE, "truths": [{**TRUTH, "class": HOSTILE}], "detections": []}
    judged(int8={**INT8, "class_ap": {HOSTILE: 0.5}}, samples=[sample])
    finding = {**FINDING, "file": f"{HOSTILE}.xml", "message": HOSTILE, "rule": HOSTILE}
    left("validate", {"findings": [finding], "classes": {HOSTILE: 3}}, summary=HOSTILE, notes=[HOSTILE])
    write_picture(workspace)
    html = page()

    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 10


def test_passwords_and_tokens_of_urls_are_left_out(left, page):
    left("checkpoint", settings={"checkpoint": {"url": "https://bob:hunter2@host/x.tgz?sig=abcdef"}})
    html = page()

    assert "hunter2" not in html
    assert "abcdef" not in html
    assert "https://…@host/x.tgz?…" in html


def test_letters_that_hide_or_turn_text_are_replaced(left, workspace, page):
    left("validate")
    path = workspace.report_path("validate")
    path.write_text(json.dumps({**json.loads(path.read_text()), "summary": "a\u202eb\udcff"}))

    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}" in page()


def test_the_page_needs_nothing_beside_itself(judged, workspace, page):
    judged(samples=[SAMPLE])
    write_picture(workspace)
    html = page()
    references = re.findall(r"""(?:src|href|action|data)\s*=\s*["']?([^"'>\s]+)|url\(([^)]*)|@import""", html)

    assert references
    assert all(first.startswith("data:image/jpeg;base64,") for first, _ in references)
    assert "default-src 'none'" in html


def test_templates_switch_no_escaping_off():
    texts = [path.read_text(encoding="utf-8") for path in sorted((TEMPLATES_DIR / "report").glob("*.html"))]

    assert texts
    assert not [text for text in texts if re.search(r"\|\s*safe\b|autoescape", text)]


def test_the_same_reports_give_the_same_bytes(judged, left, settings, workspace):
    judged(samples=[SAMPLE])
    left("train", {"steps": 2}, versions={"numpy": "1", "pillow": "2"})
    write_picture(workspace)
    pages = []
    for _ in range(2):
        report.run(settings(), workspace)
        pages.append(workspace.report_page_path.read_bytes())

    assert pages[0] == pages[1]


def test_versions_do_not_depend_on_the_hash_seed(left, workspace, tmp_path):
    left("train", versions={f"library-{number}": "1" for number in range(20)})
    left("export", versions={f"library-{number}": "2" for number in range(20)})
    code = (
        "import sys, pathlib; from edgetrain.core.workspace import Workspace; from edgetrain.stages import report; "
        "report.run(None, Workspace(pathlib.Path(sys.argv[1])))"
    )
    pages = set()
    for seed in ("1", "2"):
        source = str(TEMPLATES_DIR.parent / "src")
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": source}
        subprocess.run([sys.executable, "-c", code, str(workspace.root)], env=environment, check=True, cwd=tmp_path)
        pages.add(workspace.report_page_path.read_bytes())

    assert len(pages) == 1


def test_samples_show_the_picture_and_what_was_found(judged, workspace, page):
    judged(samples=[SAMPLE])
    write_picture(workspace)
    html = page()

    assert html.count("data:image/jpeg") == 1
    assert "1 of 1 found, 1 wrong one.jpg" in text_of(html)
    assert "boat 0.91" in html


@pytest.mark.parametrize("damage", [b"", b"no records at all"], ids=["absent", "damaged"])
def test_samples_whose_picture_is_gone_say_so(judged, workspace, page, damage):
    judged(samples=[SAMPLE])
    workspace.records_dir.mkdir(parents=True)
    if damage:
        workspace.shard_path(Split.TEST, 0, 1).write_bytes(damage)

    assert "1 of 1 found, 1 wrong; the picture is not in the records any more" in text_of(page())


def test_the_data_table_counts_boxes_by_class_and_split(left, page):
    train = {"images": 10, "boxes": 12, "negatives": 1, "classes": {"boat": 12}}
    test = {"images": 4, "boxes": 5, "negatives": 0, "classes": {"boat": 3, "fish": 2}}
    left("split", {"splits": {"train": train, "test": test}})
    words = text_of(page())

    assert "class train test all boat 12 3 15 fish 0 2 2 all boxes 12 5 17 pictures 10 4 14" in words
    assert "pictures without objects 1 0 1" in words


def test_without_a_division_the_whole_dataset_is_counted(left, page):
    left("validate", {"images": 4, "boxes": 5, "classes": {"boat": 5}, "findings": []})

    assert "class all boat 5 all boxes 5 pictures 4 pictures without objects unknown" in text_of(page())


def test_fifty_findings_are_shown_errors_first_and_the_rest_counted(left, page):
    warnings = [{**FINDING, "severity": "warning", "rule": "twin", "line": line} for line in range(55)]
    left("validate", {"findings": [*warnings, FINDING]})
    words = text_of(page())

    assert "box-outside 1 twin 55 error a.xml:3 box-outside Too far. Clip. warning a.xml:0" in words
    assert words.count("warning a.xml") == 49
    assert "6 more are in reports/validate.json" in words


def test_the_run_is_described_with_its_curve(left, workspace, page):
    rows = [HistoryRow(step, 4 / step, 0.1, 0.2, 0.001, 20 + step) for step in (10, 20, 30)]
    write_history(workspace.train_dir / "history.csv", rows)
    left("train", {"steps": 20, "first_step": 10}, seconds=200.0)
    html = page()

    assert "steps 20 time 3 min 20 s speed 35.0 images/s (median) last loss 0.200" in text_of(html)
    assert "continued from step 10" in html
    assert html.count('class="chart"') == 2


def test_training_that_did_not_finish_is_said_so(left, workspace, page):
    write_history(workspace.train_dir / "history.csv", [HistoryRow(10, float("nan"), 0.1, 0.2, 0.001, 20)])
    left("configure")
    html = page()

    assert "not finished: the last step on record is 10" in html
    assert 'class="chart"' not in html


def test_settings_name_the_stages_that_used_them(left, page):
    left("validate", settings={"network.max_boxes": 100, "validate": {"strict": False}})
    left("configure", settings={"network": {"max_boxes": 100, "type": None}, "augmentations": ["flip", "crop"]})
    words = text_of(page())

    assert "network.max_boxes 100 validate, configure" in words
    assert "network.type not set configure" in words
    assert "augmentations flip, crop configure" in words
    assert "validate.strict false validate" in words


def test_files_have_the_size_they_have_now(left, workspace, page):
    workspace.model_dir.mkdir(parents=True)
    workspace.model_path.write_bytes(b"x" * 2048)
    left("quantize", {"operators": {"ADD v2": 10}}, outputs={"model/model.tflite": "ab12", "model": "cd", "gone": None})
    words = text_of(page())

    assert "gone not there unknown model/ 2.0 KiB cd model/model.tflite 2.0 KiB ab12" in words
    assert "ADD v2 10" in words


def test_a_page_of_very_much_stays_small(judged, left, workspace, page):
    name = "x" * 10_000
    judged(int8={**INT8, "class_ap": {f"{number} {name}": 0.5 for number in range(300)}}, samples=[SAMPLE] * 12)
    left("validate", {"findings": [{**FINDING, "message": name}] * 100, "classes": {name: 1}}, notes=[name] * 100)
    write_picture(workspace)
    html = page()

    assert len(html) < 2_000_000
    assert "100 more classes" in html


@pytest.mark.tensorflow
def test_the_pictures_of_a_real_evaluation_are_on_its_page(finished_workspace):
    samples = json.loads(finished_workspace.report_path("evaluate").read_text(encoding="utf-8"))["samples"]
    html = finished_workspace.report_page_path.read_text(encoding="utf-8")

    assert 1 <= len(samples) <= 12
    assert html.count("data:image/jpeg") == len(samples)
    assert [sample["filename"] for sample in samples] == re.findall(r'class="file">([^<]*)', html)
