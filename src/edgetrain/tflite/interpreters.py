"""The TFLite interpreter of this environment: the door to tflite_runtime and ai_edge_litert, else TensorFlow's own.

``tflite_runtime`` is what the Edge TPU's library is built against; ``ai_edge_litert``, that of the train profile, has
its interface, but has not been proven with the Edge TPU; TensorFlow's is the one of the legacy profile.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgetrain.tflite.detector import Decode, Opened, TfliteDetector

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


def cpu_detector(model_path: Path, *, threads: int = 2, decode: Decode | None = None) -> TfliteDetector:
    """Return a model ready to run on the CPU.

    Raises:
        ValueError: the file is no TFLite model or has not the four outputs of SSD post-processing.
    """
    return TfliteDetector(Interpreter(str(model_path), num_threads=threads), str(model_path), decode)


def open_detector(model_path: Path, _device: str, _library: str, decode: Decode | None = None) -> Opened:
    """Return a model ready to run on the CPU, for a trial."""
    return Opened(cpu_detector(model_path, decode=decode), LIBRARY, None)


def reference_interpreter(content: bytes, *, keeps_all: bool = False) -> Any:
    """Return an interpreter with TFLite's reference kernels, its tensors not allocated yet.

    Args:
        content: a TFLite file.
        keeps_all: intermediate tensors can be read after a run.

    Raises:
        ValueError: the content is no TFLite model, or the library is too old to choose its kernels.
    """
    # Not imported by name: the library of Google's pycoral is too old to have it.
    kernels = getattr(sys.modules[Interpreter.__module__], "OpResolverType", None)
    if kernels is None:
        raise ValueError(f"{LIBRARY} cannot choose reference kernels")
    return Interpreter(
        model_content=content,
        experimental_op_resolver_type=kernels.BUILTIN_REF,
        experimental_preserve_all_tensors=keeps_all,
        num_threads=1,
    )
