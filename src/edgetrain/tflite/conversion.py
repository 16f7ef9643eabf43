"""SavedModels converted to TFLite: float32, and full int8 with ranges that are measured on pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetrain.core.boxes import ImageSize
from edgetrain.core.system.progress import listener


def input_size(saved_model_dir: Path) -> ImageSize:
    """Return the input size of an exported graph."""
    signature = tf.saved_model.load(str(saved_model_dir)).signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    _, height, width, _ = spec.shape
    return ImageSize(int(width), int(height))


def convert_float(saved_model_dir: Path) -> bytes:
    """Return the float32 TFLite model of an exported graph."""
    content: bytes = _converter(saved_model_dir).convert()
    return content


def convert_int8(saved_model_dir: Path, pixels: Sequence[npt.NDArray[np.uint8]]) -> bytes:
    """Return the full-int8 TFLite model of an exported graph: uint8 in, float32 out, as SSD post-processing needs.

    Args:
        saved_model_dir: the exported graph.
        pixels: pictures that measure the range of every activation, uint8, shape (height, width, 3).
    """

    def pictures() -> Iterator[list[npt.NDArray[np.float32]]]:
        for number, picture in enumerate(pixels, start=1):
            values = picture[np.newaxis].astype(np.float32) * np.float32(2 / 255) - np.float32(1)
            # Devices hand over the pixels as they are: 0 must mean -1 and 255 must mean 1, whatever the pictures hold.
            values[0, 0, 0, :2] = -1, 1
            yield [values]
            listener().advanced(number, len(pixels), "pictures measured")

    converter = _converter(saved_model_dir)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = pictures
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    content: bytes = converter.convert()
    return content


def _converter(saved_model_dir: Path) -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model_dir))
    converter.allow_custom_ops = True
    return converter
