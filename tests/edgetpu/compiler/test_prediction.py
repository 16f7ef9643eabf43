"""What preflight foretells, and what Google's compiler really did."""

from __future__ import annotations

import shutil
import struct
from collections import Counter
from dataclasses import replace

import pytest

from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU
from edgetrain.tflite.file import parse_tflite, read_tflite
from tests.support.places import SHARED_DIR
from tests.support.tflite_models import OperatorSpec, TensorSpec, content_of, detector

MODELS = SHARED_DIR / "edgetpu_models"
PAIRS = sorted(path.name for path in MODELS.glob("*.tflite") if path.with_name(f"{path.stem}_edgetpu.tflite").exists())


def predicted(spec, tmp_path, **options):
    return predict(parse_tflite(content_of(spec), "m"), tmp_path / "m.tflite", **options)


def reasons(prediction):
    return {verdict.name: f"{verdict.status} {verdict.detail}" for verdict in prediction.operators}


@pytest.mark.shared
def test_there_are_pairs_to_compare():
    assert len(PAIRS) == 4


@pytest.mark.shared
@pytest.mark.parametrize("name", PAIRS)
def test_the_prediction_is_what_the_compiler_did(name, tmp_path):
    """The source is renamed and its twin out of reach; only this test reads the twin."""
    source = tmp_path / "model.tflite"
    shutil.copyfile(MODELS / name, source)
    twin = read_tflite(MODELS / name.replace(".tflite", "_edgetpu.tflite"))
    left = Counter(operator.name for operator in twin.operators if operator.name != EDGETPU_OPERATOR)

    prediction = predict(read_tflite(source), source)

    assert dict(prediction.on_cpu) == dict(left)
    assert prediction.refusals == ()
    assert prediction.mapped == len(prediction.operators) - sum(left.values())


@pytest.mark.shared
@pytest.mark.parametrize("name", PAIRS)
def test_a_perturbed_operator_changes_the_verdict(name, tmp_path):
    model = read_tflite(MODELS / name)
    before = predict(model, tmp_path)
    first = model.subgraphs[0].operators[0]

    for changed in (replace(first, code=150, name="GELU"), replace(first, name="Atan", code=32)):
        graph = replace(model.subgraphs[0], operators=(changed, *model.subgraphs[0].operators[1:]))
        after = predict(replace(model, subgraphs=(graph,)), tmp_path)
        assert after.refusals != before.refusals
        assert after.mapped < before.mapped


@pytest.mark.shared
def test_the_invalid_model_is_refused_with_a_reason(tmp_path):
    path = MODELS / "model_invoking_error.tflite"

    assert "Encountered unresolved custom op: fake-op-double" in predict(read_tflite(path), path).refusals


def test_a_detector_leaves_its_ends_on_the_cpu(tmp_path):
    prediction = predicted(detector(), tmp_path)

    assert (prediction.refusals, prediction.mapped, prediction.on_cpu) == ((), 4, PLAIN_SSD_ON_CPU)
    assert prediction.parameter_bytes == 108 + 16


def test_a_filter_that_two_convolutions_share_counts_for_each(tmp_path):
    """As the predictors that the levels of a pyramid share."""
    spec = detector()
    twice = replace(spec, operators=(*spec.operators[:2], *spec.operators[1:]))

    once, shared = (predicted(one, tmp_path).parameter_bytes for one in (spec, twice))

    assert shared - once == 108 + 16


def test_what_needs_a_result_of_the_cpu_stays_there(tmp_path):
    """The convolution is mapped no more, and neither is what follows it."""
    spec = detector().with_tensor("filter", data=b"")

    prediction = predicted(spec, tmp_path)

    assert reasons(prediction)["CONV_2D"].startswith("Filter, bias, or other param is not constant")
    assert reasons(prediction)["RESHAPE"].startswith("More than one subgraph is not supported")
    assert prediction.mapped == 1


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(("version", 6), "Didn't find op for builtin opcode 'CONV_2D' version '6'", id="version"),
        pytest.param(("name", "GELU"), "Op builtin_code out of range: 150", id="builtin"),
        pytest.param(("name", "FlexConv"), "Encountered unresolved custom op: FlexConv", id="flex"),
        pytest.param(("name", "Atan"), "Encountered unresolved custom op: Atan", id="custom"),
    ],
)
def test_an_operator_that_the_compiler_cannot_read_is_refused(tmp_path, change, refusal):
    prediction = predicted(detector().with_operator(1, **dict([change])), tmp_path)

    assert any(text.startswith(refusal) for text in prediction.refusals)
    assert [verdict.outcome for verdict in prediction.operators][1] == "refused"


@pytest.mark.parametrize(
    ("tensor", "changes", "refusal"),
    [
        pytest.param("features", {"signature": (-1, 8, 8, 4)}, "dynamic-sized tensors: features", id="dynamic"),
        pytest.param("features", {"scales": (0.0,)}, "the scale of 'features' is 0", id="scale of 0"),
        pytest.param("features", {"scales": (float("inf"),)}, "the scale of 'features' is inf", id="infinite scale"),
        pytest.param("filter", {"scales": (0.1, float("nan"))}, "the scale of 'filter' is nan", id="no number"),
        pytest.param("features", {"scales": (1e-10,)}, "the scale of 'features' is 1e-10", id="dead channels"),
        pytest.param("filter", {"shape": (4, 3, 3, 1)}, "a grouped convolution", id="grouped"),
    ],
)
def test_a_tensor_that_the_compiler_cannot_use_is_refused(tmp_path, tensor, changes, refusal):
    refusals = predicted(detector().with_tensor(tensor, **changes), tmp_path).refusals

    assert any(refusal in text for text in refusals), refusals


def test_post_processing_without_its_outputs_is_refused(tmp_path):
    spec = detector().with_operator(6, outputs=("boxes",))

    assert any("NumOutputs(node) != 4 (1 != 4)" in text for text in predicted(spec, tmp_path).refusals)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT16"])
def test_a_model_of_another_type_maps_nothing(tmp_path, kind):
    spec = detector()
    for name in ("picture", "input", "filter", "features", "encodings", "scores_int"):
        spec = spec.with_tensor(name, type=kind, scales=() if kind == "FLOAT32" else (0.5,))

    prediction = predicted(spec, tmp_path)

    assert prediction.mapped == 0
    start = "Model not quantized" if kind == "FLOAT32" else "no operator would run on the Edge TPU"
    assert prediction.refusals[0].startswith(start)


@pytest.mark.parametrize(
    ("operator", "shapes", "reason"),
    [
        pytest.param("LEAKY_RELU", ((1, 8, 8, 4), (1, 8, 8, 4)), "Operation not supported", id="unknown"),
        pytest.param("SOFTMAX", ((1, 8, 4), (1, 8, 4)), "more than one dimension", id="softmax"),
        pytest.param("SOFTMAX", ((1, 16_001), (1, 16_001)), "more than 16,000 values", id="long softmax"),
        pytest.param("RESIZE_BILINEAR", ((1, 1, 1, 4), (1, 33, 33, 4)), "it enlarges 33 times", id="resize"),
        pytest.param("TANH", ((2, 8, 8, 4), (2, 8, 8, 4)), "Tensor has unsupported rank", id="batch of two"),
    ],
)
def test_an_operator_beyond_the_limits_stays_on_the_cpu(tmp_path, operator, shapes, reason):
    spec = replace(
        detector(),
        tensors=(TensorSpec("a", shapes[0]), TensorSpec("b", shapes[1])),
        operators=(OperatorSpec(operator, ("a",), ("b",)),),
        inputs=("a",),
        outputs=("b",),
    )

    prediction = predicted(spec, tmp_path)

    assert reason in reasons(prediction)[operator]
    assert prediction.operators[0].outcome == "cpu"


def test_an_older_runtime_has_fewer_operators(tmp_path):
    assert predicted(detector(), tmp_path, runtime=13).mapped == 4
    assert reasons(predicted(detector(), tmp_path, runtime=12))["QUANTIZE"].endswith("needs runtime 13, not 12")


@pytest.mark.parametrize(
    ("operator", "axes", "runtime", "words"),
    [
        pytest.param("MEAN", (1, 2), 12, "", id="mean over x and y"),
        pytest.param("MEAN", (3,), 14, "", id="mean over four channels"),
        pytest.param("MEAN", (3,), 12, "needs runtime 13", id="mean over channels, old runtime"),
        pytest.param("MEAN", (0,), 14, "reduces the batch", id="mean over the batch"),
        pytest.param("PAD", (0, 0, 1, 1, 1, 1, 0, 2), 12, "padding of channels", id="padded channels, old runtime"),
        pytest.param("PAD", (0, 0, 1, 1, 1, 1, 0, 2), 13, "", id="padded channels"),
    ],
)
def test_what_an_older_runtime_cannot_do_stays_on_the_cpu(tmp_path, operator, axes, runtime, words):
    spec = replace(
        detector(),
        tensors=(
            TensorSpec("a", (1, 8, 8, 4)),
            TensorSpec("axes", (len(axes),), "INT32", (), data=struct.pack(f"<{len(axes)}i", *axes)),
            TensorSpec("b", (1, 8, 8, 4)),
        ),
        operators=(OperatorSpec(operator, ("a", "axes"), ("b",)),),
        inputs=("a",),
        outputs=("b",),
    )

    (verdict,) = predicted(spec, tmp_path, runtime=runtime).operators

    assert (verdict.outcome == "maps") is (words == "")
    assert words in verdict.detail


def test_an_unknown_version_of_an_operator_is_warned_of(tmp_path):
    spec = detector().with_operator(4, name="MAXIMUM", version=7)

    assert "which version of MAXIMUM v7 the compiler reads is not known" in predicted(spec, tmp_path).warnings


def test_large_parameters_are_warned_of(tmp_path):
    spec = detector().with_tensor("filter", data=bytes(8_400_000))

    assert "the parameters do not fit on the chip" in predicted(spec, tmp_path).warnings[0]


def test_activations_are_counted_where_most_are_needed_at_once(tmp_path):
    """That is when the scores become floats: they are there twice, beside the boxes as floats."""
    floats, integers = 64 * 4 * 4, 64 * 4

    assert predicted(detector(), tmp_path).peak_activation_bytes == floats + integers + floats
