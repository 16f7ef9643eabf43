"""The TFLite interpreter of this environment: the door to tflite_runtime and ai_edge_litert, else TensorFlow's own.

``tflite_runtime`` is what the Edge TPU's library is built against; ``ai_edge_litert``, that of the train profile, has
its interface, but has not been proven with the Edge TPU; TensorFlow's is the one of the legacy profile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgetrain.tflite.detector import Opened, TfliteDetector

try:
    from tflite_runtime.interpreter import Interpreter, OpResolverType, load_delegate

    LIBRARY = "tflite_runtime"
except ImportError:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

        LIBRARY = "ai_edge_litert"
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter, OpResolverType, load_delegate

        LIBRARY = "tensorflow"

__all__ = ["LIBRARY", "Array", "Interpreter", "OpResolverType", "load_delegate"]

Array = npt.NDArray[Any]


def cpu_detector(model_path: Path, *, threads: int = 2) -> TfliteDetector:
    """Return a model ready to run on the CPU.

    Raises:
        ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
    """
    return TfliteDetector(Interpreter(str(model_path), num_threads=threads), str(model_path))


def open_detector(model_path: Path, _device: str, _library: str) -> Opened:
    """Return a model ready to run on the CPU, for a trial."""
    return Opened(cpu_detector(model_path), LIBRARY, None)
