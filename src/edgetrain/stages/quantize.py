"""Convert the exported graph to TFLite twice: float32 for comparison, and full int8 for the Edge TPU."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import MissingInputError, TrainingError
from edgetrain.core.files import replacing_file
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.formats.detection_example import read_examples
from edgetrain.formats.pixels import network_pixels
from edgetrain.formats.tflite_graph import read_graph, write_in_coral_order

_MEBIBYTE = 1 << 20


def run(settings: Settings, workspace: Workspace) -> Report:
    """Write both models, outputs as boxes, classes, scores, count; the int8 one takes uint8 pixels.

    Raises:
        MissingInputError: there are no training records.
        TrainingError: an operator of the int8 model still computes in floating point.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    size = _input_size(workspace)
    pixels = _representative_pixels(workspace, size, settings.quantize.representative_images)
    with replacing_file(workspace.float_model_path) as temporary:
        write_in_coral_order(_converter(workspace).convert(), temporary)
    with replacing_file(workspace.model_path) as temporary:
        write_in_coral_order(_int8_converter(workspace, pixels).convert(), temporary)
        graph = read_graph(temporary)
        if graph.float_operators():
            names = ", ".join(sorted(set(graph.float_operators())))
            raise TrainingError(
                f"{workspace.model_path}: {names} would compute in floating point, which the Edge TPU cannot. "
                "Report this with pipeline.config."
            )
    sizes = {path.name: path.stat().st_size for path in (workspace.float_model_path, workspace.model_path)}
    int8_mebibytes = workspace.model_path.stat().st_size / _MEBIBYTE
    return Report(
        f"int8 model of {int8_mebibytes:.1f} MiB, measured on {len(pixels)} training pictures",
        {
            "representative_images": len(pixels),
            "input": f"uint8 1x{size.height}x{size.width}x3",
            "operators": graph.counts(),
            "outputs": list(graph.outputs),
            "size_bytes": sizes,
        },
    )


def _input_size(workspace: Workspace) -> ImageSize:
    """Return the input size of the exported graph."""
    signature = tf.saved_model.load(str(workspace.saved_model_dir)).signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    _, height, width, _ = spec.shape
    return ImageSize(int(width), int(height))


def _representative_pixels(workspace: Workspace, size: ImageSize, count: int) -> Sequence[npt.NDArray[np.uint8]]:
    """Return training pictures evenly spread over the records, uint8 (height, width, 3)."""
    examples = list(read_examples(workspace.shard_paths(Split.TRAIN)))
    if not examples:
        raise MissingInputError(f'{workspace.shard_pattern(Split.TRAIN)}: no training picture. Run "ci/inv records".')
    chosen = np.linspace(0, len(examples) - 1, num=min(count, len(examples))).round().astype(int)
    return [network_pixels(examples[index].image_bytes, size, examples[index].filename) for index in chosen]


def _converter(workspace: Workspace) -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(workspace.saved_model_dir))
    converter.allow_custom_ops = True
    return converter


def _int8_converter(workspace: Workspace, pixels: Sequence[npt.NDArray[np.uint8]]) -> tf.lite.TFLiteConverter:
    """Return a converter with every range measured; outputs stay float32, as SSD post-processing needs."""

    def pictures() -> Iterator[list[npt.NDArray[np.float32]]]:
        for picture in pixels:
            yield [picture[np.newaxis].astype(np.float32) * np.float32(2 / 255) - np.float32(1)]

    converter = _converter(workspace)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = pictures
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    return converter
