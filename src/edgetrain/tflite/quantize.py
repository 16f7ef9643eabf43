"""Convert the exported graph to TFLite twice: float32 for comparison, and full int8 for the Edge TPU."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import MissingInputError, TrainingError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import replacing_file
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.images.pixels import network_pixels
from edgetrain.records.example import read_examples
from edgetrain.tflite.calibration import Calibration
from edgetrain.tflite.conversion import convert_float, convert_int8, input_size
from edgetrain.tflite.file import TfliteModel, read_tflite
from edgetrain.tflite.graph import write_in_coral_order
from edgetrain.tflite.layer_comparison import compare_layers
from edgetrain.tflite.metadata import ModelDescription, write_metadata
from edgetrain.tflite.representative_set import NEGATIVE, choose_representatives, kinds_of

_MEBIBYTE = 1 << 20
_CHECKED_PICTURES = 8

Pixels = Sequence[npt.NDArray[np.uint8]]


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write both models, outputs as boxes, classes, scores, count; the int8 one takes uint8 pixels.

    Raises:
        MissingInputError: there are no training records.
        TrainingError: an operator of the int8 model still computes in floating point.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    size = input_size(workspace.saved_model_dir)
    classes_of = _classes_of(workspace, Split.TRAIN)
    if not classes_of:
        raise MissingInputError(f'{workspace.shard_pattern(Split.TRAIN)}: no training picture. Run "ci/inv records".')
    chosen = choose_representatives(
        classes_of, count=settings.quantize.representative_images, seed=settings.quantize.seed
    )
    measuring = _pixels(workspace, Split.TRAIN, chosen, size)
    checked_split, checking = _checking_pixels(workspace, size, seed=settings.quantize.seed)
    _write_model(workspace, workspace.float_model_path, convert_float(workspace.saved_model_dir), size)
    model = _write_model(workspace, workspace.model_path, convert_int8(workspace.saved_model_dir, measuring), size)
    (graph,) = model.subgraphs
    layers = compare_layers(workspace.float_model_path, workspace.model_path, checking)
    calibration = Calibration(len(chosen), len(classes_of), len(checking), checked_split.value, layers)
    kinds = Counter(kind for name in chosen for kind in kinds_of(classes_of[name]))
    sizes = {path.name: path.stat().st_size for path in (workspace.float_model_path, workspace.model_path)}
    return Outcome(
        f"int8 model of {sizes[workspace.model_path.name] / _MEBIBYTE:.1f} MiB, measured on {len(chosen)} of "
        f"{len(classes_of)} training pictures",
        {
            "representative_images": len(chosen),
            "representative_pictures": chosen,
            "representative_negatives": kinds.pop(NEGATIVE, 0),
            "representative_classes": dict(sorted(kinds.items())),
            "calibration": calibration.to_results(),
            "input": f"uint8 1x{size.height}x{size.width}x3",
            "operators": model.counts(),
            "outputs": [graph.tensors[place].name for place in graph.outputs],
            "size_bytes": sizes,
        },
        calibration.notes(),
    )


def _classes_of(workspace: Workspace, split: Split) -> dict[str, frozenset[str]]:
    """Return the class names in each picture of a split."""
    return {
        example.source_id: frozenset(box.class_name for box in example.boxes)
        for example in read_examples(workspace.shard_paths(split))
    }


def _pixels(workspace: Workspace, split: Split, names: Sequence[str], size: ImageSize) -> Pixels:
    """Return the named pictures of a split, uint8 (height, width, 3)."""
    wanted = frozenset(names)
    return [
        network_pixels(example.image_bytes, size, example.filename)
        for example in read_examples(workspace.shard_paths(split))
        if example.source_id in wanted
    ]


def _checking_pixels(workspace: Workspace, size: ImageSize, *, seed: int) -> tuple[Split, Pixels]:
    """Return a few pictures to compare the layers on: of validation, or of training if there are no others."""
    classes_of = _classes_of(workspace, Split.VALIDATION)
    split = Split.VALIDATION if classes_of else Split.TRAIN
    chosen = choose_representatives(classes_of or _classes_of(workspace, split), count=_CHECKED_PICTURES, seed=seed)
    return split, _pixels(workspace, split, chosen, size)


def _write_model(workspace: Workspace, path: Path, content: bytes, size: ImageSize) -> TfliteModel:
    """Write a converted model with its metadata, and return what the file says.

    Raises:
        TrainingError: it is the int8 model, and an operator computes in floating point.
    """
    is_quantized = path == workspace.model_path
    label_map = read_label_map(workspace.label_map_path)
    with replacing_file(path) as temporary:
        write_in_coral_order(content, temporary)
        write_metadata(temporary, ModelDescription(path.stem, label_map, size, is_quantized))
        model = read_tflite(temporary)
        computing = model.subgraphs[0].float_operators()
        if is_quantized and computing:
            raise TrainingError(
                f"{path}: {', '.join(sorted(set(computing)))} would compute in floating point, which the Edge TPU "
                "cannot. Report this with pipeline.config."
            )
    return model
