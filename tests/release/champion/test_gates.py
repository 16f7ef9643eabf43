"""What a model's own reports say for and against it: each gate, and each way in which a report is of another model."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import write_record
from edgetrain.core.workspace.stage_reports import read_records_of
from edgetrain.release.champion.gates import report_reasons
from tests.support.promotion_material import leave, leave_compiled, leave_passed, write_material

COMPILED, PASSED, EVALUATED, QUANTIZED = "compiled model", "hardware pass", "evaluation", "AP lost in quantization"
FIGURES = {"float32": {"mean_average_precision": 0.9}, "int8": {"mean_average_precision": 0.9}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a workspace whose model may be promoted; look, but do not touch."""
    root = tmp_path_factory.mktemp("gates")
    write_material(root / "build", root / "dataset", boat=9, fish=9)
    return root / "build"


@pytest.fixture
def workspace(made, tmp_path):
    """Return a copy of that workspace."""
    shutil.copytree(made, tmp_path / "build")
    return Workspace(tmp_path / "build")


def reasons(workspace, max_ap_drop=0.01):
    return {one.name: one for one in report_reasons(workspace, read_records_of(workspace), max_ap_drop=max_ap_drop)}


def refused(workspace, **given):
    """Return the text of each reason that is against the model."""
    return {name: one.text for name, one in reasons(workspace, **given).items() if not one.is_passed}


def leave_evaluated(workspace, **changes):
    """Leave the report of the evaluation with other results, of the same files."""
    known = read_records_of(workspace)["evaluate"]
    changed = replace(known.outcome, results={**known.outcome.results, **changes})
    write_record(workspace.report_path("evaluate"), replace(known, outcome=changed))


def test_a_model_whose_reports_are_of_itself_passes_every_gate(workspace):
    assert [*reasons(workspace)] == [COMPILED, PASSED, EVALUATED, QUANTIZED]
    assert refused(workspace) == {}


def test_a_model_that_was_not_compiled_has_no_device_behind_it_either(workspace):
    workspace.compiled_model_path.unlink()

    found = refused(workspace)

    assert [*found] == [COMPILED, PASSED]
    assert 'does not exist. Run "ci/inv compile" first' in found[COMPILED]
    assert "the hardware test was of another model" in found[PASSED]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        pytest.param(
            lambda workspace: workspace.report_path("compile").unlink(), "there is no good report", id="no report"
        ),
        pytest.param(
            lambda workspace: leave(workspace, "compile", {"provenance": "edgetpu_compiler 16.0"}),
            "compile.json is of another model",
            id="report without digests",
        ),
        pytest.param(lambda workspace: leave_compiled(workspace, provenance="stand-in"), "by stand-in", id="stand-in"),
        pytest.param(lambda workspace: leave_compiled(workspace, provenance=""), "by unknown", id="no provenance"),
    ],
)
def test_a_compiled_model_of_which_nothing_is_known_is_refused(workspace, spoil, text):
    spoil(workspace)

    found = refused(workspace)

    assert [*found] == [COMPILED]
    assert text in found[COMPILED]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"is_rehearsal": True}, "only rehearsed on the CPU", id="rehearsal"),
        pytest.param({"model_sha256": "0" * 64}, "was of another model", id="another model"),
        pytest.param({"is_hardware_pass": False}, "the hardware test failed", id="failed"),
        pytest.param({"is_hardware_pass": "yes"}, "the hardware test failed", id="a word in place of a truth value"),
        pytest.param({"latency": {}}, "the report of the test has no latency", id="no latency"),
    ],
)
def test_a_device_that_did_not_pass_this_very_model_is_no_pass(workspace, changes, text):
    leave_passed(workspace, **changes)

    found = refused(workspace)

    assert [*found] == [PASSED]
    assert text in found[PASSED]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        pytest.param(lambda workspace: workspace.report_path("evaluate").unlink(), "was not evaluated", id="no report"),
        pytest.param(
            lambda workspace: leave_evaluated(workspace, results={"int8": {}}), "was not evaluated", id="no figures"
        ),
        pytest.param(
            lambda workspace: leave_evaluated(workspace, results={**FIGURES, "int8": {"mean_average_precision": "1"}}),
            "was not evaluated",
            id="a figure that is a word",
        ),
        pytest.param(
            lambda workspace: workspace.label_map_path.write_text("item { id: 1 name: 'x' }\n"),
            "is of another annotations/label_map.pbtxt",
            id="another label map",
        ),
        pytest.param(
            lambda workspace: workspace.records_dir.joinpath("extra.record").write_bytes(b""),
            "is of another records",
            id="other records",
        ),
        pytest.param(
            lambda workspace: leave_evaluated(workspace, split="validation"),
            "it was of the validation pictures, not of test",
            id="pictures that chose the weights",
        ),
    ],
)
def test_an_evaluation_that_is_not_of_this_model_on_the_test_pictures_proves_nothing(workspace, spoil, text):
    spoil(workspace)

    found = refused(workspace)

    assert [*found] == [EVALUATED]
    assert text in found[EVALUATED]


@pytest.mark.parametrize(
    ("int8", "max_ap_drop", "is_passed"),
    [
        pytest.param(0.88, 0.02, True, id="at the limit"),
        pytest.param(0.87, 0.02, False, id="beyond it"),
        pytest.param(0.95, 0.0, True, id="better"),
    ],
)
def test_quantization_may_cost_so_much_ap(workspace, int8, max_ap_drop, is_passed):
    leave_evaluated(workspace, results={**FIGURES, "int8": {"mean_average_precision": int8}})

    assert reasons(workspace, max_ap_drop=max_ap_drop)[QUANTIZED].is_passed is is_passed
