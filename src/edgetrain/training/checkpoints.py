"""What a TensorFlow checkpoint holds, told from the names of its variables."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from edgetrain.core.errors import TrainingError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def checkpoint_type(prefix: Path, name: str) -> str:
    """Return ``classification`` (a backbone) or ``detection`` (a whole detector), as the API calls them.

    Args:
        prefix: path of the checkpoint without ``.index``.
        name: what messages call it.

    Raises:
        TrainingError: not a checkpoint, one of TensorFlow 1, or one of something else.
    """
    try:
        names = [variable for variable, _ in tf.train.list_variables(str(prefix))]
    except (ValueError, tf.errors.OpError) as error:
        raise TrainingError(f"{name}: this is no readable TensorFlow checkpoint. Fetch it again.") from error
    if _OBJECT_GRAPH not in names:
        raise TrainingError(
            f"{name}: this is a TensorFlow 1 checkpoint, which cannot be loaded yet. "
            "Give the URL of a TF2 checkpoint (checkpoint.url)."
        )
    if any(variable.startswith("model/_feature_extractor/") for variable in names):
        return "detection"
    if any(variable.startswith("feature_extractor/") for variable in names):
        return "classification"
    raise TrainingError(
        f"{name}: this checkpoint holds neither a detector nor a backbone of the Object Detection API "
        f'(its first variable is "{names[0]}"). Give another one (checkpoint.url).'
    )
