"""A compiled model run on the Edge TPU by pycoral: the door to it.

Google's pycoral 2.0 is for Python 3.6 to 3.9; the package of that name on PyPI is an unrelated project.
"""

from __future__ import annotations

from pathlib import Path

from pycoral.utils import edgetpu

from edgetrain.tflite.detector import Decode, Opened, TfliteDetector


def open_detector(model_path: Path, device: str, _library: str, decode: Decode | None = None) -> Opened:
    """Return a compiled model ready to run on an Edge TPU.

    Args:
        model_path: a file with ``edgetpu-custom-op``.
        device: ``usb:0``, ``pci:1``, …
        decode: makes objects of the model's outputs; ``None``: they are those of SSD post-processing.

    Raises:
        ValueError: the delegate cannot be loaded, or the file is no such model.
        RuntimeError: the delegate does not take the model.
    """
    interpreter = edgetpu.make_interpreter(str(model_path), device=device)
    return Opened(TfliteDetector(interpreter, str(model_path), decode), "pycoral", str(edgetpu.get_runtime_version()))
