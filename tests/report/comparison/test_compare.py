"""The same run twice is no difference, a worse one is named with its pictures, chance is not called progress."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape

import pytest

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.kept_runs import MOST_RUNS, keep_run, kept_runs
from edgetrain.core.workspace.reports import StageRecord, write_record
from edgetrain.evaluation.analysis import Found
from edgetrain.evaluation.judged_file import write_judged
from edgetrain.evaluation.metrics import judge
from edgetrain.records.tfrecord import write_records
from edgetrain.report.comparison.page import compare_runs
from edgetrain.report.comparison.runs import runs_table
from tests.report.test_evaluation_page import NAMES, judged_pictures
from tests.support.examples import encode_example
from tests.support.report_material import HOSTILE


def leave(workspace, found, model="m1", steps=100):
    """Leave what an evaluation leaves in a workspace."""
    metrics = judge(found.examples, found.detections, NAMES)
    figures = {"mean_average_precision": metrics.mean_average_precision, "ap50": metrics.ap50}
    results = {"split": "test", "images": len(found.examples), "results": {"int8": figures}}
    origin = {"outputs": {}, "seconds": 1.0, "versions": {}, "fingerprint": "f"}
    settings = {"training.steps": steps}
    inputs = {"model/model.tflite": model, "dataset": "d" * 64}
    record = StageRecord("evaluate", Outcome("judged", results), settings=settings, inputs=inputs, **origin)
    write_record(workspace.report_path("evaluate"), record)
    write_judged(workspace.detections_path, found, NAMES)


def leave_pictures(workspace, found):
    workspace.records_dir.mkdir(parents=True, exist_ok=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), map(encode_example, found.examples))


def worse(found):
    """Return the same pictures with the detections of the first half only."""
    half = len(found.examples) // 2
    return Found(found.examples, [one for one in found.detections if one.image_id < half])


@pytest.fixture
def found():
    return judged_pictures(60)


def test_the_same_run_twice_is_no_difference(workspace, found):
    leave(workspace, found)
    name = keep_run(workspace)
    text = compare_runs([name, str(workspace.root)], "markdown", workspace)

    assert "no difference" in text
    assert "worse" not in text


def test_a_worse_run_is_named_with_its_pictures(workspace, tmp_path, found):
    other = Workspace(tmp_path / "other")
    leave(workspace, found)
    leave_pictures(workspace, found)
    leave(other, worse(found), "m2", steps=50)
    said = compare_runs([str(workspace.root), str(other.reports_dir)], "html", workspace)
    html = workspace.comparison_path.read_text(encoding="utf-8")

    assert f"{other.reports_dir} is worse than {workspace.root}: AP " in said
    assert html.count("<figure>") == html.count('<div class="twice">') > 0
    assert '<th scope="row">training.steps</th><td>100</td><td>50</td>' in html
    assert "http" not in re.sub(r'xmlns="[^"]*"|http-equiv', "", html)


def test_markdown_names_the_pictures_that_got_worse(workspace, tmp_path, found):
    other = Workspace(tmp_path / "other")
    leave(workspace, found)
    leave(other, worse(found), "m2")
    text = compare_runs([str(workspace.root), str(other.root)], "markdown", workspace)
    back = compare_runs([str(other.root), str(workspace.root)], "markdown", workspace)

    assert re.search(r"### \d+ pictures worse\n\n- images/\d+\.jpg: \d mistakes? instead of \d", text)
    assert " is better than " in back


def test_chance_is_not_called_progress(workspace, tmp_path, found):
    """One detection of sixty pictures more is nothing that sixty pictures prove."""
    other = Workspace(tmp_path / "other")
    leave(workspace, found)
    leave(other, Found(found.examples, found.detections[1:]), "m2")
    text = compare_runs([str(workspace.root), str(other.root)], "markdown", workspace)

    assert "no difference that 60 pictures can prove" in text


def test_pictures_that_only_one_run_judged_are_left_out(workspace, tmp_path, found):
    other = Workspace(tmp_path / "other")
    leave(workspace, found)
    leave(other, Found(found.examples[:50], [one for one in found.detections if one.image_id < 50]), "m2")
    text = unescape(compare_runs([str(workspace.root), str(other.root)], "markdown", workspace))

    assert "10 pictures judged in one of the runs only" in text
    assert "no difference: both runs found the very same in each of 50 pictures" in text


def test_reports_without_detections_say_so(workspace, tmp_path, found):
    leave(workspace, found)
    name = keep_run(workspace)
    workspace.detections_path.unlink()
    text = compare_runs([name, str(workspace.root)], "markdown", workspace)

    assert "not comparable" in text
    assert "no detections.csv was kept" in text


def test_a_hostile_name_is_text(workspace, tmp_path, found):
    leave(workspace, found)
    other = Workspace(tmp_path / HOSTILE.replace("/", "_"))
    leave(other, worse(found), "m2")
    names = [str(workspace.root), str(other.root)]
    compare_runs(names, "html", workspace)

    assert "<script" not in workspace.comparison_path.read_text(encoding="utf-8")
    assert "<script" not in compare_runs(names, "markdown", workspace)


def test_a_run_that_is_not_there_is_named_with_those_that_are(workspace, found):
    leave(workspace, found)
    keep_run(workspace)

    with pytest.raises(MissingInputError, match=r"--compare run-2: there is no such run.*\(run-1\).*mean \"run-1\""):
        compare_runs(["run-1", "run-2"], "html", workspace)


@pytest.mark.parametrize(
    ("names", "output_format", "message"),
    [
        pytest.param(["run-1"], "html", "only one run", id="one"),
        pytest.param(["run-1", "run-1"], "htm", 'Did you mean "html"', id="format"),
    ],
)
def test_a_wrong_call_is_one_message(workspace, names, output_format, message):
    with pytest.raises(SettingsError, match=message):
        compare_runs(names, output_format, workspace)


def test_each_model_is_one_run_and_the_oldest_go(workspace, found):
    for number in range(MOST_RUNS + 2):
        leave(workspace, found, f"m{number}")
        keep_run(workspace)
        keep_run(workspace)
    names = list(kept_runs(workspace))

    assert names == [f"run-{number}" for number in range(3, MOST_RUNS + 3)]


def test_the_table_of_runs_has_the_figures_of_the_reports(workspace, found):
    leave(workspace, found)
    keep_run(workspace)
    ap50 = json.loads(workspace.report_path("evaluate").read_text())["results"]["int8"]["ap50"]

    assert runs_table(workspace).splitlines()[1].split()[4] == f"{ap50:.3f}"
    shutil.rmtree(workspace.runs_dir)
    with pytest.raises(MissingInputError, match="no run is kept"):
        runs_table(workspace)
