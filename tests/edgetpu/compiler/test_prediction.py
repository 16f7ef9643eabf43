"""What preflight predicts, and what Google's compiler really did."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU
from edgetrain.tflite.file import parse_tflite, read_tflite
from tests.support.places import SHARED_DIR
from tests.support.tflite_models import OperatorSpec, TensorSpec, chain, content_of, detector

MODELS = SHARED_DIR / "edgetpu_models"
CASES = SHARED_DIR / "cases" / "edgetpu_models"
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3


def predicted(spec, tmp_path, **options):
    return predict(parse_tflite(content_of(spec), "m"), tmp_path / "m.tflite", **options)


def reasons(prediction):
    return {verdict.name: f"{verdict.status} {verdict.detail}" for verdict in prediction.operators}


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
    spec = detector().with_operator(4, name="PRELU", inputs=("encodings", "bias"), version=1)

    assert predicted(spec, tmp_path, runtime=13).mapped == 4
    assert reasons(predicted(spec, tmp_path, runtime=12))["PRELU"].endswith("needs runtime 13, not 12")


def test_a_detector_maps_whole_for_runtime_12_too(tmp_path):
    """QUANTIZE is documented for 13; Google's movenet for runtime 12 has it on the device."""
    assert predicted(detector(), tmp_path, runtime=12).on_cpu == PLAIN_SSD_ON_CPU


def _with_activation(activation, scale):
    options = ("Conv2DOptions", {"FusedActivationFunction": activation})
    return detector().with_operator(1, builtin=options).with_tensor("features", scales=(scale,))


@pytest.mark.parametrize(
    ("activation", "scale", "is_refused"),
    [
        pytest.param(0, 1e-35, False, id="no activation"),
        pytest.param(RELU, 1e-35, False, id="RELU"),
        pytest.param(RELU6, 1e-10, True, id="RELU6"),
        pytest.param(RELU6, 3e-9, False, id="RELU6 that just fits"),
        pytest.param(RELU_N1_TO_1, 1e-10, True, id="RELU_N1_TO_1"),
    ],
)
def test_a_tiny_scale_is_refused_only_where_a_kernel_checks_it(tmp_path, activation, scale, is_refused):
    """TFLite holds the bound of a fused activation, in steps of the scale, against 32 bits."""
    refusals = predicted(_with_activation(activation, scale), tmp_path).refusals

    assert any("too small for the activation that is fused into CONV_2D" in text for text in refusals) is is_refused
    assert bool(refusals) is is_refused


def test_tiny_and_zero_scales_of_weights_are_no_refusal(tmp_path):
    """A public MobileNetV2 has a channel of 1.3e-21, and was compiled whole."""
    assert predicted(detector().with_tensor("filter", scales=(0.1, 1.3e-21, 0.0)), tmp_path).refusals == ()


@pytest.mark.parametrize(
    ("operator", "axes", "runtime", "words"),
    [
        pytest.param("MEAN", (1, 2), 12, "", id="mean over x and y"),
        pytest.param("MEAN", (3,), 14, "", id="mean over four channels"),
        pytest.param("MEAN", (3,), 12, "needs runtime 13", id="mean over channels, old runtime"),
        pytest.param("MEAN", (0,), 14, "reduces the batch", id="mean over the batch"),
        pytest.param("MEAN", (-3, -2), 12, "", id="mean over x and y, counted from the last axis"),
        pytest.param("MEAN", (-1,), 12, "needs runtime 13", id="mean over channels, counted from the last axis"),
        pytest.param("SUM", (-4,), 14, "reduces the batch", id="sum over the batch, counted from the last axis"),
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


def test_a_mean_over_channels_that_are_no_multiple_of_4_stays_on_the_cpu(tmp_path):
    axis = TensorSpec("axis", (1,), "INT32", (), data=struct.pack("<i", -1))
    spec = chain("MEAN", shapes=((1, 8, 8, 6), (1, 8, 8, 1)))
    spec = replace(spec, tensors=(*spec.tensors, axis)).with_operator(0, inputs=("t0", "axis"))

    (verdict,) = predicted(spec, tmp_path).operators

    assert verdict.detail == "it is over channels whose number is no multiple of 4"


@pytest.mark.parametrize(
    ("data", "zero", "count", "is_mapped"),
    [
        pytest.param(bytes(256), 0, 1, True, id="zeros"),
        pytest.param(b"\x80" * 256, -128, 1, True, id="zeros by their zero point"),
        pytest.param(b"\x80" * 2048, -128, 1, True, id="many zeros"),
        pytest.param(bytes(256), -128, 1, False, id="no zeros by their zero point"),
        pytest.param(bytes(255) + b"\x01", 0, 1, False, id="one value is not zero"),
        pytest.param(bytes(256), 0, 2, False, id="beside two others"),
    ],
)
def test_a_constant_is_joined_only_if_it_means_zero_beside_one_other(tmp_path, data, zero, count, is_mapped):
    """The documented case is a padding: real zeros, whatever integer stands for them."""
    rows = len(data) // 32
    spec = chain("CONCATENATION", shapes=((1, rows, 8, 4), (1, rows, 8, 4 * (count + 1))))
    constant = TensorSpec("zeros", (1, rows, 8, 4), data=data, zero=zero)
    spec = replace(spec, tensors=(*spec.tensors, constant)).with_operator(0, inputs=(*["t0"] * count, "zeros"))

    assert predicted(spec, tmp_path).mapped == is_mapped


def test_a_large_concatenation_is_not_doubtful(tmp_path):
    """What YOLOv5n joins on the CPU needs results of the CPU: it says nothing of sizes."""
    assert predicted(chain("CONCATENATION", shapes=((1, 25000, 80),)), tmp_path).warnings == ()


def test_of_an_operator_that_is_refused_no_version_is_warned_of(tmp_path):
    prediction = predicted(detector().with_operator(4, name="GELU", version=2), tmp_path)

    assert [text for text in prediction.warnings if "GELU" in text] == []
    assert any("GELU came after the compiler" in text for text in prediction.refusals)


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


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        pytest.param("SOFTMAX", ((1, 4, 1344, 16), (1, 4, 1344, 16)), id="YOLOv8n at 256"),
        pytest.param("RESHAPE", ((1, 400, 3, 85), (1, 1200, 85)), id="small rows"),
        pytest.param("RESHAPE", ((1, 40, 40, 255), (1, 1600, 3, 85)), id="channels divided"),
        pytest.param("RESHAPE", ((1, 40, 40, 810), (1, 14400, 90)), id="EfficientDet"),
        pytest.param("RESIZE_BILINEAR", ((1, 33, 33, 19), (1, 33, 33, 19)), id="a resize that changes nothing"),
    ],
)
def test_what_the_compiler_mapped_is_mapped(tmp_path, operator, shapes):
    assert predicted(chain(operator, shapes=shapes), tmp_path).mapped == 1


@pytest.mark.parametrize(
    ("operator", "shapes", "is_unverified"),
    [
        pytest.param("RESHAPE", ((1, 1600, 3, 85), (1, 4800, 85)), False, id="rows"),
        pytest.param("RESHAPE", ((1, 1200, 3, 85), (1, 3600, 85)), True, id="rows between what is known"),
        pytest.param("RESHAPE", ((1, 80, 80, 255), (1, 6400, 3, 85)), False, id="channels divided"),
        pytest.param("TRANSPOSE", ((1, 40, 40, 64), (1, 64, 40, 40)), False, id="channels first"),
        pytest.param("RESIZE_BILINEAR", ((1, 33, 33, 19), (1, 513, 513, 19)), True, id="enlarged 16 times"),
    ],
)
def test_what_the_compiler_left_to_the_cpu_stays_there(tmp_path, operator, shapes, is_unverified):
    (verdict,) = predicted(chain(operator, shapes=shapes), tmp_path).operators

    assert verdict.status.startswith("Operation is otherwise supported")
    assert verdict.is_unverified is is_unverified


def test_a_size_between_what_is_known_is_a_warning_with_both_sides(tmp_path):
    spec = chain("RESHAPE", shapes=((1, 600, 3, 85), (1, 1800, 85)))

    (warning,) = predicted(spec, tmp_path).warnings

    assert "153,000 values is doubtful: 102,000 were mapped, 408,000 were not" in warning


def test_large_activations_are_a_warning_with_what_compiled_and_what_did_not(tmp_path):
    spec = chain("LOGISTIC", shapes=((1, 1024, 1024, 4),))

    (warning,) = predicted(spec, tmp_path).warnings

    assert warning.startswith("8.0 MiB of activations at once are doubtful: the compiler took PoseNet at 1281x721")
    assert "gave up on YOLOv5s" in warning


@pytest.mark.parametrize(
    ("times", "is_mapped"),
    [
        pytest.param((1, 33, 33, 1), True, id="single values"),
        pytest.param((1, 1, 1, 2), False, id="channels"),
        pytest.param((2, 1, 1, 1), False, id="batch"),
    ],
)
def test_a_tile_is_mapped_where_it_repeats_single_values(tmp_path, times, is_mapped):
    shape = tuple(size * count for size, count in zip((1, 1, 1, 128), times))
    counts = TensorSpec("times", (4,), "INT32", (), data=struct.pack("<4i", *times))
    spec = chain("TILE", shapes=((1, 1, 1, 128), shape))
    spec = replace(spec, tensors=(*spec.tensors, counts)).with_operator(0, inputs=("t0", "times"))

    assert predicted(spec, tmp_path).mapped == is_mapped


def test_a_split_into_one_part_is_a_copy(tmp_path):
    axis = TensorSpec("axis", (), "INT32", (), data=struct.pack("<i", 0))
    spec = chain("SPLIT")
    spec = replace(spec, tensors=(*spec.tensors, axis)).with_operator(0, inputs=("axis", "t0"))

    assert predicted(spec, tmp_path).mapped == 1


@pytest.mark.parametrize("name", ["MEAN", "PAD", "TILE", "STRIDED_SLICE", "CONV_2D", "TRANSPOSE_CONV"])
def test_an_operator_without_its_inputs_is_judged_all_the_same(tmp_path, name):
    """Such a file is damaged; nothing ends in a traceback."""
    for runtime in (12, 14):
        assert len(predicted(chain(name), tmp_path, runtime=runtime).operators) == 1


def test_a_custom_operator_beside_which_google_compiled_is_no_refusal(tmp_path):
    prediction = predicted(detector().with_operator(6, name="PosenetDecoderOp"), tmp_path)

    assert (prediction.refusals, prediction.level) == ((), "all")
    assert "needs a library" in prediction.warnings[0]


@pytest.mark.parametrize(
    ("spec", "level"),
    [
        pytest.param(detector(), "all", id="detector"),
        pytest.param(
            chain("QUANTIZE", "TANH", "DEQUANTIZE", types=("FLOAT32", "INT8", "INT8", "FLOAT32")), "all", id="ends"
        ),
        pytest.param(detector().with_operator(4, name="HARD_SWISH", version=1), "mostly", id="after the convolution"),
        pytest.param(chain("TANH", "HARD_SWISH", "TANH", "TANH"), "hardly", id="most operators"),
        pytest.param(chain("TANH", "TANH", "HARD_SWISH"), "mostly", id="fewest operators"),
    ],
)
def test_the_level_says_how_much_runs_on_the_edge_tpu(tmp_path, spec, level):
    assert predicted(spec, tmp_path).level == level


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "level"),
    [
        pytest.param(CASES / "traffic_model.tflite", "all", id="traffic"),
        pytest.param(CASES / "movenet_single_pose_lightning_ptq.tflite", "mostly", id="movenet"),
        pytest.param(CASES / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite", "mostly", id="cityscapes"),
        pytest.param(MODELS / "mobilenet_v1_0.25_128_quant.tflite", "all", id="mobilenet"),
    ],
)
def test_the_level_of_public_models(path, level):
    prediction = predict(read_tflite(path), path)

    assert (prediction.refusals, prediction.level) == ((), level)


@pytest.mark.shared
def test_nearly_all_of_movenet_s_work_is_on_the_device():
    path = CASES / "movenet_single_pose_lightning_ptq.tflite"

    prediction = predict(read_tflite(path), path)

    assert prediction.share == 1
    assert [crossing.direction for crossing in prediction.crossings] == ["to the Edge TPU", *["to the CPU"] * 5]
