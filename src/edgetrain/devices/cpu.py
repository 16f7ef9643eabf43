"""A TFLite detector run on the CPU: the reference for every other device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetrain.core.detections import DetectedObject
from edgetrain.core.progress import listener
from edgetrain.devices.interpreters import LIBRARY, Interpreter
from edgetrain.devices.tflite_detector import TfliteDetector
from edgetrain.devices.trial_events import Opened
from edgetrain.formats.detection_example import DetectionExample
from edgetrain.formats.pixels import network_pixels


def cpu_detector(model_path: Path, *, threads: int = 2) -> TfliteDetector:
    """Return a model ready to run on the CPU.

    Raises:
        ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
    """
    return TfliteDetector(Interpreter(str(model_path), num_threads=threads), str(model_path))


def open_detector(model_path: Path, _device: str, _library: str) -> Opened:
    """Return a model ready to run on the CPU, for a trial."""
    return Opened(cpu_detector(model_path), LIBRARY, None)


def found_by(model_path: Path, examples: Sequence[DetectionExample], name: str) -> list[Sequence[DetectedObject]]:
    """Return what a model finds in each picture, run on the CPU.

    Args:
        model_path: the model.
        examples: the pictures.
        name: what the progress calls the model.

    Raises:
        ValueError: as :func:`cpu_detector`.
        DatasetError: a picture cannot be decoded.
    """
    detector = cpu_detector(model_path)
    found = []
    for done, example in enumerate(examples, start=1):
        found.append(detector.detect(network_pixels(example.image_bytes, detector.input_size, example.filename)))
        listener().advanced(done, len(examples), f"{name} pictures")
    return found
