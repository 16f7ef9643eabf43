"""The door to the Object Detection API's ``pipeline.config``: protobuf text, paths relative to the workspace.

Accepted: one ``TrainEvalPipelineConfig`` in text format. Refused: unknown fields and values of the wrong type.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig
from object_detection.protos.preprocessor_pb2 import PreprocessingStep

from edgetrain.core.errors import SettingsError
from edgetrain.core.workspace import Workspace

# They take settings of their own, give pictures that no network here reads, or call what TensorFlow 2 has not.
_UNUSABLE_AUGMENTATIONS = {
    "autoaugment_image",
    "convert_class_logits_to_softmax",
    "normalize_image",
    "random_resize_method",
    "random_square_crop_by_scale",
    "resize_image",
    "rgb_to_gray",
    "subtract_channel_mean",
}


def parse_pipeline_config(text: str, *, where: str) -> TrainEvalPipelineConfig:
    """Return the configuration that a text describes.

    Args:
        text: protobuf text.
        where: name of the source, for messages.

    Raises:
        SettingsError: the text has an unknown field or value; names line and column.
    """
    try:
        return text_format.Parse(text, TrainEvalPipelineConfig())
    except text_format.ParseError as error:
        raise SettingsError(f"{where}:{error}. Correct the settings or the template that made it.") from error


def read_pipeline_config(workspace: Workspace) -> TrainEvalPipelineConfig:
    """Return the workspace's configuration with its relative paths resolved against the workspace.

    Raises:
        SettingsError: the file is not a valid configuration.
    """
    path = workspace.pipeline_config_path
    config = parse_pipeline_config(path.read_text(encoding="utf-8"), where=str(path))
    config.train_config.fine_tune_checkpoint = _absolute(config.train_config.fine_tune_checkpoint, workspace.root)
    for reader in (config.train_input_reader, *config.eval_input_reader):
        reader.label_map_path = _absolute(reader.label_map_path, workspace.root)
        paths = reader.tf_record_input_reader.input_path
        paths[:] = [_absolute(path, workspace.root) for path in paths]
    return config


def _absolute(path: str, root: Path) -> str:
    return str((root / path).resolve()) if path else ""


def known_augmentations() -> tuple[str, ...]:
    """Return the names of the API's data augmentations that work by their name alone, sorted."""
    return tuple(sorted({*PreprocessingStep.DESCRIPTOR.fields_by_name} - _UNUSABLE_AUGMENTATIONS))
