"""Render the Object Detection API's ``pipeline.config`` from the settings, and parse it back."""

from __future__ import annotations

from collections.abc import Mapping

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import write_text
from edgetrain.core.wording import counted, suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.core.workspace.reports import read_report
from edgetrain.networks.pipeline_config import known_augmentations, parse_pipeline_config
from edgetrain.template import render_template


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the configuration of the network type for this dataset.

    Raises:
        SettingsError: an augmentation is unknown, or the rendered text is no valid configuration.
        MissingInputError: the checkpoint does not say what it is.
    """
    training, network = settings.training, settings.network
    _check_augmentations(training.augmentations)
    classes = len(read_label_map(workspace.label_map_path))
    checkpoint = _checkpoint(workspace)
    values = {
        "num_classes": classes,
        "image_size": network.image_size,
        "depth_multiplier": network.depth_multiplier,
        "max_boxes": network.max_boxes,
        "batch_size": training.batch_size,
        "steps": training.steps,
        "train_whole_model": training.train_whole_model,
        "frozen_blocks": training.frozen_blocks,
        "freeze_batch_norm": training.freeze_batch_norm,
        "checkpoint_type": checkpoint["type"],
        "checkpoint_version": checkpoint.get("tensorflow", 2),
        "augmentations": training.augmentations,
        "learning_rate": training.learning_rate,
        "warmup_steps": round(training.steps * training.warmup),
        "gradient_clip_norm": training.gradient_clip_norm,
    }
    text = render_template(f"pipeline/{network.type.value}.config", values)
    parse_pipeline_config(text, where=str(workspace.pipeline_config_path))
    write_text(workspace.pipeline_config_path, text)
    part = "whole model" if training.train_whole_model else "backbone frozen"
    summary = f"{network.type.value} {network.image_size}x{network.image_size}, {counted(classes, 'class')}, {part}"
    return Outcome(f"{summary}, {training.steps} steps of {training.batch_size} pictures", dict(values))


def _checkpoint(workspace: Workspace) -> Mapping[str, object]:
    """Return what the checkpoint is, as the stage that fetched it wrote it down."""
    path = workspace.checkpoint_dir / "checkpoint.json"
    source = read_report(path)
    if source is None or "type" not in source:
        raise MissingInputError(f'{path}: nothing says what the checkpoint is. Run "ci/inv checkpoint" first.')
    return source


def _check_augmentations(names: tuple[str, ...]) -> None:
    known = known_augmentations()
    for name in names:
        if name not in known:
            raise SettingsError(
                f"training.augmentations: {name!r} is no augmentation of the Object Detection API that works by "
                f"its name alone.{suggestion(name, known)} These do: {', '.join(known)}."
            )
