"""What a TFLite model says of itself in TensorFlow Lite's metadata format: labels, input statistics, outputs.

Written is a FlatBuffer with the identifier ``M001`` (schema 1.0 of TensorFlow Lite Support) in the model's metadata
entry ``TFLITE_METADATA``, and the label file as a ZIP archive behind the model, whose name the metadata holds::

    model FlatBuffer, with the buffer TFLITE_METADATA | ZIP archive: labels.txt

The ZIP archive is no part of the model's FlatBuffer, so a program that writes the model anew loses it, while it may
keep the buffer. Therefore the class names also stand in the buffer, as JSON in the description of the classes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Union

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from edgetrain.core.boxes import ImageSize
from edgetrain.core.label_map import LabelMap

LABELS_NAME = "labels.txt"
_ENTRY, _IDENTIFIER, _PARSER_VERSION = "TFLITE_METADATA", b"M001", "1.0.0"
_FILE_MODE = 0o644 << 16

# Numbers of the schema: members of unions, values of enums.
_FEATURE, _IMAGE, _BOUNDING_BOX, _NORMALIZATION = 1, 2, 3, 1
_RGB, _VALUE_LABELS, _BOUNDARIES, _RATIO = 1, 3, 1, 0
# The schema's order of a box is left, top, right, bottom; the model's is ymin, xmin, ymax, xmax.
_BOX_ORDER, _BOX_DIMENSION = (1, 0, 3, 2), 2


@dataclass(frozen=True)
class ModelDescription:
    """What the metadata says.

    A pixel (0 to 255) becomes the network's number by ``(pixel - mean) / std``; ``is_quantized`` models do that
    themselves and take the pixels as they are.
    """

    name: str
    label_map: LabelMap
    input_size: ImageSize
    is_quantized: bool
    mean: float = 127.5
    std: float = 127.5


def write_metadata(path: Path, description: ModelDescription) -> None:
    """Put metadata and labels into a TFLite file that has none; equal arguments give equal bytes.

    Args:
        path: a model whose outputs are boxes, classes, scores, count; it is written in place.
        description: what the metadata says.
    """
    model = flatbuffer_utils.read_model(str(path))
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = list(render_metadata(description))
    entry.name, entry.buffer = _ENTRY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    flatbuffer_utils.write_model(model, str(path))
    labels = zipfile.ZipInfo(LABELS_NAME)  # dated 1980: no clock in the bytes
    labels.external_attr = _FILE_MODE
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(labels, "".join(f"{name}\n" for name in description.label_map.names))


def render_metadata(description: ModelDescription) -> bytes:
    """Return the FlatBuffer of a ``ModelMetadata``."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_model(description).write(builder), _IDENTIFIER)
    return bytes(builder.Output())


@dataclass(frozen=True)
class _Scalar:
    """A number of a table: ``kind`` is what ``flatbuffers`` calls its type."""

    kind: str
    value: float


@dataclass(frozen=True)
class _Numbers:
    """A vector of numbers of one type."""

    kind: str
    values: Sequence[float]

    def write(self, builder: Any) -> int:
        """Return where the vector now stands."""
        builder.StartVector(4, len(self.values), 4)
        for value in reversed(self.values):
            getattr(builder, f"Prepend{self.kind}")(value)
        return int(builder.EndVector())


@dataclass(frozen=True)
class _Table:
    """A table of the schema: its fields' values by their numbers."""

    fields: Mapping[int, _Value]

    def write(self, builder: Any) -> int:
        """Return where the table now stands; what it refers to is written before it."""
        offsets = {
            slot: _write(builder, value) for slot, value in self.fields.items() if not isinstance(value, _Scalar)
        }
        builder.StartObject(max(self.fields, default=-1) + 1)
        for slot, value in self.fields.items():
            if isinstance(value, _Scalar):
                getattr(builder, f"Prepend{value.kind}Slot")(slot, value.value, 0)
            else:
                builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
        return int(builder.EndObject())


_Offset = Union[str, _Numbers, _Table, "list[_Table]"]
_Value = Union[_Offset, _Scalar]
_byte, _ubyte = partial(_Scalar, "Int8"), partial(_Scalar, "Uint8")
_int, _uint = partial(_Scalar, "Int32"), partial(_Scalar, "Uint32")


def _write(builder: Any, value: _Offset) -> int:
    """Return where a text, vector or table now stands."""
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if not isinstance(value, list):
        return value.write(builder)
    offsets = [table.write(builder) for table in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _model(description: ModelDescription) -> _Table:
    names = json.dumps(description.label_map.names, ensure_ascii=False)
    labels = _Table({0: LABELS_NAME, 1: "class names, one a line, by index from 0", 2: _byte(_VALUE_LABELS)})
    box = _Table({0: _Numbers("Uint32", _BOX_ORDER), 1: _byte(_BOUNDARIES), 2: _byte(_RATIO)})
    dimension = _Table({0: _int(_BOX_DIMENSION), 1: _int(_BOX_DIMENSION)})
    boxes = _Table({0: _ubyte(_BOUNDING_BOX), 1: box, 2: dimension})
    outputs = [
        _tensor("location", "ymin, xmin, ymax, xmax of each box, as fractions of the picture", {3: boxes}),
        _tensor("category", f"class of each box, an index from 0 into {names}", {6: [labels]}),
        _tensor("score", "score of each box, 0 to 1", {}),
        _tensor("number of detections", "how many of the boxes are valid", {}),
    ]
    graph = _Table({2: [_input(description)], 3: outputs})
    return _Table({0: description.name, 1: "SSD object detector", 3: [graph], 7: _PARSER_VERSION})


def _tensor(name: str, text: str, fields: Mapping[int, _Value]) -> _Table:
    """Return a ``TensorMetadata``, whose content is plain numbers unless the fields say otherwise."""
    plain = _Table({0: _ubyte(_FEATURE), 1: _Table({})})
    return _Table({0: name, 1: text, 3: plain, **fields})


def _input(description: ModelDescription) -> _Table:
    size, mean, std = description.input_size, description.mean, description.std
    low, high = (0.0, 255.0) if description.is_quantized else (-mean / std, (255 - mean) / std)
    image = _Table({0: _byte(_RGB), 1: _Table({0: _uint(size.width), 1: _uint(size.height)})})
    normalization = _Table({0: _Numbers("Float32", [mean]), 1: _Numbers("Float32", [std])})
    fields: dict[int, _Value] = {
        3: _Table({0: _ubyte(_IMAGE), 1: image}),
        4: [_Table({0: _ubyte(_NORMALIZATION), 1: normalization})],
        5: _Table({0: _Numbers("Float32", [high]), 1: _Numbers("Float32", [low])}),
    }
    return _tensor("image", f"RGB picture of {size} pixels", fields)
