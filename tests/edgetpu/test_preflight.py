"""The check before the compiler, of the trained model and of one that never saw a picture."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.settings.sections import NetworkType
from edgetrain.edgetpu import preflight, preflight_file
from edgetrain.pipeline import answers, flow
from tests.support.outcomes import failed
from tests.support.tflite_models import detector, write_model
from tests.support.tiny_run import pipeline_text


def test_the_model_of_the_workspace_is_judged(settings, workspace):
    write_model(workspace.model_path, detector())

    report = preflight.run(settings(), workspace)

    assert report.summary.startswith("model.tflite: fit for edgetpu_compiler 16.0")


def test_a_network_that_does_not_map_fails(settings, workspace):
    write_model(workspace.model_path, detector().with_operator(4, name="HARD_SWISH", version=1))

    failed(preflight.run(settings(), workspace), match="on the CPU there would be 2 DEQUANTIZE, 1 HARD_SWISH")


def test_any_file_can_be_judged(settings, workspace, tmp_path):
    path = write_model(tmp_path / "theirs.tflite", detector())

    assert preflight_file.run(settings(preflight__model=path), workspace).summary.startswith("theirs.tflite: fit")


def test_a_file_must_be_named(settings, workspace):
    with pytest.raises(SettingsError, match=r"Name a \.tflite file with --model"):
        preflight_file.run(settings(), workspace)


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_the_verdict_comes_as_text_or_json_and_says_if_it_is_good(settings, tmp_path, output_format):
    bad = write_model(tmp_path / "bad.tflite", detector().with_operator(1, version=6))

    text, is_good = answers.preflight(settings(preflight__model=bad), output_format, untrained=False)

    assert not is_good
    said = json.loads(text)["faults"][0] if output_format == "json" else text
    assert "Didn't find op for builtin opcode 'CONV_2D' version '6'" in said


def test_another_format_is_refused(settings):
    with pytest.raises(SettingsError, match=r'--format jsn: no such format.*Did you mean "json"'):
        answers.preflight(settings(), "jsn", untrained=False)


@pytest.mark.tensorflow
def test_the_trained_model_of_the_project_maps_but_for_its_ends(finished_workspace):
    report = json.loads(finished_workspace.report_path("preflight").read_text())

    assert (report["faults"], report["on_cpu"]) == ([], {"DEQUANTIZE": 2, "TFLite_Detection_PostProcess": 1})


@pytest.mark.tensorflow
def test_an_untrained_model_has_the_operators_of_the_trained_one(finished_workspace):
    before, after = (
        json.loads(finished_workspace.report_path(name).read_text()) for name in ("preflight-untrained", "preflight")
    )

    assert before["counts"] == after["counts"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("network", [one.value for one in NetworkType])
def test_every_network_of_the_project_is_fit_before_training(copied_run, network):
    settings = copied_run(network__type=network)
    workspace = flow.Workspace(settings.workspace.root)
    workspace.pipeline_config_path.write_text(pipeline_text(network))

    flow.run_stage("preflight-untrained", settings)

    report = json.loads(workspace.report_path("preflight-untrained").read_text())
    assert report["on_cpu"] == {"DEQUANTIZE": 2, "TFLite_Detection_PostProcess": 1}
    assert not list(workspace.root.glob(".untrained*"))


@pytest.mark.tensorflow
def test_an_untrained_model_needs_the_configuration(settings, workspace):
    from edgetrain.edgetpu import preflight_untrained

    with pytest.raises(MissingInputError, match=r'Run "ci/inv configure" first'):
        preflight_untrained.run(settings(), workspace)
