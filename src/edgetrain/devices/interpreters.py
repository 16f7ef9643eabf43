"""The TFLite interpreter of this environment: the door to tflite_runtime and ai_edge_litert, else TensorFlow's own.

``tflite_runtime`` is what the Edge TPU's library is built against; ``ai_edge_litert`` has its interface, but has not
been proven with the Edge TPU; TensorFlow's is the one of the train profile.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

try:
    from tflite_runtime.interpreter import Interpreter, load_delegate

    LIBRARY = "tflite_runtime"
except ImportError:
    try:
        from ai_edge_litert.interpreter import Interpreter, load_delegate

        LIBRARY = "ai_edge_litert"
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter, load_delegate

        LIBRARY = "tensorflow"

__all__ = ["LIBRARY", "Array", "Interpreter", "load_delegate"]

Array = npt.NDArray[Any]
