"""Make the small models of tests/data/newer: what newer converters write, each with one fault, random weights.

Six can be repaired by ``ci/inv adapt``; ``gelu`` cannot.

    python -m venv /somewhere/newest && /somewhere/newest/bin/pip install tensorflow-cpu==2.21.0
    /somewhere/newest/bin/python benchmarks/newer_models.py tests/data/newer

An environment of its own, with the newest TensorFlow: no lock of this project holds a converter that new. Each file is
int8, quantized with noise; what it is good for is its graph.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

SIDE = 32
RANDOM = np.random.default_rng(7)
POST_PROCESS = (
    'name: "TFLite_Detection_PostProcess" '
    'attr { key: "max_detections" value { i: 10 } } attr { key: "max_classes_per_detection" value { i: 1 } } '
    'attr { key: "use_regular_nms" value { b: false } } attr { key: "nms_score_threshold" value { f: 1e-8 } } '
    'attr { key: "nms_iou_threshold" value { f: 0.6 } } attr { key: "num_classes" value { i: 2 } } '
    'attr { key: "y_scale" value { f: 10.0 } } attr { key: "x_scale" value { f: 10.0 } } '
    'attr { key: "h_scale" value { f: 5.0 } } attr { key: "w_scale" value { f: 5.0 } }'
)


def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return random weights."""
    return (RANDOM.standard_normal(shape) * 0.3).astype(np.float32)


def stem(picture: tf.Tensor, channels: int) -> tf.Tensor:
    """Return features of a picture."""
    return tf.nn.relu6(tf.nn.conv2d(picture, weights(3, 3, 3, channels), 2, "SAME") + weights(channels))


def grouped_depthwise(picture: tf.Tensor) -> tf.Tensor:
    """Return a convolution of sixteen groups of one channel: a depthwise one in all but name."""
    features = stem(picture, 16)
    grouped = tf.nn.conv2d(features, weights(3, 3, 1, 16), 1, "SAME") + weights(16)
    return tf.nn.relu6(grouped)


def grouped_fours(picture: tf.Tensor) -> tf.Tensor:
    """Return a convolution of four groups of four channels."""
    features = stem(picture, 16)
    return tf.nn.relu6(tf.nn.conv2d(features, weights(3, 3, 4, 24), 1, "SAME") + weights(24))


def plain(picture: tf.Tensor) -> tf.Tensor:
    """Return features and a classifier's scores."""
    features = tf.nn.conv2d(stem(picture, 16), weights(1, 1, 16, 8), 1, "SAME")
    return tf.nn.softmax(tf.reduce_mean(features, [1, 2]) @ weights(8, 5))


def flattened(picture: tf.Tensor) -> tf.Tensor:
    """Return rows of boxes, whose number of pictures is not known: a reshape of a shape that is computed."""
    features = tf.nn.conv2d(stem(picture, 16), weights(3, 3, 16, 12), 2, "SAME")
    return tf.reshape(features, tf.stack([tf.shape(features)[0], (SIDE // 4) ** 2 * 2, 6]))


@tf.function(experimental_implements=POST_PROCESS)
def post_process(boxes: tf.Tensor, scores: tf.Tensor, _anchors: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return what the converter replaces by the custom operator."""
    return boxes[:, :10], scores[:, :10, 0], scores[:, :10, 0], scores[:, 0, 0]


def detector(picture: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return the outputs of an SSD, named so that they come in the order of TensorFlow 2."""
    features = stem(picture, 16)
    cells = (SIDE // 2) ** 2
    boxes = tf.reshape(tf.nn.conv2d(features, weights(1, 1, 16, 4), 1, "SAME"), (1, cells, 4))
    scores = tf.nn.sigmoid(tf.reshape(tf.nn.conv2d(features, weights(1, 1, 16, 3), 1, "SAME"), (1, cells, 3)))
    places = (np.arange(cells).reshape(-1, 1) // (1, SIDE // 2) % (SIDE // 2) + 0.5) / (SIDE // 2)
    anchors = np.concatenate([places, np.full((cells, 2), 0.2)], axis=1).astype(np.float32)
    found, classes, confidence, count = post_process(boxes, scores, tf.constant(anchors))
    # Sorted by name, these are count, scores, classes, boxes: never the order that Coral's programs read.
    return {"output_0": count, "output_1": confidence, "output_2": classes, "output_3": found}


def with_gelu(picture: tf.Tensor) -> tf.Tensor:
    """Return features through an activation that the compiler does not know."""
    return tf.nn.gelu(tf.nn.conv2d(picture, weights(3, 3, 3, 8), 2, "SAME"))


def convert(network: Callable[[tf.Tensor], Any], *, batch: int | None = 1, is_float_ended: bool = False) -> bytes:
    """Return a network as a full-int8 TFLite file."""
    module = tf.Module()
    module.run = tf.function(network, input_signature=[tf.TensorSpec((batch, SIDE, SIDE, 3), tf.float32, "picture")])
    with tempfile.TemporaryDirectory() as folder:
        # The implemented function is only kept on this way.
        tf.saved_model.save(module, folder, signatures=module.run.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        return converted(converter, is_float_ended=is_float_ended)


def converted(converter: Any, *, is_float_ended: bool) -> bytes:
    """Return what a converter makes with full int8 arithmetic."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.allow_custom_ops = True
    converter.representative_dataset = noise
    if not is_float_ended:
        converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def with_version(content: bytes, operator: str, version: int) -> bytes:
    """Return a file whose operators of a name say another version.

    So it stands when somebody repaired a grouped convolution by hand: the version is that of the one that needed it.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    wanted = getattr(schema.BuiltinOperator, operator)
    for code in model.operatorCodes:
        if max(code.builtinCode, code.deprecatedBuiltinCode) == wanted:
            code.version = version
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def noise() -> Iterator[list[np.ndarray[Any, np.dtype[np.float32]]]]:
    """Yield pictures that measure the ranges."""
    for _ in range(8):
        yield [RANDOM.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)]


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "grouped_depthwise": convert(grouped_depthwise),
        "grouped_fours": convert(grouped_fours),
        "version_only": with_version(convert(plain), "CONV_2D", 6),
        "dynamic_batch": convert(flattened, batch=None),
        "float_ends": convert(plain, is_float_ended=True),
        "tensorflow_2_order": convert(detector),
        "gelu": convert(with_gelu),
    }
    for name, content in files.items():
        Path(folder, f"{name}.tflite").write_bytes(content)
        print(f"{name}.tflite: {len(content)} bytes, TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
