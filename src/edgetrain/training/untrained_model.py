"""A model as a configuration describes it, whose weights never saw a picture, as a full-int8 TFLite file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig

from edgetrain.tflite.conversion import convert_int8, input_size
from edgetrain.tflite.graph import write_in_coral_order
from edgetrain.training.object_detection_api import build_model, export_saved_model

_PICTURES = 4


def write_untrained_model(config: TrainEvalPipelineConfig, path: Path, *, max_detections: int, seed: int = 0) -> None:
    """Write the model; its ranges are measured on noise.

    Args:
        config: configuration of the network.
        path: the TFLite file to write.
        max_detections: detections that the post-processing reports.
        seed: of weights and noise.

    Raises:
        TrainingError: the graph does not end in SSD post-processing.
    """
    tf.keras.utils.set_random_seed(seed)
    noise = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        weights_dir, saved_model_dir = Path(folder, "weights"), Path(folder, "saved_model")
        saved_model_dir.mkdir()
        tf.train.Checkpoint(model=build_model(config, is_training=False)).save(str(weights_dir / "ckpt"))
        export_saved_model(config, weights_dir, saved_model_dir, max_detections=max_detections)
        size = input_size(saved_model_dir)
        shape = (size.height, size.width, 3)
        pixels = [noise.integers(0, 256, shape, dtype=np.uint8) for _ in range(_PICTURES)]
        write_in_coral_order(convert_int8(saved_model_dir, pixels), path)
