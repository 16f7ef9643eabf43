"""The page believes no text, needs nothing beside itself, and has every part that there is something to say of."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from edgetrain.core.splits import Split
from edgetrain.report import page as report
from edgetrain.template import TEMPLATES_DIR
from edgetrain.training.history import HistoryRow, write_history
from tests.support.report_material import FINDING, HOSTILE, INT8, SAMPLE, TRUTH, text_of, write_picture


def test_hostile_names_are_text(judged, left, workspace, page):
    sample = {**SAMPLE, "filename": HOSTILE, "truths": [{**TRUTH, "class": HOSTILE}], "detections": []}
    judged(int8={**INT8, "class_ap": {HOSTILE: 0.5}}, samples=[sample])
    finding = {**FINDING, "file": f"{HOSTILE}.xml", "message": HOSTILE, "rule": HOSTILE}
    left("validate", {"findings": [finding], "classes": {HOSTILE: 3}}, summary=HOSTILE, notes=[HOSTILE])
    write_picture(workspace)
    html = page()

    assert html.count("<script") == 1
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
    html = re.sub(r"<script>.*?</script>", "", page(), flags=re.DOTALL)
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
        "import pathlib, sys, yaml; from edgetrain.core.settings import Settings; "
        "from edgetrain.core.workspace import Workspace; from edgetrain.report import page; "
        "root, defaults = map(pathlib.Path, sys.argv[1:]); "
        "settings = Settings.from_mapping(yaml.safe_load(defaults.read_text()), base_dir=root); "
        "page.run(settings, Workspace(root))"
    )
    pages = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(TEMPLATES_DIR.parent / "src")}
        command = [sys.executable, "-c", code, workspace.root, TEMPLATES_DIR.parent / "invoke.yaml"]
        subprocess.run(command, env=environment, check=True, cwd=tmp_path)
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

    shown = html.partition("<h2>Sample pictures</h2>")[2].partition("</section>")[0]

    assert 1 <= len(samples) <= 12
    assert shown.count("data:image/jpeg") == len(samples)
    assert [sample["filename"] for sample in samples] == re.findall(r'class="file">([^<]*)', shown)
