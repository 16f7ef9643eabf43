"""Make tests/data/newer/onnx2tf_grouped.tflite: what onnx2tf writes of grouped convolutions, random weights.

    python -m venv /somewhere/onnx
    /somewhere/onnx/bin/pip install onnx2tf==1.28.8 onnx tensorflow-cpu==2.21.0
    /somewhere/onnx/bin/pip install tf_keras onnx_graphsurgeon sng4onnx psutil ai-edge-litert
    PATH=/somewhere/onnx/bin:$PATH python benchmarks/onnx2tf_model.py tests/data/newer/onnx2tf_grouped.tflite

An environment of its own: no lock of this project holds a converter. onnx2tf (MIT) asks the web for pictures to
calibrate with; noise under the same name keeps it from that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
RANDOM = np.random.default_rng(3)


def write_network(path: Path) -> None:
    """Write a convolution, one of sixteen groups and one of four groups as ONNX."""
    shapes = {"w1": (16, 3, 3, 3), "w2": (16, 1, 3, 3), "w3": (16, 4, 3, 3)}
    weights = [
        numpy_helper.from_array((RANDOM.standard_normal(shape) * 0.3).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    pads = [1, 1, 1, 1]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], strides=[2, 2], pads=pads),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], group=16, pads=pads),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "w3"], ["y"], group=4, pads=pads),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("x", [1, 3, 32, 32]), ("y", [1, 16, 16, 16]))
    ]
    graph = helper.make_graph(nodes, "grouped", *ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def main(target: Path) -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        write_network(Path(folder, "m.onnx"))
        np.save(Path(folder, "noise.npy"), RANDOM.random((8, 32, 32, 3)).astype(np.float32))
        np.save(Path(folder, SAMPLES), RANDOM.random((20, 128, 128, 3)).astype(np.float32))
        ends = ["[[[[0,0,0]]]]", "[[[[1,1,1]]]]"]
        command = ["onnx2tf", "-i", "m.onnx", "-o", "out", "-oiqt", "-cind", "x", "noise.npy", *ends]
        subprocess.run(command, cwd=folder, check=True)
        shutil.copyfile(Path(folder, "out", "m_integer_quant.tflite"), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
