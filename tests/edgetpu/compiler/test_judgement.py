"""The verdict that a person reads, and the one that a program reads."""

from __future__ import annotations

import json

import pytest

from ci.standin.compiled_file import write_compiled
from edgetrain.edgetpu.compiler.judgement import judge_tflite, outcome_of
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU
from tests.support.outcomes import failed
from tests.support.places import SHARED_DIR
from tests.support.tflite_models import content_of, detector, write_model


@pytest.fixture
def judged(tmp_path):
    """Return a function that judges a graph."""

    def judged(spec, **options):
        return judge_tflite(write_model(tmp_path / "m.tflite", spec), **options)

    return judged


def test_a_good_model_is_a_table_and_a_sentence(judged):
    lines = judged(detector(), expected_on_cpu=PLAIN_SSD_ON_CPU).text().splitlines()

    assert lines[0].split() == ["operator", "count", "where", "why"]
    assert lines[1].split() == ["CONV_2D", "v3", "1", "Edge", "TPU"]
    assert lines[5] == (
        "DEQUANTIZE v2                        2  CPU       Operation is working on an unsupported data type (FLOAT32)"
    )
    assert lines[-1].startswith("m.tflite: fit for edgetpu_compiler 16.0 (predicted, not compiled): 4 of 7 operators")


def test_more_on_the_cpu_than_expected_is_a_fault(judged):
    judgement = judged(detector().with_operator(4, name="HARD_SWISH", version=1), expected_on_cpu=PLAIN_SSD_ON_CPU)

    assert judgement.faults == (
        (
            "on the CPU there would be 2 DEQUANTIZE, 1 HARD_SWISH, 1 TFLite_Detection_PostProcess, "
            "but in this network only 2 DEQUANTIZE, 1 TFLite_Detection_PostProcess"
        ),
    )
    assert "error: on the CPU there would be" in judgement.text()


def test_of_a_foreign_network_any_rest_on_the_cpu_is_fine(judged):
    assert judged(detector().with_operator(4, name="HARD_SWISH", version=1)).is_good


def test_every_operator_has_its_verdict_in_the_results(judged):
    results = json.loads(json.dumps(judged(detector()).results))

    assert [verdict["outcome"] for verdict in results["verdicts"]].count("maps") == results["mapped"] == 4
    assert (results["is_compiled"], results["packages"]) == (False, [])


def test_a_fault_is_an_error_that_carries_the_report(judged):
    judgement = judged(detector().with_tensor("features", signature=(-1, 8, 8, 4)))

    outcome = failed(
        outcome_of(judgement, "preflight"), match=r"(?s)preflight: m\.tflite: not fit .*dynamic-sized tensors"
    )

    assert outcome.results["is_good"] is False


def test_a_stand_in_s_file_is_fit_for_nothing(tmp_path):
    made = write_compiled(
        content_of(detector()), [True] * 3 + [False, True, False, False], runtime=12, parameter_bytes=9
    )
    path = tmp_path / "m.tflite"
    path.write_bytes(made)

    assert judge_tflite(path).faults == ("a stand-in of the compiler made this file: no device can run it",)


@pytest.mark.shared
def test_a_compiled_model_tells_its_runtime():
    path = SHARED_DIR / "edgetpu_models" / "ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu.tflite"

    assert judge_tflite(path).summary.endswith(
        "compiled for runtime 12 and later; 2.25 MiB of parameters are cached on the chip, 0.00 MiB are streamed; "
        "2 DEQUANTIZE, 1 TFLite_Detection_PostProcess on the CPU"
    )


def test_sizes_that_no_machine_has_break_nothing(judged):
    """As a damaged file may state them."""
    spec = detector().with_tensor("features", shape=(2**31 - 1,) * 60).with_tensor("filter", shape=(2**31 - 1,) * 60)

    assert "warning: 4" in judged(spec).text()
