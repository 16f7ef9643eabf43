"""Two TensorFlows against each other: operator versions of every network's int8 file, and outputs to the bit.

``python benchmarks/tensorflows.py write FOLDER`` makes, in the environment that runs it, the int8 file of each network
in its full size (``NETWORK.tflite``, random weights of one seed) and prints its operators, with the seconds it took.
``python benchmarks/tensorflows.py read FOLDER…`` runs each file of the folders on 20 pictures of noise by every
interpreter of the environment, and prints a digest of the outputs: equal digests are equal bits. Run both in the
environments of the profiles ``test`` and ``legacy``.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgetrain.networks.pipeline_config import parse_pipeline_config
from edgetrain.template import render_template
from edgetrain.tflite.file import read_tflite

_NETWORKS = {"mobilenet_v1_ssd": 300, "mobilenet_v2_ssd": 300, "mobilenet_v2_fpnlite": 320, "mobilenet_v1_fpn": 640}
_INTERPRETERS = ("tensorflow.lite.python.interpreter", "ai_edge_litert.interpreter")
_PICTURES = 20


def write(folder: Path) -> None:
    """Write the file of each network and print what it consists of."""
    from edgetrain.training.untrained_model import write_untrained_model

    folder.mkdir(parents=True, exist_ok=True)
    for network, size in _NETWORKS.items():
        started = time.monotonic()
        path = folder / f"{network}.tflite"
        write_untrained_model(parse_pipeline_config(_config(network, size), where=network), path, max_detections=20)
        operators = ", ".join(f"{count} {name}" for name, count in read_tflite(path).counts().items())
        print(f"{network} {size} ({time.monotonic() - started:.0f} s): {operators}", flush=True)


def _config(network: str, size: int) -> str:
    values = {"num_classes": 3, "image_size": size, "depth_multiplier": 1.0, "max_boxes": 100, "batch_size": 16}
    values |= {"steps": 100, "train_whole_model": True, "frozen_blocks": 0, "freeze_batch_norm": False}
    values |= {"checkpoint_type": "classification", "checkpoint_version": 2, "augmentations": ()}
    values |= {"learning_rate": 0.001, "warmup_steps": 3, "gradient_clip_norm": 10.0}
    return render_template(f"pipeline/{network}.config", values)


def read(folders: list[Path]) -> None:
    """Run each file by each interpreter and print a digest of all outputs."""
    for path in sorted(path for folder in folders for path in folder.glob("*.tflite")):
        for name in _INTERPRETERS:
            try:
                interpreter = importlib.import_module(name).Interpreter(str(path), num_threads=2)
            except ImportError:
                continue
            print(f"{path.parent.name}/{path.name} {name.split('.')[0]}: {_digest(interpreter)}", flush=True)


def _digest(interpreter: Any) -> str:
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    random, digest = np.random.default_rng(0), hashlib.sha256()
    for _ in range(_PICTURES):
        pixels = random.integers(0, 256, details["shape"], dtype=np.uint8)
        is_float = details["dtype"] == np.float32
        values = pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1) if is_float else pixels
        interpreter.set_tensor(details["index"], values)
        interpreter.invoke()
        for output in interpreter.get_output_details():
            digest.update(interpreter.get_tensor(output["index"]).tobytes())
    return digest.hexdigest()[:16]


def main() -> None:
    """Do what the command line says."""
    verb, *folders = sys.argv[1:]
    names = ("tensorflow-cpu", "tensorflow", "ai-edge-litert")
    found = {
        distribution.metadata["Name"].replace("_", "-"): distribution.version
        for distribution in importlib.metadata.distributions()
    }
    print(f"Python {sys.version.split()[0]}", *(f"{name} {found[name]}" for name in names if name in found), flush=True)
    if verb == "write":
        write(Path(folders[0]))
    else:
        read([Path(folder) for folder in folders])


if __name__ == "__main__":
    main()
