"""The compiler's work judged by its file and log; a stand-in plays Google's compiler, well and badly."""

from __future__ import annotations

import platform

import pytest

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import SettingsError
from edgetrain.edgetpu import compile as compile_stage
from edgetrain.edgetpu.compiler.provenance import is_stand_in
from edgetrain.tflite.file import read_tflite
from tests.support.outcomes import failed
from tests.support.places import PROJECT_DIR
from tests.support.tflite_models import content_of, detector, write_model

STAND_IN = PROJECT_DIR / "ci" / "standin" / "edgetpu_compiler"


@pytest.fixture
def compiled(settings, workspace, monkeypatch):
    """Return a function that compiles a small detector with the stand-in in one of its moods."""
    write_model(workspace.model_path, detector())

    def compiled(mood="compile", **changes):
        monkeypatch.setenv("EDGETRAIN_STAND_IN", mood)
        return compile_stage.run(settings(compile__program=str(STAND_IN), **changes), workspace)

    return compiled


def files(workspace):
    return sorted(path.name for path in workspace.model_dir.iterdir())


def test_a_stand_in_s_work_is_marked_in_report_file_and_name(compiled, workspace):
    report = compiled()

    assert report.results["provenance"] == "stand-in"
    assert report.summary.startswith("NOT COMPILED BY GOOGLE'S COMPILER (stand-in)")
    assert files(workspace) == ["model.tflite", "model_edgetpu.log", "model_edgetpu.stand-in.tflite"]
    assert is_stand_in(read_tflite(workspace.stand_in_model_path))


def test_counts_and_sizes_come_from_the_log_and_agree_with_preflight(compiled):
    results = compiled().results

    assert results["on_cpu"] == {"DEQUANTIZE": 2, "TFLite_Detection_PostProcess": 1}
    assert (results["log"]["on_tpu"], results["log"]["on_cpu"], results["log"]["subgraphs"]) == (4, 3, 1)
    assert (results["log"]["input"], results["log"]["output"]) == ("model.tflite", "model_edgetpu.tflite")
    assert results["differs_from_preflight"] == []
    assert results["unknown_lines"] == []


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        pytest.param("too-large", "intermediate results do not fit on the chip", id="too large"),
        pytest.param("unreadable", "operator CONV_2D is of version 6", id="unreadable"),
        pytest.param("crash", "the graph or its metadata are malformed", id="crash"),
        pytest.param("silent", "ended with code 0, but left no model", id="a lie: success without a model"),
        pytest.param("garbage", "ended with code 0, but left no sound model", id="a lie: rubbish"),
    ],
)
def test_a_failure_is_told_and_nothing_stale_is_left(compiled, workspace, mood, message):
    compiled()

    failed(compiled(mood), match=message)

    assert files(workspace) == ["model.tflite", "model_edgetpu.log"]


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        pytest.param("zero", "nothing runs on the Edge TPU, although the compiler calls it a success", id="zero"),
        pytest.param("partial", "on the CPU are 2 DEQUANTIZE, 1 LOGISTIC, 1 TFLite_Detection_Post", id="half"),
    ],
)
def test_a_success_with_too_much_on_the_cpu_fails_with_its_report(compiled, workspace, mood, message):
    outcome = failed(compiled(mood), match=message)

    assert outcome.results["log"]["operations"] == 7
    assert files(workspace) == ["model.tflite", "model_edgetpu.log"]


def test_a_difference_from_preflight_is_reported(compiled):
    outcome = failed(compiled("partial"))

    assert outcome.results["differs_from_preflight"] == [
        "LOGISTIC: 0 on the CPU predicted, 1 by the compiler",
    ]


def test_a_runtime_that_maps_nothing_cannot_be_asked_for(settings):
    with pytest.raises(SettingsError, match=r"min_runtime_version is 11, but must be between 12 and 14"):
        settings(compile__min_runtime_version=11)


def test_a_stand_in_is_known_even_where_it_leaves_the_model_as_it_was(compiled):
    outcome = failed(compiled("zero"))

    assert outcome.results["provenance"] == "stand-in"


def test_a_failure_replaces_the_report_of_the_model_that_is_gone(compiled, settings, workspace):
    compiled()

    outcome = failed(compiled("too-large"))

    assert outcome.results == {"provenance": ""}


def test_a_compiler_that_hangs_is_stopped(compiled, monkeypatch):
    monkeypatch.setattr(compile_stage, "_GRACE_SECONDS", 1)

    failed(compiled("hang", compile__timeout_seconds=1), match="did not end after 2 s and was stopped")


def test_without_the_compiler_its_installation_is_told(settings, workspace):
    write_model(workspace.model_path, detector())

    failed(
        compile_stage.run(settings(compile__program="no-such-compiler"), workspace),
        match=r"(?s)there is no such program\..*ci/inv --profile compile ci\.compiler",
    )


def test_on_another_machine_the_lack_is_explained(settings, workspace, monkeypatch):
    write_model(workspace.model_path, detector())
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    failed(
        compile_stage.run(settings(compile__program="no-such-compiler"), workspace),
        match="This machine is aarch64, for which Google made no compiler",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("hello", "says 'hello': this is no edgetpu_compiler"),
        ("Edge TPU Compiler version 15.0.340273435", "is version 15.0.340273435; the gates are those of 16.0"),
    ],
)
def test_another_program_and_another_version_are_refused(settings, workspace, tmp_path, words, message):
    write_model(workspace.model_path, detector())
    program = tmp_path / "edgetpu_compiler"
    program.write_text(f"#!/bin/sh\necho '{words}'\n")
    program.chmod(0o755)

    failed(compile_stage.run(settings(compile__program=str(program)), workspace), match=message)


@pytest.fixture
def own(settings, workspace, tmp_path, monkeypatch):
    """Return a function that compiles a model of the user's own with the stand-in."""

    def compiled(spec, mood="compile", **changes):
        monkeypatch.setenv("EDGETRAIN_STAND_IN", mood)
        path = write_model(tmp_path / "theirs.v2.tflite", spec)
        chosen = settings(compile__program=str(STAND_IN), model__file=path, **changes)
        return compile_stage.run(chosen, workspace)

    return compiled


def test_a_model_of_the_user_s_own_may_leave_anything_on_the_cpu(own, workspace):
    write_model(workspace.model_path, detector())

    report = own(detector().with_operator(4, name="HARD_SWISH", version=1))

    assert report.results["on_cpu"] == {"DEQUANTIZE": 2, "HARD_SWISH": 1, "TFLite_Detection_PostProcess": 1}
    assert files(workspace) == ["model.tflite"]
    assert is_stand_in(read_tflite(workspace.root / "own-model" / "model_edgetpu.stand-in.tflite"))


def test_a_level_that_is_demanded_holds_for_a_model_of_the_user_s_own(own):
    outcome = own(detector().with_operator(4, name="HARD_SWISH", version=1), preflight__min_level="all")

    failed(outcome, match=r"1 HARD_SWISH, .*but preflight\.min_level is all")


def test_nothing_on_the_edge_tpu_is_no_success_either(own):
    failed(own(detector(), "zero"), match="nothing runs on the Edge TPU")


def test_a_compiled_file_is_not_compiled_again(settings, workspace, tmp_path):
    path = tmp_path / "theirs_edgetpu.tflite"
    made = write_compiled(
        content_of(detector()), [True] * 3 + [False, True, False, False], runtime=12, parameter_bytes=9
    )
    path.write_bytes(made)

    outcome = compile_stage.run(settings(compile__program=str(STAND_IN), model__file=path), workspace)

    failed(outcome, match="the model is compiled already")


@pytest.mark.parametrize(
    ("mood", "is_searching", "remedy"),
    [
        pytest.param("too-large", False, "Set compile.search_delegate: true", id="activations"),
        pytest.param("too-large", True, r"is on already: raise .*search_step \(1\)", id="on already"),
        pytest.param("crash", False, "Set compile.search_delegate: true", id="out of range"),
        pytest.param("unreadable", False, 'Run "ci/inv adapt": it lowers the version', id="version"),
    ],
)
def test_a_remedy_is_that_of_the_log_s_own_cause(compiled, mood, is_searching, remedy):
    failed(compiled(mood, compile__search_delegate=is_searching), match=remedy)
