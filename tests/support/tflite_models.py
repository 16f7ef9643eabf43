"""Small TFLite files, made without TensorFlow: an int8 detector like those of the project, whole or changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import flatbuffers
import numpy as np
import tflite

from edgetrain.tflite.file import POST_PROCESS

TYPES = {name: code for name, code in vars(tflite.TensorType).items() if not name.startswith("_")}
CODES = {name: code for name, code in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor; ``data`` makes it a constant, ``zero`` is its zero point."""

    name: str
    shape: tuple[int, ...]
    type: str = "INT8"
    scales: tuple[float, ...] = (0.5,)
    data: bytes = b""
    signature: tuple[int, ...] = ()
    zero: int = 0


@dataclass(frozen=True)
class OperatorSpec:
    """One operator over tensors by name; ``builtin`` is a table of the schema and its fields."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    version: int = 1
    options: bytes = b""
    builtin: tuple[str, dict[str, int]] = ("", {})


@dataclass(frozen=True)
class ModelSpec:
    """A graph; ``metadata`` are named buffers."""

    tensors: tuple[TensorSpec, ...]
    operators: tuple[OperatorSpec, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: dict[str, bytes] = field(default_factory=dict)

    def with_tensor(self, name, **changes):
        """Return the graph with one tensor changed."""
        return replace(self, tensors=tuple(replace(t, **changes) if t.name == name else t for t in self.tensors))

    def with_operator(self, index, **changes):
        """Return the graph with one operator changed."""
        operators = [replace(o, **changes) if i == index else o for i, o in enumerate(self.operators)]
        return replace(self, operators=tuple(operators))


def detector():
    """Return an int8 detector: one convolution, two dequantized results, post-processing."""
    found = [TensorSpec(name, shape, "FLOAT32", ()) for name, shape in FOUND.items()]
    tensors = (
        TensorSpec("picture", (1, 8, 8, 3), "UINT8"),
        TensorSpec("input", (1, 8, 8, 3)),
        TensorSpec("filter", (4, 3, 3, 3), data=bytes(108)),
        TensorSpec("bias", (4,), "INT32", (0.25,), data=bytes(16)),
        TensorSpec("features", (1, 8, 8, 4)),
        TensorSpec("encodings", (1, 64, 4)),
        TensorSpec("boxes_float", (1, 64, 4), "FLOAT32", ()),
        TensorSpec("scores_int", (1, 64, 4)),
        TensorSpec("scores_float", (1, 64, 4), "FLOAT32", ()),
        TensorSpec("anchors", (64, 4), "FLOAT32", (), data=bytes(1024)),
        *found,
    )
    operators = (
        OperatorSpec("QUANTIZE", ("picture",), ("input",)),
        OperatorSpec("CONV_2D", ("input", "filter", "bias"), ("features",), 3),
        OperatorSpec("RESHAPE", ("features",), ("encodings",)),
        OperatorSpec("DEQUANTIZE", ("encodings",), ("boxes_float",), 2),
        OperatorSpec("LOGISTIC", ("encodings",), ("scores_int",), 2),
        OperatorSpec("DEQUANTIZE", ("scores_int",), ("scores_float",), 2),
        OperatorSpec(POST_PROCESS, ("boxes_float", "scores_float", "anchors"), tuple(FOUND), options=b"\x01\x04\x01"),
    )
    return ModelSpec(tensors, operators, ("picture",), tuple(FOUND))


def chain(*names, shapes=((1, 8, 8, 4),), types=("INT8",)):
    """Return a graph whose operators take one tensor each, that of the one before; shapes and types repeat the last."""
    count = len(names) + 1
    shapes, types = ((*given, *given[-1:] * count)[:count] for given in (shapes, types))
    scales = {"FLOAT32": (), "INT32": ()}
    tensors = [TensorSpec(f"t{i}", shapes[i], types[i], scales.get(types[i], (0.5,))) for i in range(count)]
    operators = [OperatorSpec(name, (f"t{i}",), (f"t{i + 1}",)) for i, name in enumerate(names)]
    return ModelSpec(tuple(tensors), tuple(operators), ("t0",), (f"t{count - 1}",))


FOUND = {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}


def content_of(spec):
    """Return the bytes of a TFLite file with the graph."""
    builder = flatbuffers.Builder()
    places = {tensor.name: place for place, tensor in enumerate(spec.tensors)}
    metadata = list(spec.metadata.items())
    contents = [b"", *(tensor.data for tensor in spec.tensors), *(data for _, data in metadata)]
    buffers = [_buffer(builder, data) for data in contents]
    names = [builder.CreateString(name) for name, _ in metadata]
    first = 1 + len(spec.tensors)
    entries = [_table(builder, "Metadata", Name=name, Buffer=first + number) for number, name in enumerate(names)]
    codes = [_code(builder, operator) for operator in spec.operators]
    operators = [_operator(builder, number, operator, places) for number, operator in enumerate(spec.operators)]
    tensors = [_tensor(builder, 1 + place, tensor) for place, tensor in enumerate(spec.tensors)]
    graph = _table(
        builder,
        "SubGraph",
        Tensors=_vector(builder, tensors),
        Inputs=_ints(builder, [places[name] for name in spec.inputs]),
        Outputs=_ints(builder, [places[name] for name in spec.outputs]),
        Operators=_vector(builder, operators),
    )
    model = _table(
        builder,
        "Model",
        Version=3,
        OperatorCodes=_vector(builder, codes),
        Subgraphs=_vector(builder, [graph]),
        Description=builder.CreateString("made for a test"),
        Buffers=_vector(builder, buffers),
        Metadata=_vector(builder, entries),
    )
    builder.Finish(model, file_identifier=b"TFL3")
    return bytes(builder.Output())


def write_model(path, spec):
    """Write a TFLite file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content_of(spec))
    return path


def _table(builder, kind, **values):
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in values.items():
        getattr(tflite, f"{kind}Add{name}")(builder, value)
    return getattr(tflite, f"{kind}End")(builder)


def _vector(builder, places):
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _ints(builder, values):
    return builder.CreateNumpyVector(np.array(values, dtype=np.int32))


def _buffer(builder, data):
    values = {"Data": builder.CreateByteVector(data)} if data else {}
    return _table(builder, "Buffer", **values)


def _code(builder, operator):
    builtin = CODES.get(operator.name, CODES["CUSTOM"])
    values = {} if operator.name in CODES else {"CustomCode": builder.CreateString(operator.name)}
    old = min(builtin, 127)
    return _table(
        builder, "OperatorCode", DeprecatedBuiltinCode=old, Version=operator.version, BuiltinCode=builtin, **values
    )


def _operator(builder, number, operator, places):
    values = {
        "Inputs": _ints(builder, [places[name] for name in operator.inputs]),
        "Outputs": _ints(builder, [places[name] for name in operator.outputs]),
    }
    kind, fields = operator.builtin
    if kind:
        values["BuiltinOptions"] = _table(builder, kind, **fields)
        values["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, kind)
    if operator.options:
        values["CustomOptions"] = builder.CreateByteVector(operator.options)
    return _table(builder, "Operator", OpcodeIndex=number, **values)


def _tensor(builder, buffer, tensor):
    values = {"Name": builder.CreateString(tensor.name), "Shape": _ints(builder, tensor.shape)}
    if tensor.signature:
        values["ShapeSignature"] = _ints(builder, tensor.signature)
    if tensor.scales:
        scales = builder.CreateNumpyVector(np.array(tensor.scales, dtype=np.float32))
        zeros = builder.CreateNumpyVector(np.full(len(tensor.scales), tensor.zero, dtype=np.int64))
        values["Quantization"] = _table(builder, "QuantizationParameters", Scale=scales, ZeroPoint=zeros)
    return _table(builder, "Tensor", Type=TYPES[tensor.type], Buffer=buffer, **values)
