"""TFLite files taken apart without TensorFlow, so that a graph can be changed; ``rendering`` writes them again.

Accepted: files that :func:`edgetrain.tflite.file.parse_tflite` reads, with one graph. Kept: names, quantization,
signatures, metadata, the ZIP archive of labels behind the model, custom options. Refused, since it would be lost: more
than one graph, sparse tensors, weights outside the FlatBuffer, options of the second kind (StableHLO).

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tflite

from edgetrain.core.errors import ModelError
from edgetrain.tflite.file import DAMAGED, OPERATOR_NAMES, TYPE_NAMES, parse_tflite

_KINDS = {code: name for name, code in vars(tflite.BuiltinOptions).items() if not name.startswith("_")}
_ARCHIVE_FILES, _ARCHIVE_BYTES = 100, 16 << 20


@dataclass(frozen=True)
class EditedTensor:
    """One tensor; ``data`` is its content, ``None`` where it is computed; ``signature`` has -1 for unknown sizes."""

    name: str
    type: str
    shape: tuple[int, ...]
    data: bytes | None = None
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    signature: tuple[int, ...] = ()
    is_variable: bool = False
    has_rank: bool = False
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()


@dataclass(frozen=True)
class EditedOperator:
    """One operator over the places of tensors; ``options`` are the fields of the schema's table ``kind``."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kind: str = "NONE"
    options: Mapping[str, Any] = field(default_factory=dict)
    custom_options: bytes = b""
    is_custom: bool = False
    intermediates: tuple[int, ...] = ()
    mutating: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Signature:
    """Names of inputs and outputs: pairs of name and tensor."""

    key: str
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class EditedModel:
    """A whole file as values; each change is a new value."""

    tensors: tuple[EditedTensor, ...]
    operators: tuple[EditedOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str
    description: str
    signatures: tuple[Signature, ...]
    metadata: tuple[tuple[str, bytes], ...]
    archive: tuple[tuple[str, bytes], ...]

    def with_tensor(self, place: int, **changes: Any) -> EditedModel:
        """Return the model with one tensor changed."""
        changed = replace(self.tensors[place], **changes)
        return replace(self, tensors=(*self.tensors[:place], changed, *self.tensors[place + 1 :]))

    def with_operators(self, place: int, operators: Sequence[EditedOperator]) -> EditedModel:
        """Return the model with others in place of one operator."""
        return replace(self, operators=(*self.operators[:place], *operators, *self.operators[place + 1 :]))


def take_apart(data: bytes, name: str) -> EditedModel:
    """Return a file as values.

    Args:
        data: the file's content.
        name: what messages call it.

    Raises:
        ModelError: it is no sound TFLite model, or holds what would be lost.
    """
    parse_tflite(data, name)
    try:
        return _taken_apart(data, name)
    except DAMAGED as error:
        raise ModelError(f"{name}: the TFLite model is damaged ({error}). Make or fetch it again.") from error


def _taken_apart(data: bytes, name: str) -> EditedModel:
    model = tflite.Model.GetRootAsModel(data, 0)
    if model.SubgraphsLength() != 1:
        raise ModelError(f"{name}: the model has {model.SubgraphsLength()} graphs; only a model of one can be changed.")
    graph = model.Subgraphs(0)
    _require_plain(model, graph, name)
    return EditedModel(
        tensors=tuple(_tensor(model, graph.Tensors(i)) for i in range(graph.TensorsLength())),
        operators=tuple(_operator(model, graph.Operators(i)) for i in range(graph.OperatorsLength())),
        inputs=_ints(graph, "Inputs"),
        outputs=_ints(graph, "Outputs"),
        name=_text(graph.Name()),
        description=_text(model.Description()),
        signatures=tuple(_signature(model.SignatureDefs(i)) for i in range(model.SignatureDefsLength())),
        metadata=tuple(
            (_text(entry.Name()), _content(model, entry.Buffer()) or b"")
            for entry in (model.Metadata(i) for i in range(model.MetadataLength()))
        ),
        archive=_archive(data, name),
    )


def _require_plain(model: Any, graph: Any, name: str) -> None:
    """Raise where the file holds what these values cannot."""
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    lost = {
        "sparse tensors": any(tensor.Sparsity() is not None for tensor in tensors),
        "tensors of variants": any(tensor.VariantTensorsLength() for tensor in tensors),
        "weights outside the FlatBuffer": any(buffer.Offset() > 1 for buffer in buffers),
        "options of StableHLO": any(operator.BuiltinOptions2Type() for operator in operators),
        "operators newer than this project knows": any(
            max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in OPERATOR_NAMES
            for code in (model.OperatorCodes(i) for i in range(model.OperatorCodesLength()))
        ),
        "a quantization of its own": any(_quantization_details(tensor) for tensor in tensors),
    }
    found = [what for what, is_there in lost.items() if is_there]
    if found:
        raise ModelError(f"{name}: the model holds {' and '.join(found)}, which would be lost: it cannot be changed.")


def _quantization_details(tensor: Any) -> bool:
    stated = tensor.Quantization()
    return stated is not None and bool(stated.DetailsType())


def _tensor(model: Any, tensor: Any) -> EditedTensor:
    stated = tensor.Quantization()
    quantization: dict[str, Any] = {}
    if stated is not None:
        quantization = {
            "scales": _floats(stated, "Scale"),
            "zero_points": _ints(stated, "ZeroPoint"),
            "minimum": _floats(stated, "Min"),
            "maximum": _floats(stated, "Max"),
            "axis": stated.QuantizedDimension(),
        }
    return EditedTensor(
        name=_text(tensor.Name()),
        type=TYPE_NAMES[tensor.Type()],
        shape=_ints(tensor, "Shape"),
        data=_content(model, tensor.Buffer()),
        signature=_ints(tensor, "ShapeSignature"),
        is_variable=bool(tensor.IsVariable()),
        has_rank=bool(tensor.HasRank()),
        **quantization,
    )


def _operator(model: Any, operator: Any) -> EditedOperator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    is_custom = builtin == tflite.BuiltinOperator.CUSTOM
    kind = _KINDS.get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    return EditedOperator(
        name=_text(code.CustomCode()) if is_custom else OPERATOR_NAMES.get(builtin, f"builtin {builtin}"),
        version=code.Version(),
        inputs=_ints(operator, "Inputs"),
        outputs=_ints(operator, "Outputs"),
        kind=kind if table is not None else "NONE",
        options=_fields(kind, table) if table is not None and kind != "NONE" else {},
        custom_options=operator.CustomOptionsAsNumpy().tobytes() if operator.CustomOptionsLength() else b"",
        is_custom=is_custom,
        intermediates=_ints(operator, "Intermediates"),
        mutating=tuple(
            bool(operator.MutatingVariableInputs(i)) for i in range(operator.MutatingVariableInputsLength())
        ),
    )


def _fields(kind: str, table: Any) -> dict[str, Any]:
    """Return the fields of a table of options, whatever the schema says they are: numbers, texts, lists of numbers."""
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    values: dict[str, Any] = {}
    for name in _field_names(kind):
        if hasattr(options, f"{name}AsNumpy"):
            found = getattr(options, f"{name}AsNumpy")()
            values[name] = np.array(found) if getattr(options, f"{name}Length")() else None
        else:
            values[name] = getattr(options, name)()
    return {name: value for name, value in values.items() if value is not None}


def _field_names(kind: str) -> list[str]:
    """Return the fields of a table of options: those that the bindings can write."""
    return [
        name.removeprefix(f"{kind}Add")
        for name in vars(tflite)
        if name.startswith(f"{kind}Add") and name != f"{kind}Add"
    ]


def _signature(definition: Any) -> Signature:
    def pairs(count: int, get: Callable[[int], Any]) -> tuple[tuple[str, int], ...]:
        return tuple((_text(get(i).Name()), get(i).TensorIndex()) for i in range(count))

    return Signature(
        _text(definition.SignatureKey()),
        pairs(definition.InputsLength(), definition.Inputs),
        pairs(definition.OutputsLength(), definition.Outputs),
    )


def _archive(data: bytes, name: str) -> tuple[tuple[str, bytes], ...]:
    """Return the files of the ZIP archive behind a model, which holds its labels."""
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return ()
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > _ARCHIVE_FILES or sum(entry.file_size for entry in entries) > _ARCHIVE_BYTES:
                raise ModelError(f"{name}: the archive of labels behind the model is too large to be kept.")
            return tuple((entry.filename, archive.read(entry)) for entry in entries)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, zlib.error) as error:
        raise ModelError(f"{name}: the archive of labels behind the model is damaged ({error}).") from error


def _content(model: Any, place: int) -> bytes | None:
    if place == 0 or place >= model.BuffersLength():
        return None
    buffer = model.Buffers(place)
    return buffer.DataAsNumpy().tobytes() if buffer.DataLength() else None


def _ints(table: Any, name: str) -> tuple[int, ...]:
    return tuple(int(getattr(table, name)(i)) for i in range(getattr(table, f"{name}Length")()))


def _floats(table: Any, name: str) -> tuple[float, ...]:
    return tuple(float(getattr(table, name)(i)) for i in range(getattr(table, f"{name}Length")()))


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="surrogateescape")
