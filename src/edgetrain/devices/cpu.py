"""A TFLite detector run by TensorFlow Lite's interpreter on the CPU: the reference for every other device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetrain.core.boxes import ImageSize, NormalizedBox

_OUTPUTS = 4


@dataclass(frozen=True)
class DetectedObject:
    """One detection: class index from 0, score 0 to 1, box as fractions of the picture."""

    class_index: int
    score: float
    box: NormalizedBox


class CpuDetector:
    """A TFLite model with SSD post-processing, whose outputs are boxes, classes, scores, count in this order."""

    def __init__(self, model_path: Path, *, threads: int = 2) -> None:
        """Load a model.

        Raises:
            ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
        """
        self._interpreter = tf.lite.Interpreter(str(model_path), num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        if len(self._outputs) != _OUTPUTS:
            raise ValueError(f"{model_path} has {len(self._outputs)} outputs, not boxes, classes, scores and count")
        _, height, width, _ = self._input["shape"]
        self.input_size = ImageSize(int(width), int(height))

    def detect(self, pixels: npt.NDArray[np.uint8]) -> Sequence[DetectedObject]:
        """Return what the model finds in a picture.

        Args:
            pixels: uint8, shape (height, width, 3), RGB, of ``input_size``. A float model is given the same picture
                scaled to -1 to 1.
        """
        self._interpreter.set_tensor(self._input["index"], self._to_input(pixels)[np.newaxis])
        self._interpreter.invoke()
        boxes, classes, scores, count = (self._interpreter.get_tensor(index) for index in self._outputs)
        return [
            DetectedObject(int(classes[0, i]), float(scores[0, i]), NormalizedBox(*map(float, boxes[0, i])))
            for i in range(int(count[0]))
        ]

    def _to_input(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
        """Return the picture in the type that the model takes."""
        if self._input["dtype"] == np.uint8:
            return pixels
        return pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
