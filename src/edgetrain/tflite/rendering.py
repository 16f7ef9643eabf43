"""TFLite files written from the values of :mod:`edgetrain.tflite.editing`, without TensorFlow.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite

from edgetrain.tflite.editing import EditedModel, EditedOperator, EditedTensor, Signature

_CODES = {name: code for name, code in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
_TYPES = {name: code for name, code in vars(tflite.TensorType).items() if not name.startswith("_")}
_LAST_OLD_CODE = 127
_FILE_MODE = 0o644 << 16


def render(model: EditedModel) -> bytes:
    """Return the bytes of a TFLite file; equal values give equal bytes."""
    content = _Writer(model).content()
    if not model.archive:
        return content
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, data in model.archive:
            entry = zipfile.ZipInfo(name)  # dated 1980: no clock in the bytes
            entry.external_attr = _FILE_MODE
            archive.writestr(entry, data)
    return stream.getvalue()


class _Writer:
    """Puts one model into a FlatBuffer."""

    def __init__(self, model: EditedModel) -> None:
        self._model = model
        self._builder = flatbuffers.Builder(1 << 20)
        self._buffers: dict[bytes, int] = {b"": 0}

    def content(self) -> bytes:
        model, builder = self._model, self._builder
        # Contents first: tensors name them by number.
        places = [0 if tensor.data is None else self._buffer(tensor.data) for tensor in model.tensors]
        entries = [
            self._table("Metadata", Name=self._string(name), Buffer=self._buffer(data)) for name, data in model.metadata
        ]
        codes = list(dict.fromkeys((o.name, o.version, o.is_custom) for o in model.operators))
        operators = [
            self._operator(operator, codes.index((operator.name, operator.version, operator.is_custom)))
            for operator in model.operators
        ]
        graph = self._table(
            "SubGraph",
            Tensors=self._vector([self._tensor(tensor, place) for tensor, place in zip(model.tensors, places)]),
            Inputs=self._numbers(model.inputs),
            Outputs=self._numbers(model.outputs),
            Operators=self._vector(operators),
            Name=self._string(model.name),
        )
        root = self._table(
            "Model",
            Version=3,
            OperatorCodes=self._vector([self._code(*code) for code in codes]),
            Subgraphs=self._vector([graph]),
            Description=self._string(model.description),
            Metadata=self._vector(entries),
            SignatureDefs=self._vector([self._signature(one) for one in model.signatures]),
            Buffers=self._vector([self._content(data) for data in self._buffers]),
        )
        builder.Finish(root, file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _buffer(self, data: bytes) -> int:
        return self._buffers.setdefault(data, len(self._buffers))

    def _content(self, data: bytes) -> int:
        if not data:
            return self._table("Buffer")
        # TFLite reads weights where they lie: 16 bytes suit every type.
        self._builder.StartVector(1, len(data), 16)
        self._builder.head -= len(data)
        self._builder.Bytes[self._builder.head : self._builder.head + len(data)] = data
        return self._table("Buffer", Data=self._builder.EndVector())

    def _code(self, name: str, version: int, is_custom: bool) -> int:
        builtin = _CODES["CUSTOM"] if is_custom else _CODES[name]
        custom = {"CustomCode": self._string(name)} if is_custom else {}
        old = min(builtin, _LAST_OLD_CODE)
        return self._table("OperatorCode", DeprecatedBuiltinCode=old, BuiltinCode=builtin, Version=version, **custom)

    def _operator(self, operator: EditedOperator, code: int) -> int:
        values: dict[str, Any] = {
            "Inputs": self._numbers(operator.inputs),
            "Outputs": self._numbers(operator.outputs),
        }
        if operator.kind != "NONE":
            fields = {name: self._field(value) for name, value in operator.options.items()}
            values["BuiltinOptions"] = self._table(operator.kind, **fields)
            values["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, operator.kind)
        if operator.custom_options:
            values["CustomOptions"] = self._builder.CreateByteVector(operator.custom_options)
        if operator.intermediates:
            values["Intermediates"] = self._numbers(operator.intermediates)
        if operator.mutating:
            values["MutatingVariableInputs"] = self._builder.CreateNumpyVector(np.array(operator.mutating, dtype=bool))
        return self._table("Operator", OpcodeIndex=code, **values)

    def _field(self, value: Any) -> Any:
        """Return a field as the bindings take it: numbers as they are, texts and lists as places."""
        if isinstance(value, bytes):
            return self._builder.CreateString(value)
        return self._builder.CreateNumpyVector(value) if isinstance(value, np.ndarray) else value

    def _tensor(self, tensor: EditedTensor, buffer: int) -> int:
        values: dict[str, Any] = {"Name": self._string(tensor.name), "Shape": self._numbers(tensor.shape)}
        if tensor.signature:
            values["ShapeSignature"] = self._numbers(tensor.signature)
        stated = {
            "Scale": (tensor.scales, np.float32),
            "ZeroPoint": (tensor.zero_points, np.int64),
            "Min": (tensor.minimum, np.float32),
            "Max": (tensor.maximum, np.float32),
        }
        vectors = {
            name: self._builder.CreateNumpyVector(np.array(numbers, dtype=kind))
            for name, (numbers, kind) in stated.items()
            if numbers
        }
        if vectors:
            values["Quantization"] = self._table("QuantizationParameters", QuantizedDimension=tensor.axis, **vectors)
        flags = {"IsVariable": tensor.is_variable, "HasRank": tensor.has_rank}
        return self._table("Tensor", Type=_TYPES[tensor.type], Buffer=buffer, **values, **flags)

    def _signature(self, signature: Signature) -> int:
        def pairs(found: Sequence[tuple[str, int]]) -> int:
            return self._vector(
                [self._table("TensorMap", Name=self._string(name), TensorIndex=place) for name, place in found]
            )

        values = {"Inputs": pairs(signature.inputs), "Outputs": pairs(signature.outputs)}
        return self._table("SignatureDef", SignatureKey=self._string(signature.key), SubgraphIndex=0, **values)

    def _table(self, kind: str, **values: Any) -> int:
        getattr(tflite, f"{kind}Start")(self._builder)
        for name, value in values.items():
            getattr(tflite, f"{kind}Add{name}")(self._builder, value)
        return int(getattr(tflite, f"{kind}End")(self._builder))

    def _vector(self, places: Sequence[int]) -> int:
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return int(self._builder.EndVector())

    def _numbers(self, values: Sequence[int]) -> int:
        return int(self._builder.CreateNumpyVector(np.array(values, dtype=np.int32)))

    def _string(self, text: str) -> int:
        return int(self._builder.CreateString(text.encode(errors="surrogateescape")))
