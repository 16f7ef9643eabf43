"""TFLite files read without TensorFlow: the door to the package tflite, the bindings of TFLite's schema.

Accepted: any file of schema version 3 (``TFL3``): one subgraph or several, float or quantized, compiled or not. Only
what is needed to judge a model is kept; the weights themselves are not. Refused, with one message: files that are no
TFLite model, are cut off or contradict themselves. Nothing in a file can make the reader hang or fill the memory.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tflite

from edgetrain.core.errors import ModelError

CUSTOM = "CUSTOM"
POST_PROCESS = "TFLite_Detection_PostProcess"
# What operators between integers handle, and those that turn numbers into them and back.
_INTEGER_TYPES = frozenset({"INT8", "UINT8", "INT32"})
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", POST_PROCESS)
_IDENTIFIER = b"TFL3"
# No model that an Edge TPU runs comes near it, and all of a file is held in memory.
_MOST_BYTES = 1 << 30
_SCHEMA_VERSION = 3
_IDENTIFIER_PLACE = slice(4, 8)
_SMALL_BYTES = 1024
# A table of the file takes some bytes, so a sound file has fewer values than bytes; small ones repeat themselves.
_LEAST_BUDGET = 1 << 20
DAMAGED = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, KeyError)
TYPE_NAMES = {code: name for name, code in vars(tflite.TensorType).items() if not name.startswith("_")}
OPERATOR_NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
_FUSED = {"activation": "FusedActivationFunction"}
_DILATION = {"dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
# The options that decide whether an operator can be compiled: the table of the schema, and how each is called there.
_OPTIONS: dict[str, tuple[Any, dict[str, str]]] = {
    "ADD": (tflite.AddOptions, _FUSED),
    "AVERAGE_POOL_2D": (tflite.Pool2DOptions, _FUSED),
    "BATCH_MATMUL": (tflite.BatchMatMulOptions, {"adj_x": "AdjX"}),
    "CONCATENATION": (tflite.ConcatenationOptions, {"axis": "Axis", **_FUSED}),
    "CONV_2D": (tflite.Conv2DOptions, {**_DILATION, **_FUSED}),
    "DEPTHWISE_CONV_2D": (tflite.DepthwiseConv2DOptions, {**_DILATION, **_FUSED}),
    "DIV": (tflite.DivOptions, _FUSED),
    "FULLY_CONNECTED": (tflite.FullyConnectedOptions, {"weights_format": "WeightsFormat", **_FUSED}),
    "MAX_POOL_2D": (tflite.Pool2DOptions, _FUSED),
    "MUL": (tflite.MulOptions, _FUSED),
    "PACK": (tflite.PackOptions, {"axis": "Axis"}),
    "STRIDED_SLICE": (
        tflite.StridedSliceOptions,
        {"ellipsis_mask": "EllipsisMask", "new_axis_mask": "NewAxisMask"},
    ),
    "SUB": (tflite.SubOptions, _FUSED),
    "TRANSPOSE_CONV": (tflite.TransposeConvOptions, _FUSED),
}


@dataclass(frozen=True)
class Quantization:
    """How integers mean real numbers: one scale, or one for each slice along ``axis``; ``zero_point`` is the first."""

    scales: tuple[float, ...] = ()
    axis: int = 0
    zero_point: int = 0


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    ``shape_signature`` has -1 where a size is only known at run time; ``constant_bytes`` is the size of its content, 0
    where it is computed; ``data`` is that content if it is small, else empty. ``only_byte`` is the byte that a content
    consists of, ``None`` where bytes differ or there are none.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    quantization: Quantization
    constant_bytes: int
    data: bytes
    only_byte: int | None = None

    @property
    def is_all_zero(self) -> bool:
        """Whether this is a constant of 8 bits that means 0 everywhere: all its bytes are the zero point."""
        return self.only_byte is not None and self.only_byte == self.quantization.zero_point % 256

    @property
    def is_constant(self) -> bool:
        """Whether the content stands in the file."""
        return self.constant_bytes > 0

    @property
    def is_dynamic(self) -> bool:
        """Whether a size is only known at run time."""
        return -1 in self.shape_signature

    @property
    def int32_values(self) -> tuple[int, ...]:
        """The content of a small INT32 constant; empty for everything else."""
        if self.type != "INT32" or len(self.data) % 4:
            return ()
        return tuple(value for (value,) in struct.iter_unpack("<i", self.data))


@dataclass(frozen=True)
class Operator:
    """One operator: ``inputs`` and ``outputs`` are places among the tensors, -1 for an input that is left out.

    ``name`` is that of the schema, and of a custom operator its own; ``code`` is the schema's number.
    """

    name: str
    code: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int]
    custom_options: bytes

    @property
    def is_custom(self) -> bool:
        """Whether the operator is none of TFLite's own."""
        return bool(self.code == tflite.BuiltinOperator.CUSTOM)


@dataclass(frozen=True)
class Subgraph:
    """One graph: its operators in the order in which they run, and the places of its inputs and outputs."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def float_operators(self) -> list[str]:
        """Return the names of the operators that compute in floating point, conversions at the ends left out."""
        return [
            operator.name
            for operator in self.operators
            if operator.name not in _CONVERSIONS and not self._computed_types(operator) <= _INTEGER_TYPES
        ]

    def _computed_types(self, operator: Operator) -> set[str]:
        """Return the types of an operator's results, and of what it takes that is computed, too."""
        taken = (self.tensors[place] for place in operator.inputs if place >= 0)
        made = (self.tensors[place] for place in operator.outputs if place >= 0)
        return {*(tensor.type for tensor in taken if not tensor.is_constant), *(tensor.type for tensor in made)}


@dataclass(frozen=True)
class TfliteModel:
    """What a file says."""

    subgraphs: tuple[Subgraph, ...]
    description: str
    metadata: Mapping[str, bytes] = field(repr=False)
    size_bytes: int

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators of all subgraphs."""
        return tuple(operator for subgraph in self.subgraphs for operator in subgraph.operators)

    @property
    def constant_bytes(self) -> int:
        """Size of all constants."""
        return sum(tensor.constant_bytes for subgraph in self.subgraphs for tensor in subgraph.tensors)

    def counts(self) -> dict[str, int]:
        """Return how often each operator occurs, by ``NAME vVERSION``, sorted."""
        return dict(sorted(Counter(f"{operator.name} v{operator.version}" for operator in self.operators).items()))


def read_tflite(path: Path) -> TfliteModel:
    """Return what a TFLite file says.

    Raises:
        ModelError: the file cannot be read, is no TFLite model, or is damaged.
    """
    if path.exists() and not path.is_file():
        raise ModelError(f"{path}: this is no regular file. Name a .tflite file.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(
                f"{path}: more than {_MOST_BYTES >> 20} MiB is no model for an Edge TPU. Name another file."
            )
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}). Name a .tflite file.") from error
    return parse_tflite(data, str(path))


def parse_tflite(data: bytes, name: str) -> TfliteModel:
    """Return what the bytes of a TFLite file say.

    Args:
        data: the file's content.
        name: what messages call the file.

    Raises:
        ModelError: the bytes are no TFLite model, or are damaged.
    """
    if data[_IDENTIFIER_PLACE] != _IDENTIFIER:
        raise ModelError(f"{name}: this is no TFLite model (bytes 4 to 8 are not TFL3). Name a .tflite file.")
    try:
        return _Reader(data).model()
    except DAMAGED as error:
        raise ModelError(f"{name}: the TFLite model is damaged ({error}). Make or fetch it again.") from error


class _Reader:
    """Turns the tables of one file into values, and stops where a file claims more than it can hold."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._budget = max(_LEAST_BUDGET, len(data))
        self._model = tflite.Model.GetRootAsModel(data, 0)

    def model(self) -> TfliteModel:
        model = self._model
        if model.Version() != _SCHEMA_VERSION or not model.SubgraphsLength():
            raise ValueError(f"schema version {model.Version()}, {model.SubgraphsLength()} graphs")
        metadata = [model.Metadata(i) for i in self._range(model.MetadataLength())]
        return TfliteModel(
            subgraphs=tuple(self._subgraph(model.Subgraphs(i)) for i in self._range(model.SubgraphsLength())),
            description=_text(model.Description()),
            metadata={_text(entry.Name()): self._buffer(entry.Buffer()) for entry in metadata},
            size_bytes=len(self._data),
        )

    def _range(self, count: int) -> range:
        """Return the places of a vector, whose length is taken from what the file can hold."""
        self._budget -= count
        if count < 0 or self._budget < 0:
            raise ValueError(f"a list of {count} values in a file of {len(self._data)} bytes")
        return range(count)

    def _values(self, count: int, get: Callable[[int], Any]) -> tuple[Any, ...]:
        return tuple(get(i) for i in self._range(count))

    def _subgraph(self, graph: Any) -> Subgraph:
        tensors = self._values(graph.TensorsLength(), lambda i: self._tensor(graph.Tensors(i)))
        subgraph = Subgraph(
            tensors=tensors,
            operators=self._values(graph.OperatorsLength(), lambda i: self._operator(graph.Operators(i))),
            inputs=self._values(graph.InputsLength(), graph.Inputs),
            outputs=self._values(graph.OutputsLength(), graph.Outputs),
        )
        for operator in subgraph.operators:
            _require_places((*operator.inputs, *operator.outputs), len(tensors), lowest=-1)
        _require_places((*subgraph.inputs, *subgraph.outputs), len(tensors), lowest=0)
        return subgraph

    def _tensor(self, tensor: Any) -> Tensor:
        shape = self._values(tensor.ShapeLength(), tensor.Shape)
        signature = self._values(tensor.ShapeSignatureLength(), tensor.ShapeSignature)
        content = self._content(tensor.Buffer())
        size_bytes = content.DataLength() if content else 0
        if size_bytes > len(self._data):
            raise ValueError(f"a tensor of {size_bytes} bytes")
        return Tensor(
            name=_text(tensor.Name()),
            type=TYPE_NAMES[tensor.Type()],
            shape=shape,
            shape_signature=signature or shape,
            quantization=self._quantization(tensor.Quantization()),
            constant_bytes=size_bytes,
            data=self._buffer(tensor.Buffer()) if size_bytes <= _SMALL_BYTES else b"",
            only_byte=_only_byte(content.DataAsNumpy()) if size_bytes else None,
        )

    def _quantization(self, stated: Any) -> Quantization:
        if stated is None:
            return Quantization()
        return Quantization(
            self._values(stated.ScaleLength(), stated.Scale),
            stated.QuantizedDimension(),
            stated.ZeroPoint(0) if stated.ZeroPointLength() else 0,
        )

    def _operator(self, operator: Any) -> Operator:
        _require_places((operator.OpcodeIndex(),), self._model.OperatorCodesLength(), lowest=0, what="operator code")
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _text(code.CustomCode()) if builtin == tflite.BuiltinOperator.CUSTOM else OPERATOR_NAMES.get(builtin, "")
        length = operator.CustomOptionsLength()
        return Operator(
            name=name or f"builtin {builtin}",
            code=builtin,
            version=code.Version(),
            inputs=self._values(operator.InputsLength(), operator.Inputs),
            outputs=self._values(operator.OutputsLength(), operator.Outputs),
            options=_options(name, operator.BuiltinOptions()),
            custom_options=operator.CustomOptionsAsNumpy().tobytes() if length else b"",
        )

    def _content(self, index: int) -> Any:
        """Return a buffer; ``None`` for the first one where the file has none at all, which stands for no content."""
        count = self._model.BuffersLength()
        if index == count == 0:
            return None
        _require_places((index,), count, lowest=0, what="buffer")
        return self._model.Buffers(index)

    def _buffer(self, index: int) -> bytes:
        buffer = self._content(index)
        content: bytes = buffer.DataAsNumpy().tobytes() if buffer and buffer.DataLength() else b""
        return content


def _options(name: str, table: Any) -> dict[str, int]:
    if name not in _OPTIONS or table is None:
        return {}
    kind, names = _OPTIONS[name]
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return {key: int(getattr(options, method)()) for key, method in names.items()}


def _require_places(places: tuple[int, ...], count: int, *, lowest: int, what: str = "tensor") -> None:
    """Raise where a table points beyond a list: the bindings would read whatever stands there."""
    for place in places:
        if not lowest <= place < count:
            raise ValueError(f"{what} {place} of {count}")


def _only_byte(content: Any) -> int | None:
    """Return the byte that an array of bytes consists of; most differ at once, at both ends."""
    first = int(content[0])
    return first if first == content[-1] and bool((content == first).all()) else None


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
