"""Two TFLite files of one network, float32 and int8, run on the same pictures and compared layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from edgetrain.core.system.progress import listener
from edgetrain.tflite.calibration import LayerError
from edgetrain.tflite.interpreters import Interpreter, OpResolverType

# It changes no value: its error is that of the layer before.
_PASSING_ON = "RESHAPE"


def compare_layers(
    float_path: Path, int8_path: Path, pictures: Sequence[npt.NDArray[np.uint8]], *, threads: int = 2
) -> tuple[LayerError, ...]:
    """Return how far each int8 layer is from float32, in the order of the model.

    Compared are the operators whose output has the same name in both files, int8 in the one and float32 in the other.

    Args:
        float_path: the float32 model; its input is scaled to -1 to 1.
        int8_path: the int8 model, which takes uint8 pixels.
        pictures: uint8, shape (height, width, 3), RGB, of the models' input size.
        threads: how many compute.
    """
    exact, rounded = _LayerReader(float_path, threads), _LayerReader(int8_path, threads)
    sums = {
        name: _Sums()
        for name, layer in rounded.layers.items()
        if layer.dtype == np.int8 and name in exact.layers and layer.operator != _PASSING_ON
    }
    for number, pixels in enumerate(pictures, start=1):
        exact.run(pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1))
        rounded.run(pixels)
        for name, total in sums.items():
            total.add(exact.values(name), rounded.values(name), rounded.layers[name])
        listener().advanced(number, len(pictures), "pictures compared layer by layer")
    return tuple(
        LayerError(_first_name(name), rounded.layers[name].operator, *total.shares()) for name, total in sums.items()
    )


def _first_name(name: str) -> str:
    """Return the first of the names that the converter gives to operators it has fused."""
    return name.split(";", maxsplit=1)[0]


@dataclass(frozen=True)
class _Layer:
    """The output of an operator: its place among the tensors, and what its integers mean."""

    operator: str
    index: int
    dtype: type
    scale: float
    zero_point: int

    def to_numbers(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return what integers of this layer stand for; numbers are returned as they are."""
        if self.dtype != np.int8:
            return values
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


class _LayerReader:
    """A TFLite model whose intermediate results can be read after a run."""

    def __init__(self, path: Path, threads: int) -> None:
        self._interpreter = Interpreter(
            model_content=_with_all_outputs(path.read_bytes()),
            num_threads=threads,
            # A delegate would take the operators together, and their names would be its own.
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        # The operators have no public accessor; the version of the interpreter is pinned.
        operators = self._interpreter._get_ops_details()  # noqa: SLF001
        self.layers = {
            details[index]["name"]: _Layer(
                operator["op_name"], index, details[index]["dtype"], *details[index]["quantization"]
            )
            for operator in operators
            for index in operator["outputs"]
        }

    def run(self, values: npt.NDArray[Any]) -> None:
        """Compute everything for one picture."""
        self._interpreter.set_tensor(self._input, values[np.newaxis])
        self._interpreter.invoke()

    def values(self, name: str) -> npt.NDArray[np.float32]:
        """Return the output of one operator as numbers."""
        layer = self.layers[name]
        return layer.to_numbers(self._interpreter.get_tensor(layer.index))


def _with_all_outputs(content: bytes) -> bytes:
    """Return a TFLite model whose outputs are those of all its operators.

    An operator may write its result over its input, which ADD does, even where the interpreter is asked to preserve
    all tensors (TensorFlow 2.15 does not hold to it); a model's outputs are never written over.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    (graph,) = model.subgraphs
    made = (index for operator in graph.operators for index in operator.outputs)
    graph.outputs = np.array(list(dict.fromkeys([*graph.outputs, *made])), np.int32)
    model.signatureDefs = None  # they name the former outputs
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Sums:
    """What one layer's values add up to over all pictures."""

    def __init__(self) -> None:
        self._squared_error = self._squared = 0.0
        self._outside = self._count = 0

    def add(self, exact: npt.NDArray[np.float32], rounded: npt.NDArray[np.float32], layer: _Layer) -> None:
        """Take in one picture; a value within one step of the range counts as held by it."""
        limits = layer.to_numbers(np.array([-128, 127], np.int8)) + np.array([-1, 1]) * layer.scale
        self._squared_error += float(np.square(exact - rounded, dtype=np.float64).sum())
        self._squared += float(np.square(exact, dtype=np.float64).sum())
        self._outside += int(np.count_nonzero((exact < limits[0]) | (exact > limits[1])))
        self._count += exact.size

    def shares(self) -> tuple[float, float]:
        """Return the relative error, and the share of values outside the range."""
        error = (self._squared_error / self._squared) ** 0.5 if self._squared else float(self._squared_error > 0)
        return round(error, 4), round(self._outside / max(self._count, 1), 4)
