"""A TFLite detector, whichever interpreter and device it runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject

_OUTPUTS = 4
_PICTURE_RANK = 4  # batch, height, width, channels


class TfliteInterpreter(Protocol):
    """What TensorFlow, tflite_runtime, ai_edge_litert and pycoral agree on."""

    def allocate_tensors(self) -> None:
        """Make the model ready to run."""

    def get_input_details(self) -> Sequence[Mapping[str, Any]]:
        """Return index, shape and dtype of each input."""

    def get_output_details(self) -> Sequence[Mapping[str, Any]]:
        """Return index, shape and dtype of each output."""

    def set_tensor(self, index: int, value: npt.NDArray[Any]) -> None:
        """Copy an array into a tensor."""

    def get_tensor(self, index: int) -> npt.NDArray[Any]:
        """Return a copy of a tensor."""

    def invoke(self) -> None:
        """Run the model."""


# Turns all outputs of a model, integers already as real numbers, and the size of its input into objects, best first.
Decode = Callable[[Sequence[Any], ImageSize], "list[DetectedObject]"]


class TfliteDetector:
    """A model that finds objects; without a decoder, its outputs are boxes, classes, scores, count in this order."""

    def __init__(self, interpreter: TfliteInterpreter, label: str, decode: Decode | None = None) -> None:
        """Make the model ready to run.

        Args:
            interpreter: has the model, its tensors not allocated yet.
            label: what messages call the model.
            decode: makes objects of the outputs; ``None``: they are those of SSD post-processing.

        Raises:
            ValueError: the model does not take one picture, or has not the four outputs of SSD post-processing.
            RuntimeError: an operator cannot be prepared.
        """
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        inputs = interpreter.get_input_details()
        if len(inputs) != 1 or len(inputs[0]["shape"]) != _PICTURE_RANK:
            shapes = ", ".join("x".join(map(str, detail["shape"])) for detail in inputs)
            raise ValueError(f"{label} takes {shapes or 'nothing'}, not one picture")
        self._input = inputs[0]
        self._outputs = interpreter.get_output_details()
        self._decode = decode
        if decode is None and len(self._outputs) != _OUTPUTS:
            raise ValueError(f"{label} has {len(self._outputs)} outputs, not boxes, classes, scores and count")
        _, height, width, _ = self._input["shape"]
        self.input_size = ImageSize(int(width), int(height))

    def put(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Copy a picture into the model's input.

        Args:
            pixels: uint8, shape (height, width, 3), RGB, of ``input_size``. A float model is given the same picture
                scaled to -1 to 1.
        """
        self._interpreter.set_tensor(self._input["index"], self._to_input(pixels)[np.newaxis])

    def invoke(self) -> None:
        """Run the model on the picture that was put last."""
        self._interpreter.invoke()

    def objects(self) -> Sequence[DetectedObject]:
        """Return what the last run found, best first."""
        if self._decode is not None:
            return self._decode([self._real(detail) for detail in self._outputs], self.input_size)
        boxes, classes, scores, count = (self._interpreter.get_tensor(detail["index"]) for detail in self._outputs)
        return [
            DetectedObject(int(classes[0, i]), float(scores[0, i]), NormalizedBox(*map(float, boxes[0, i])))
            for i in range(int(count[0]))
        ]

    def detect(self, pixels: npt.NDArray[np.uint8]) -> Sequence[DetectedObject]:
        """Return what the model finds in a picture; see :meth:`put`."""
        self.put(pixels)
        self.invoke()
        return self.objects()

    def _real(self, detail: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Return an output as real numbers."""
        values = self._interpreter.get_tensor(detail["index"])
        scale, zero_point = detail.get("quantization", (0.0, 0))
        if values.dtype.kind == "f" or not scale:
            return values
        return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)

    def _to_input(
        self, pixels: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.uint8] | npt.NDArray[np.int8] | npt.NDArray[np.float32]:
        """Return the picture in the type that the model takes; int8 is 128 below uint8, as Frigate does it."""
        if self._input["dtype"] == np.uint8:
            return pixels
        if self._input["dtype"] == np.int8:
            return (pixels ^ np.uint8(128)).view(np.int8)
        return pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1)


@dataclass(frozen=True)
class Opened:
    """A detector that is ready, the library that runs it, and what libedgetpu says of itself (``None``: nothing)."""

    detector: TfliteDetector
    library: str
    runtime: str | None
