"""Who becomes the champion: decisions about models whose AP is known, recorded in real repositories.

No test has a Coral device: the report of its pass is written by hand (``promotion_material``).
"""

from __future__ import annotations

import json
import shutil

import pytest

from edgetrain.core.errors import MissingInputError
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.pipeline import flow
from edgetrain.pipeline.stages import stage_named
from edgetrain.records.tfrecord import write_records
from edgetrain.report import page
from tests.conftest import settings_of
from tests.support.examples import encode_example
from tests.support.git_commands import git, new_repository
from tests.support.outcomes import failed
from tests.support.promotion_material import TEST, leave_compiled, leave_passed, picture, write_material

pytestmark = pytest.mark.tensorflow
NAME = "edgetrain-champion"


@pytest.fixture
def dataset(tmp_path):
    return new_repository(tmp_path / "dataset")


@pytest.fixture
def model(tmp_path, dataset):
    """Return a function that makes a workspace with a model of known AP and gives its settings."""
    return lambda name, **given: write_material(tmp_path / name, dataset, **{"boat": 5, "fish": 5, **given})


@pytest.fixture
def champion(model):
    """Make a model with AP 0.5 of each class the champion."""
    chosen = model("champion")
    flow.run_stage("promote", chosen)
    return chosen


def report_of(settings):
    return json.loads(Workspace(settings.workspace.root).report_path("promote").read_text())


def states(settings):
    return {reason["name"]: reason["is_passed"] for reason in report_of(settings)["reasons"]}


def tip(dataset):
    return git(dataset, "rev-parse", NAME)


def refused(settings, dataset, message):
    """Ask for the promotion of a model that must not be promoted, and return the rules that are against it."""
    before = tip(dataset)
    failed(flow.run_stage("promote", settings), match=message)

    assert tip(dataset) == before
    assert report_of(settings)["decision"] == "not promoted"
    return [name for name, is_passed in states(settings).items() if is_passed is False]


def test_the_first_model_is_promoted_on_its_own_merits(champion, dataset):
    report = report_of(champion)

    assert (report["decision"], report["commit"]) == ("promoted", tip(dataset))
    assert report["made_from"]["fingerprint"], "a report without one counts as failed"
    assert {True, None} == set(states(champion).values())
    assert "comparison: there is no champion yet at edgetrain-champion, so nothing to compare with" in report["notes"]


def test_the_record_says_what_the_champion_is(champion, dataset):
    record = json.loads(git(dataset, "show", f"{NAME}:champion.json"))

    assert record["dataset"] == {"revision": git(dataset, "rev-parse", "HEAD"), "is_clean": True}
    assert record["accuracy"]["class_ap"] == {"boat": 0.5, "fish": 0.5}
    assert record["hardware"] == {"device": "usb:0", "latency_p90_ms": 8.0, "mean_average_precision": 0.5}
    assert [picture["filename"] for picture in record["test_pictures"]] == [f"{number}.png" for number in TEST]
    assert git(dataset, "show", f"{NAME}:labels.txt") == "boat\nfish"


def test_a_better_model_takes_the_champion_s_place(champion, model, dataset):
    first = tip(dataset)
    chosen = model("better", boat=6)

    flow.run_stage("promote", chosen)

    assert report_of(chosen)["decision"] == "promoted"
    assert git(dataset, "rev-parse", f"{NAME}^") == first
    assert "AP on its own 12 test pictures: challenger 0.550, champion 0.500: +0.050" in git(dataset, "log", "-1", NAME)


def test_a_worse_model_does_not(champion, model, dataset):
    against = refused(
        model("worse", boat=4, promote__max_class_drop=0.2), dataset, "not promoted: 2 of 13 rules say no"
    )

    assert against == ["AP on its own 12 test pictures", "AP on the champion's 12 test pictures"]


def test_a_better_model_that_lost_a_class_does_not(champion, model, dataset):
    message = r"classes on its own 12 test pictures: lost too much: fish 0\.200 after 0\.500 \(-0\.300\)"

    against = refused(model("uneven", boat=10, fish=2), dataset, message)

    assert against == ["classes on its own 12 test pictures", "classes on the champion's 12 test pictures"]


def test_other_classes_are_not_compared(champion, model, dataset):
    against = refused(model("other", boat=9, classes=("boat", "net")), dataset, r"label map: .*new: net; gone: fish")

    assert against == ["label map"]


def test_a_test_picture_of_the_champion_in_training_refuses_the_comparison(champion, model, dataset):
    chosen = model("leak", boat=9, test=range(1, 13), train=[0, 200])

    assert refused(
        chosen, dataset, r"leak: 1 of the champion's 12 test pictures are in this training split: 0\.png"
    ) == ["leak"]


def test_removing_pictures_does_not_make_a_champion(champion, model, dataset):
    chosen = model("fewer", boat=9, test=range(11))

    assert refused(chosen, dataset, r"1 of the champion's 12 test pictures are not in .*: 11\.png") == ["pictures kept"]


def test_a_test_picture_that_judges_as_validation_now_still_counts(champion, model):
    chosen = model("moved", boat=9, test=range(11))
    workspace = Workspace(chosen.workspace.root)
    write_records(workspace.shard_path(Split.VALIDATION, 0, 1), [encode_example(picture(11))])
    flow.run_stage("evaluate", chosen)

    flow.run_stage("promote", chosen)

    assert states(chosen)["AP on the champion's 12 test pictures"] is True
    assert states(chosen)["AP on its own 11 test pictures"] is True


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(None, "the hardware test was not run", id="not run"),
        pytest.param({"is_hardware_pass": False, "is_rehearsal": True}, "only rehearsed on the CPU", id="rehearsed"),
        pytest.param({"is_rehearsal": True}, "only rehearsed on the CPU", id="rehearsal that claims a pass"),
        pytest.param({"model_sha256": "0" * 64}, "was of another model", id="another model"),
        pytest.param({"is_hardware_pass": False}, "the hardware test failed: usb:0", id="failed"),
        pytest.param({"latency": {}}, "the report of the test has no latency", id="no latency"),
    ],
)
def test_without_a_hardware_pass_nothing_is_promoted(champion, model, dataset, changes, message):
    chosen = model("unproven", boat=9)
    workspace = Workspace(chosen.workspace.root)
    workspace.report_path("hardware").unlink()
    if changes is not None:
        leave_passed(workspace, **changes)

    assert refused(chosen, dataset, f"hardware pass: no hardware pass: .*{message}") == ["hardware pass"]


def test_a_stand_in_s_model_is_never_promoted(champion, model, dataset):
    """Not even with a report that claims a pass of it."""
    chosen = model("stand-in", boat=9)
    workspace = Workspace(chosen.workspace.root)
    marked = workspace.compiled_model_path.read_bytes().replace(b"provenancx", PROVENANCE_KEY.encode())
    workspace.compiled_model_path.write_bytes(marked)
    leave_compiled(workspace)
    leave_passed(workspace)

    assert refused(chosen, dataset, "a stand-in made this file") == ["compiled model"]


def test_a_rehearsal_names_everything_that_is_missing(champion, model, dataset):
    """As after the stand-in of the compiler and a trial on the CPU: the comparison is made all the same."""
    chosen = model("rehearsal", boat=9)
    workspace = Workspace(chosen.workspace.root)
    workspace.compiled_model_path.rename(workspace.stand_in_model_path)
    workspace.report_path("compile").unlink()

    assert refused(chosen, dataset, "no hardware pass: ") == ["compiled model", "hardware pass"]
    assert states(chosen)["AP on its own 12 test pictures"] is True


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        pytest.param("compile", r"reports/compile\.json is of another model", id="compile"),
        pytest.param("evaluate", r"reports/evaluate\.json is of another model/model\.tflite\.", id="evaluate"),
    ],
)
def test_a_report_of_another_model_proves_nothing(champion, model, dataset, stage, message):
    chosen = model("mixed", boat=9)
    shutil.copy(Workspace(champion.workspace.root).report_path(stage), Workspace(chosen.workspace.root).reports_dir)

    refused(chosen, dataset, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"promote__max_latency_ms": 7}, "latency: 8.0 ms .* at most 7 ms allowed", id="latency"),
        pytest.param({"promote__class_floors": "boat=0.95"}, "boat: 0.900 AP, at least 0.95 asked", id="floor"),
        pytest.param({"promote__min_gain": 0.3}, r"at least \+0\.3 asked", id="gain"),
        pytest.param({"evaluate__split": "validation"}, "it was of the validation pictures, not of test", id="split"),
    ],
)
def test_a_limit_that_is_not_kept_is_named(champion, model, dataset, changes, message):
    refused(model("limits", boat=9, **changes), dataset, message)


def test_the_champion_itself_is_left_as_it_is(champion, dataset):
    before = tip(dataset)

    flow.run_stage("promote", champion)

    assert report_of(champion)["decision"] == "already the champion"
    assert tip(dataset) == before


def test_the_pipeline_never_takes_a_decision_for_up_to_date(champion, model, tmp_path, dataset):
    """After a rollback the same model meets another champion."""
    chosen = model("better", boat=6)
    flow.run_stage("promote", chosen)
    flow.run_stage("promote", settings_of(dataset, tmp_path / "elsewhere", promote__rollback=True))

    flow._run(stage_named("promote"), chosen, flow.Digests(chosen), force=False)

    assert report_of(chosen)["decision"] == "promoted"


def test_a_rollback_needs_no_model(champion, model, tmp_path, dataset):
    flow.run_stage("promote", model("better", boat=6))
    chosen = settings_of(dataset, tmp_path / "elsewhere", promote__rollback=True)

    flow.run_stage("promote", chosen)

    assert report_of(chosen)["decision"] == "rolled back"
    assert git(dataset, "rev-parse", f"{NAME}^{{tree}}") == git(dataset, "rev-parse", f"{NAME}~2^{{tree}}")


def test_a_tag_is_compared_with_and_not_written_to(champion, model, dataset):
    git(dataset, "tag", "v1", NAME)
    chosen = model("better", boat=6, promote__champion="v1")
    before = tip(dataset)

    flow.run_stage("promote", chosen)

    assert report_of(chosen)["decision"] == "compared only"
    assert tip(dataset) == before


def test_a_dataset_with_changes_is_recorded_as_such(model, dataset):
    (dataset / "annotations" / "a.xml").write_text("changed")
    chosen = model("dirty")

    flow.run_stage("promote", chosen)

    assert json.loads(git(dataset, "show", f"{NAME}:champion.json"))["dataset"]["is_clean"] is False
    assert any("changes that are not in its commit" in note for note in report_of(chosen)["notes"])


def test_a_clone_with_a_remote_is_told_that_the_record_stays_in_it(model, dataset, tmp_path):
    git(dataset, "remote", "add", "origin", tmp_path / "remote.git")
    chosen = model("first")

    flow.run_stage("promote", chosen)

    assert report_of(chosen)["notes"][-1] == "promote.remote is empty, so edgetrain-champion lies in this clone only"


def test_the_branch_may_lie_in_another_repository(model, dataset, tmp_path):
    git(tmp_path, "init", "-q", "--bare", "models.git")

    flow.run_stage("promote", model("first", promote__repository=tmp_path / "models.git"))

    assert git(tmp_path / "models.git", "rev-parse", NAME)
    assert git(dataset, "branch", "--list", NAME) == ""


def test_a_failure_does_not_leave_the_decision_before(champion, dataset):
    shutil.rmtree(dataset / ".git")

    failed(flow.run_stage("promote", champion), match="needs a git repository")

    assert report_of(champion)["decision"] == "failed"


def test_a_floor_for_an_unknown_class_is_told(model):
    failed(
        flow.run_stage("promote", model("first", promote__class_floors="boot=0.3")),
        match=r'class_floors: \'boot\' is no class .*Did you mean "boat"\?',
    )


def test_a_workspace_without_a_model_names_the_stage_that_makes_it(dataset, tmp_path):
    with pytest.raises(MissingInputError, match=r'Run "ci/inv quantize" first'):
        flow.run_stage("promote", settings_of(dataset, tmp_path / "empty"))


def test_a_champion_that_cannot_be_run_is_told(champion, model, dataset, monkeypatch):
    from edgetrain.release import promote

    read = promote.read_champion
    monkeypatch.setattr(promote, "read_champion", lambda place: (read(place)[0], b"no model"))

    failed(
        flow.run_stage("promote", model("better", boat=6)),
        match=r"the champion's model\.tflite cannot be run .*--rollback",
    )


def test_the_page_shows_the_decision_and_what_is_against_it_first(champion, model, dataset):
    chosen = model("hostile", boat=9, classes=("boat", "<b>\x1b[31mfish"))
    refused(chosen, dataset, r"new: <b>\\x1b\[31mfish")
    workspace = Workspace(chosen.workspace.root)

    page.run(chosen, workspace)

    html = workspace.report_page_path.read_text()
    assert "promote failed: not promoted: 1 of 10 rules say no" in html
    assert html.index('<th scope="row">label map</th><td>failed</td>') < html.index(
        "<td>passed</td>", html.index("Promotion")
    )
    assert "&lt;b&gt;" in html
    assert "<b>\\x1b" not in html
