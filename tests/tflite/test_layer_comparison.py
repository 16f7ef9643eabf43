"""Layers of an int8 model against those of float32, on networks of two operators."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrain.core.system.progress import Listener, listening

pytestmark = pytest.mark.tensorflow

PICTURES = [np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 255)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a function that writes one network as float32 and as int8, measured on values from -limit to limit."""
    import tensorflow as tf

    class Network(tf.Module):
        """Weighs the pixels, adds them to themselves, and changes the shape."""

        @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 3))])
        def __call__(self, image):
            weighed = tf.nn.relu(tf.nn.conv2d(image, np.full((1, 1, 3, 2), 0.7, np.float32), 1, "VALID"))
            return tf.reshape(weighed + weighed, (1, 32)) * 3.0

    def convert(path, values=None):
        network = Network()
        graph = network.__call__.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], network)
        if values is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([np.full((1, 4, 4, 3), v, np.float32)] for v in values)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
        path.write_bytes(converter.convert())
        return path

    def make(limit):
        folder = tmp_path_factory.mktemp("models")
        return convert(folder / "float.tflite"), convert(folder / "int8.tflite", (-1, limit))

    return make


def test_an_int8_model_of_good_ranges_is_near_in_every_layer(models):
    """Operators that only change the shape are left out."""
    from edgetrain.tflite.layer_comparison import compare_layers

    layers = compare_layers(*models(1), PICTURES)

    assert [layer.operator for layer in layers] == ["CONV_2D", "ADD", "MUL"]
    assert all(layer.relative_error < 0.02 and layer.outside == 0 for layer in layers)


def test_values_outside_a_narrow_range_are_counted(models):
    """One picture of three, and of it every value, is brighter than all that were measured.

    The sum has the range of its threefold, with which the converter joins it, and stays inside.
    """
    from edgetrain.tflite.layer_comparison import compare_layers

    layers = compare_layers(*models(0.5), PICTURES)

    assert [layer.outside for layer in layers] == [pytest.approx(share, abs=0.001) for share in (1 / 3, 0, 1 / 3)]
    assert all(0.4 < layer.relative_error < 0.6 for layer in layers)


def test_two_float_models_have_no_layer_to_compare(models):
    from edgetrain.tflite.layer_comparison import compare_layers

    float_path, _ = models(1)

    assert compare_layers(float_path, float_path, [picture.astype(np.float32) for picture in PICTURES]) == ()


def test_each_picture_is_reported_as_progress(models):
    from edgetrain.tflite.layer_comparison import compare_layers

    seen = []
    hearer = Listener()
    hearer.advanced = lambda done, total, text: seen.append((done, total))
    with listening(hearer):
        compare_layers(*models(1), PICTURES)

    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_a_residual_add_reads_is_what_its_layers_wrote(tmp_path):
    """An interpreter may write a sum over one of its summands; both must be read as they were added."""
    from edgetrain.tflite.layer_comparison import _LayerReader

    reader = _LayerReader(write_residual_network(tmp_path / "residual.tflite"), 2)
    reader.run(np.random.default_rng(1).uniform(-1, 1, (16, 16, 3)).astype(np.float32))
    names = {layer.index: name for name, layer in reader.layers.items()}
    sums = [operator for operator in reader._interpreter._get_ops_details() if operator["op_name"] == "ADD"]

    assert len(sums) == 2
    for operator in sums:
        first, second, total = (reader.values(names[index]) for index in (*operator["inputs"], *operator["outputs"]))
        np.testing.assert_array_equal(total, first + second)
        assert np.abs(first - total).max() > 0.1  # else the summand could be the sum


def write_residual_network(path):
    """Write a float32 network of two residual blocks, as MobileNet v2 has them, with random weights."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    stem, *points = (random.normal(0, 0.4, shape).astype(np.float32) for shape in [(3, 3, 3, 8), *[(1, 1, 8, 8)] * 5])

    class Network(tf.Module):
        """Adds to a value what two convolutions make of it, twice."""

        @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 3))])
        def __call__(self, image):
            value = tf.nn.conv2d(image, stem, 1, "SAME")
            for widen, project in (points[:2], points[2:4]):
                value += tf.nn.conv2d(tf.nn.relu6(tf.nn.conv2d(value, widen, 1, "VALID")), project, 1, "VALID")
            return tf.nn.conv2d(value, points[4], 1, "VALID")

    network = Network()
    graph = network.__call__.get_concrete_function()
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([graph], network).convert())
    return path
