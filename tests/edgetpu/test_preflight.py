"""The check before the compiler, of the trained model and of one that never saw a picture."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.settings.choices import NetworkType
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


@pytest.mark.parametrize(
    ("min_level", "is_enough"),
    [
        pytest.param("any", True, id="any"),
        pytest.param("hardly", True, id="hardly"),
        pytest.param("mostly", True, id="mostly"),
        pytest.param("all", False, id="all"),
    ],
)
def test_what_compiles_passes_whatever_stays_on_the_cpu_unless_more_is_demanded(
    settings, tmp_path, min_level, is_enough
):
    path = write_model(tmp_path / "m.tflite", detector().with_operator(4, name="HARD_SWISH", version=1))

    text, is_good = answers.preflight(
        settings(preflight__model=path, preflight__min_level=min_level), "text", untrained=False
    )

    assert is_good is is_enough
    assert ("error: its level is mostly, but preflight.min_level is all" in text) is not is_enough
    assert ": fit for" not in text
    assert "would compile, and run mostly on the Edge TPU" in text


def test_the_kind_of_a_model_and_the_order_of_its_outputs_are_told(settings, tmp_path):
    spec = replace(detector(), outputs=("scores", "boxes", "count", "classes"))
    path = write_model(tmp_path / "m.tflite", spec)

    text, is_good = answers.preflight(settings(preflight__model=path), "text", untrained=False)

    assert is_good
    assert "model: a detector: decoder ssd, 3 classes; outputs scores, boxes, count, classes." in text
    assert "warning: the outputs are scores, boxes, count, classes, as TensorFlow 2.6 and later write them" in text


def test_each_way_to_the_cpu_is_told(settings, tmp_path):
    path = write_model(tmp_path / "m.tflite", detector().with_operator(4, name="HARD_SWISH", version=1))

    text, _ = answers.preflight(settings(preflight__model=path), "text", untrained=False)

    assert "to the CPU: encodings 1x64x4 INT8, 0.2 KiB, for DEQUANTIZE (Operation is working on an " in text


@pytest.mark.parametrize("runtime", [12, 13, 14])
def test_the_project_s_own_network_passes_for_each_runtime(settings, workspace, runtime):
    write_model(workspace.model_path, detector())

    assert preflight.run(settings(compile__min_runtime_version=runtime), workspace).results["level"] == "all"


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
