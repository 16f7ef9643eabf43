"""Convert the exported graph to TFLite twice: float32 for comparison, and full int8 for the Edge TPU."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
from edgetrain.training.tflite_conversion import convert_float, convert_int8, input_size

_MEBIBYTE = 1 << 20


def run(settings: Settings, workspace: Workspace) -> Report:
    """Write both models, outputs as boxes, classes, scores, count; the int8 one takes uint8 pixels.

    Raises:
        MissingInputError: there are no training records.
        TrainingError: an operator of the int8 model still computes in floating point.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    size = input_size(workspace.saved_model_dir)
    pixels = _representative_pixels(workspace, size, settings.quantize.representative_images)
    with replacing_file(workspace.float_model_path) as temporary:
        write_in_coral_order(convert_float(workspace.saved_model_dir), temporary)
    with replacing_file(workspace.model_path) as temporary:
        write_in_coral_order(convert_int8(workspace.saved_model_dir, pixels), temporary)
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


def _representative_pixels(workspace: Workspace, size: ImageSize, count: int) -> Sequence[npt.NDArray[np.uint8]]:
    """Return training pictures evenly spread over the records, uint8 (height, width, 3)."""
    examples = list(read_examples(workspace.shard_paths(Split.TRAIN)))
    if not examples:
        raise MissingInputError(f'{workspace.shard_pattern(Split.TRAIN)}: no training picture. Run "ci/inv records".')
    chosen = np.linspace(0, len(examples) - 1, num=min(count, len(examples))).round().astype(int)
    return [network_pixels(examples[index].image_bytes, size, examples[index].filename) for index in chosen]
