"""A TFLite detector run on the CPU: the reference for every other device."""

from __future__ import annotations

from pathlib import Path

from edgetrain.devices.interpreters import LIBRARY, Interpreter
from edgetrain.devices.tflite_detector import TfliteDetector
from edgetrain.devices.trial_events import Opened


def cpu_detector(model_path: Path, *, threads: int = 2) -> TfliteDetector:
    """Return a model ready to run on the CPU.

    Raises:
        ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
    """
    return TfliteDetector(Interpreter(str(model_path), num_threads=threads), str(model_path))


def open_detector(model_path: Path, _device: str, _library: str) -> Opened:
    """Return a model ready to run on the CPU, for a trial."""
    return Opened(cpu_detector(model_path), LIBRARY, None)
