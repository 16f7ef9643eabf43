"""Models that TensorFlow converts, of the kinds that people bring: each with the right refusal."""

from __future__ import annotations

import pytest

from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.tflite.file import parse_tflite

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected:UserWarning"),
]
SHAPE = (1, 16, 16, 8)


def converted(function, *, kind="int8", shape=SHAPE):
    """Return the prediction for a function of one picture, converted to a kind of TFLite model."""
    import numpy as np
    import tensorflow as tf

    graph = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    if kind == "flex":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    elif kind != "float32":
        sets = tf.lite.OpsSet
        wide = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        noise = np.random.default_rng(0)
        converter.representative_dataset = lambda: ([noise.random(SHAPE, np.float32)] for _ in range(4))
        converter.target_spec.supported_ops = [wide if kind == "int16" else sets.TFLITE_BUILTINS_INT8]
    return predict(parse_tflite(converter.convert(), "m"), "m")


def filter_of(*shape):
    import numpy as np

    return np.random.default_rng(1).random(shape).astype(np.float32)


def convolution(pixels):
    import tensorflow as tf

    return tf.nn.conv2d(pixels, filter_of(3, 3, 8, 8), 1, "SAME")


def grouped(pixels):
    import tensorflow as tf

    return tf.nn.conv2d(pixels, filter_of(3, 3, 4, 8), 1, "SAME")


def gelu(pixels):
    import tensorflow as tf

    return tf.nn.gelu(convolution(pixels))


def flex(pixels):
    import tensorflow as tf

    return tf.raw_ops.Atan(x=convolution(pixels))


def test_a_full_int8_convolution_maps():
    prediction = converted(convolution)

    assert prediction.refusals == ()
    assert [verdict.name for verdict in prediction.operators if verdict.outcome == "maps"].count("CONV_2D") == 1


@pytest.mark.parametrize(
    ("function", "options", "refusal"),
    [
        pytest.param(convolution, {"kind": "float32"}, "Model not quantized", id="float"),
        pytest.param(convolution, {"kind": "int16"}, "no operator would run on the Edge TPU", id="int16"),
        pytest.param(convolution, {"shape": (None, 16, 16, 8)}, "dynamic-sized tensors", id="dynamic batch"),
        pytest.param(grouped, {}, "'CONV_2D' version '6': its cause is a grouped convolution", id="grouped"),
        pytest.param(gelu, {}, "Op builtin_code out of range: 150", id="GELU"),
        pytest.param(flex, {"kind": "flex"}, "Encountered unresolved custom op: FlexAtan", id="Flex"),
    ],
)
def test_each_kind_has_its_refusal(function, options, refusal):
    refusals = converted(function, **options).refusals

    assert any(refusal in text for text in refusals), refusals
