"""Writes a file that is built like one of edgetpu_compiler's, but that no device can run: its program is empty.

Like the compiler's, it keeps the metadata that describe the model (TFLITE_METADATA), and no other.

The operators that would be compiled are replaced by one ``edgetpu-custom-op`` with a package ``DWN1``; the others stay
as they are. The metadata ``provenance`` is ``stand-in``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import tflite
from flatbuffers import flexbuffers

from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY, STAND_IN

_CACHES_PARAMETERS, _RUNS = 1, 2
_SCHEMA_VERSION = 3
_OPERATOR = "edgetpu-custom-op"
_KEPT_METADATA = "TFLITE_METADATA"


def write_compiled(source: bytes, mapped: Sequence[bool], *, runtime: int, parameter_bytes: int) -> bytes:
    """Return the imitation of a compiled model.

    Args:
        source: a TFLite file with one subgraph.
        mapped: for each operator, whether it goes into the compiled part; at least one does.
        runtime: lowest version of the runtime that the package asks for.
        parameter_bytes: size of the parameters that the package pretends to keep on the chip.
    """
    return _Writer(source, mapped).file(_custom_options(runtime, parameter_bytes))


class _RawText(str):  # noqa: SLOT000 - it carries bytes
    """Bytes in the place of a text: FlexBuffers of libedgetpu keep the package in a string, and it is no UTF-8."""

    content: bytes

    def encode(self, encoding: str = "", errors: str = "") -> bytes:  # noqa: ARG002 - as str has it
        """Return the bytes."""
        return self.content


def _custom_options(runtime: int, parameter_bytes: int) -> bytes:
    package = _RawText("package")
    package.content = _package(runtime, parameter_bytes)
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Key("1")
        builder.Int(1)
        builder.Key("4")
        builder.String(package)
        builder.Key("5")
        builder.Int(0)
    return bytes(builder.Finish())


def _package(runtime: int, parameter_bytes: int) -> bytes:
    executables = [_executable(bytes(parameter_bytes), _CACHES_PARAMETERS), _executable(b"", _RUNS)]
    multi = flatbuffers.Builder()
    places = [multi.CreateString(executable) for executable in executables]
    listed = _vector(multi, places)
    multi.StartObject(1)
    multi.PrependUOffsetTRelativeSlot(0, listed, 0)
    multi.Finish(multi.EndObject())
    package = flatbuffers.Builder()
    content = package.CreateByteVector(bytes(multi.Output()))
    version = package.CreateString(f"cl/{STAND_IN}")
    package.StartObject(8)
    package.PrependInt32Slot(0, runtime, 0)
    package.PrependUOffsetTRelativeSlot(1, content, 0)
    package.PrependUOffsetTRelativeSlot(4, version, 0)
    package.Finish(package.EndObject(), file_identifier=b"DWN1")
    return bytes(package.Output())


def _executable(parameters: bytes, kind: int) -> bytes:
    builder = flatbuffers.Builder()
    content = builder.CreateByteVector(parameters)
    builder.StartObject(17)
    builder.PrependUOffsetTRelativeSlot(6, content, 0)
    builder.PrependInt16Slot(13, kind, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _vector(builder: flatbuffers.Builder, places: Sequence[int]) -> int:
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())


@dataclass
class _Writer:
    """Copies what stays of a model, table by table, and puts one operator in the place of the rest."""

    source: bytes
    mapped: Sequence[bool]
    builder: Any = field(default_factory=flatbuffers.Builder)

    def __post_init__(self) -> None:
        self.model = tflite.Model.GetRootAsModel(self.source, 0)
        self.graph = self.model.Subgraphs(0)
        self.operators = [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]
        self.kept = [operator for operator, is_mapped in zip(self.operators, self.mapped) if not is_mapped]

    def file(self, options: bytes) -> bytes:
        inputs = [self.graph.Inputs(i) for i in range(self.graph.InputsLength())]
        outputs = [self.graph.Outputs(i) for i in range(self.graph.OutputsLength())]
        needed = [place for operator in self.kept for place in _places(operator.Inputs, operator.InputsLength())]
        made = {
            place
            for operator, is_mapped in zip(self.operators, self.mapped)
            if is_mapped
            for place in _places(operator.Outputs, operator.OutputsLength())
        }
        crossing = [place for place in dict.fromkeys((*needed, *outputs)) if place in made]
        used = dict.fromkeys((*inputs, *crossing, *needed, *outputs))
        self.numbers = {place: number for number, place in enumerate(used)}
        operators = [self._operator(0, inputs, crossing, options), *(self._kept(operator) for operator in self.kept)]
        tensors = [self._tensor(place) for place in used]
        graph = self._table(
            tflite.SubGraphStart,
            tflite.SubGraphEnd,
            {
                tflite.SubGraphAddTensors: _vector(self.builder, tensors),
                tflite.SubGraphAddInputs: self._ints(inputs),
                tflite.SubGraphAddOutputs: self._ints(outputs),
                tflite.SubGraphAddOperators: _vector(self.builder, operators),
            },
        )
        return self._finished(graph, list(used))

    def _finished(self, graph: int, used: Sequence[int]) -> bytes:
        contents = [self._content(place) for place in used]
        kept = {PROVENANCE_KEY: STAND_IN.encode(), **self._description()}
        buffers = [self._buffer(content) for content in (b"", *contents, *kept.values())]
        names = [self.builder.CreateString(name) for name in kept]
        metadata = [
            self._table(
                tflite.MetadataStart,
                tflite.MetadataEnd,
                {tflite.MetadataAddName: name, tflite.MetadataAddBuffer: 1 + len(contents) + number},
            )
            for number, name in enumerate(names)
        ]
        description = self.builder.CreateString("Exported from Subgraph.")
        codes = [self._custom_code(_OPERATOR), *(self._code(operator) for operator in self.kept)]
        model = self._table(
            tflite.ModelStart,
            tflite.ModelEnd,
            {
                tflite.ModelAddVersion: _SCHEMA_VERSION,
                tflite.ModelAddOperatorCodes: _vector(self.builder, codes),
                tflite.ModelAddSubgraphs: _vector(self.builder, [graph]),
                tflite.ModelAddDescription: description,
                tflite.ModelAddBuffers: _vector(self.builder, buffers),
                tflite.ModelAddMetadata: _vector(self.builder, metadata),
            },
        )
        self.builder.Finish(model, file_identifier=b"TFL3")
        return bytes(self.builder.Output())

    def _description(self) -> dict[str, bytes]:
        """Return the metadata that the compiler keeps."""
        entries = [self.model.Metadata(i) for i in range(self.model.MetadataLength())]
        kept = [entry for entry in entries if entry.Name().decode() == _KEPT_METADATA]
        return {entry.Name().decode(): self.model.Buffers(entry.Buffer()).DataAsNumpy().tobytes() for entry in kept}

    def _table(self, start: Callable[[Any], Any], end: Callable[[Any], Any], values: dict[Any, int]) -> int:
        """Return a table; its vectors and texts must be there already."""
        start(self.builder)
        for add, value in values.items():
            add(self.builder, value)
        return int(end(self.builder))

    def _ints(self, places: Sequence[int]) -> int:
        self.builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self.builder.PrependInt32(self.numbers.get(place, -1))
        return int(self.builder.EndVector())

    def _operator(self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: bytes) -> int:
        values = {
            tflite.OperatorAddOpcodeIndex: code,
            tflite.OperatorAddInputs: self._ints(inputs),
            tflite.OperatorAddOutputs: self._ints(outputs),
        }
        if options:
            values[tflite.OperatorAddCustomOptions] = self.builder.CreateByteVector(options)
        return self._table(tflite.OperatorStart, tflite.OperatorEnd, values)

    def _kept(self, operator: Any) -> int:
        inputs = _places(operator.Inputs, operator.InputsLength())
        outputs = _places(operator.Outputs, operator.OutputsLength())
        options = operator.CustomOptionsAsNumpy().tobytes() if operator.CustomOptionsLength() else b""
        return self._operator(1 + self.kept.index(operator), inputs, outputs, options)

    def _tensor(self, place: int) -> int:
        tensor = self.graph.Tensors(place)
        name = self.builder.CreateString(tensor.Name() or b"")
        shape = self.builder.CreateNumpyVector(tensor.ShapeAsNumpy()) if tensor.ShapeLength() else 0
        quantization = self._quantization(tensor.Quantization())
        tflite.TensorStart(self.builder)
        if shape:
            tflite.TensorAddShape(self.builder, shape)
        tflite.TensorAddType(self.builder, tensor.Type())
        tflite.TensorAddBuffer(self.builder, 1 + self.numbers[place])
        tflite.TensorAddName(self.builder, name)
        if quantization:
            tflite.TensorAddQuantization(self.builder, quantization)
        return int(tflite.TensorEnd(self.builder))

    def _quantization(self, stated: Any) -> int:
        if stated is None or not stated.ScaleLength():
            return 0
        scales = self.builder.CreateNumpyVector(stated.ScaleAsNumpy())
        zeros = self.builder.CreateNumpyVector(stated.ZeroPointAsNumpy())
        return self._table(
            tflite.QuantizationParametersStart,
            tflite.QuantizationParametersEnd,
            {
                tflite.QuantizationParametersAddScale: scales,
                tflite.QuantizationParametersAddZeroPoint: zeros,
            },
        )

    def _content(self, place: int) -> bytes:
        buffer = self.model.Buffers(self.graph.Tensors(place).Buffer())
        content: bytes = buffer.DataAsNumpy().tobytes() if buffer.DataLength() else b""
        return content

    def _buffer(self, content: bytes) -> int:
        data = self.builder.CreateByteVector(content) if content else 0
        tflite.BufferStart(self.builder)
        if data:
            tflite.BufferAddData(self.builder, data)
        return int(tflite.BufferEnd(self.builder))

    def _custom_code(self, name: str) -> int:
        text = self.builder.CreateString(name)
        custom = tflite.BuiltinOperator.CUSTOM
        return self._table(
            tflite.OperatorCodeStart,
            tflite.OperatorCodeEnd,
            {
                tflite.OperatorCodeAddDeprecatedBuiltinCode: custom,
                tflite.OperatorCodeAddCustomCode: text,
                tflite.OperatorCodeAddVersion: 1,
                tflite.OperatorCodeAddBuiltinCode: custom,
            },
        )

    def _code(self, operator: Any) -> int:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        if code.CustomCode():
            return self._custom_code(code.CustomCode().decode())
        return self._table(
            tflite.OperatorCodeStart,
            tflite.OperatorCodeEnd,
            {
                tflite.OperatorCodeAddDeprecatedBuiltinCode: code.DeprecatedBuiltinCode(),
                tflite.OperatorCodeAddVersion: 1,
                tflite.OperatorCodeAddBuiltinCode: code.BuiltinCode(),
            },
        )


def _places(get: Callable[[int], int], count: int) -> list[int]:
    return [get(i) for i in range(count)]
