"""A compiled model run on the Edge TPU by a TFLite interpreter with libedgetpu as its delegate.

This is the way that works on Python 3.10 and later (Frigate's: tflite_runtime 2.17.1 with libedgetpu 16.0tf2.17.1).
"""

from __future__ import annotations

import ctypes
from pathlib import Path

from edgetrain.tflite.detector import Decode, Opened, TfliteDetector
from edgetrain.tflite.interpreters import LIBRARY, Interpreter, load_delegate


def open_detector(model_path: Path, device: str, library: str, decode: Decode | None = None) -> Opened:
    """Return a compiled model ready to run on an Edge TPU.

    Args:
        model_path: a file with ``edgetpu-custom-op``.
        device: ``usb:0``, ``pci:1``, …
        library: file name or path of libedgetpu.
        decode: makes objects of the model's outputs; ``None``: they are those of SSD post-processing.

    Raises:
        ValueError: the delegate cannot be loaded, or the file is no such model.
        RuntimeError: the delegate does not take the model.
    """
    delegate = load_delegate(library, {"device": device})
    interpreter = Interpreter(str(model_path), experimental_delegates=[delegate])
    return Opened(TfliteDetector(interpreter, str(model_path), decode), LIBRARY, runtime_version(library))


def runtime_version(library: str) -> str | None:
    """Return libedgetpu's own words about its version; ``None`` where it has none (``edgetpu_c.h``)."""
    function = getattr(ctypes.CDLL(library), "edgetpu_version", None)
    if function is None:
        return None
    function.restype = ctypes.c_char_p
    text = function()
    return text.decode(errors="replace") if text else None
