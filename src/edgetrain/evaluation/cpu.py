"""What a TFLite model finds in the pictures of TFRecords when the CPU runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetrain.core.detections import DetectedObject
from edgetrain.core.system.progress import listener
from edgetrain.evaluation.metrics import Detection, detections_of
from edgetrain.images.pixels import network_pixels
from edgetrain.records.example import DetectionExample
from edgetrain.tflite.detector import Decode
from edgetrain.tflite.interpreters import cpu_detector


def detect_all(
    name: str, model_path: Path, examples: Sequence[DetectionExample], decode: Decode | None = None
) -> list[Detection]:
    """Return what one model finds in all pictures; a picture's id is its place among them.

    Arguments and errors are those of :func:`found_by`.
    """
    return detections_of(examples, found_by(name, model_path, examples, decode))


def found_by(
    name: str, model_path: Path, examples: Sequence[DetectionExample], decode: Decode | None = None
) -> list[Sequence[DetectedObject]]:
    """Return what one model finds in each picture.

    Args:
        name: what the progress calls the model.
        model_path: a TFLite detector.
        examples: the pictures.
        decode: makes objects of the model's outputs; ``None``: they are those of SSD post-processing.

    Raises:
        ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
        DatasetError: a picture cannot be decoded.
    """
    detector = cpu_detector(model_path, decode=decode)
    found = []
    for done, example in enumerate(examples, start=1):
        found.append(detector.detect(network_pixels(example.image_bytes, detector.input_size, example.filename)))
        listener().advanced(done, len(examples), f"{name} pictures")
    return found
