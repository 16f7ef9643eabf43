"""What a TensorFlow checkpoint holds, told from the names of its variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from edgetrain.core.errors import TrainingError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_DETECTOR = {1: ("FeatureExtractor/Mobilenet", "FeatureExtractor/MobileDet"), 2: ("model/_feature_extractor/",)}
_BACKBONE = {1: ("Mobilenet", "MobileDet"), 2: ("feature_extractor/",)}


@dataclass(frozen=True)
class CheckpointKind:
    """What a checkpoint is.

    ``type`` is ``classification`` (a backbone) or ``detection`` (a whole detector), as the Object Detection API calls
    them; ``tensorflow`` is the version whose form it has, 1 or 2.
    """

    type: str
    tensorflow: int


def checkpoint_kind(prefix: Path, name: str) -> CheckpointKind:
    """Return what a checkpoint is.

    Args:
        prefix: path of the checkpoint without ``.index``.
        name: what messages call it.

    Raises:
        TrainingError: not a checkpoint, or one of something else.
    """
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        names = sorted(reader.get_variable_to_shape_map())
        # Reading compares checksums: a file that was cut is found here, not in the middle of a training.
        for variable in names:
            reader.get_tensor(variable)
    except (IndexError, ValueError, tf.errors.OpError) as error:
        raise TrainingError(f"{name}: this is no readable TensorFlow checkpoint. Fetch it again.") from error
    version = 2 if _OBJECT_GRAPH in names else 1
    if _any_starts(names, _DETECTOR[version]):
        return CheckpointKind("detection", version)
    if _any_starts(names, _BACKBONE[version]):
        return CheckpointKind("classification", version)
    raise TrainingError(
        f"{name}: this checkpoint holds neither a detector nor a backbone of the Object Detection API "
        f'(its first variable is "{names[0] if names else ""}"). Give another one (checkpoint.url).'
    )


def _any_starts(names: Sequence[str], start: tuple[str, ...]) -> bool:
    return any(name.startswith(start) for name in names)
