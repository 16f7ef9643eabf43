"""``tf.train.Example`` messages of labelled pictures, encoded and decoded without TensorFlow or protobuf.

The keys are those that the Object Detection API's ``TfExampleDecoder`` reads. The bytes equal TensorFlow's own
deterministic serialisation::

    Example      1: Features
    Features     1: map entry {1: key, 2: Feature}, sorted by key
    Feature      1: BytesList | 2: FloatList | 3: Int64List
    each list    1: values (bytes one by one; numbers packed, unpacked ones are read too)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError
from edgetrain.formats.tfrecord import read_records

T = TypeVar("T")
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BITS = 70
_LOW_BITS, _MORE_BIT = 0x7F, 0x80
_UINT64_MAX = (1 << 64) - 1
_BOX = "image/object/bbox/"


@dataclass(frozen=True)
class ExampleBox:
    """One ground-truth box of an example; ``class_id`` counts from 1."""

    box: NormalizedBox
    class_name: str
    class_id: int
    is_difficult: bool = False


@dataclass(frozen=True)
class DetectionExample:
    """One labelled picture as it is trained on.

    ``source_id`` is unique in the dataset; ``image_bytes`` are the file as it stands; ``image_format`` is ``jpeg`` or
    ``png``. Coordinates have the precision of float32 once they were encoded.
    """

    filename: str
    source_id: str
    image_bytes: bytes
    image_format: str
    size: ImageSize
    boxes: tuple[ExampleBox, ...]


def encode_example(example: DetectionExample) -> bytes:
    """Return the serialised ``tf.train.Example``; equal examples give equal bytes."""
    boxes = example.boxes
    features = [  # sorted by key
        _bytes_feature("image/encoded", [example.image_bytes]),
        _bytes_feature("image/filename", [example.filename.encode()]),
        _bytes_feature("image/format", [example.image_format.encode()]),
        _int_feature("image/height", [example.size.height]),
        _bytes_feature("image/key/sha256", [hashlib.sha256(example.image_bytes).hexdigest().encode()]),
        _float_feature(f"{_BOX}xmax", [item.box.xmax for item in boxes]),
        _float_feature(f"{_BOX}xmin", [item.box.xmin for item in boxes]),
        _float_feature(f"{_BOX}ymax", [item.box.ymax for item in boxes]),
        _float_feature(f"{_BOX}ymin", [item.box.ymin for item in boxes]),
        _int_feature("image/object/class/label", [item.class_id for item in boxes]),
        _bytes_feature("image/object/class/text", [item.class_name.encode() for item in boxes]),
        _int_feature("image/object/difficult", [int(item.is_difficult) for item in boxes]),
        _bytes_feature("image/source_id", [example.source_id.encode()]),
        _int_feature("image/width", [example.size.width]),
    ]
    return _field(1, b"".join(features))


def decode_example(data: bytes) -> DetectionExample:
    """Return the labelled picture of a serialised ``tf.train.Example``.

    Raises:
        DatasetError: the bytes are no such message, a feature is missing, or the boxes' lists differ in length.
    """
    try:
        return _to_example(_decode_features(data))
    except (ValueError, struct.error) as error:
        raise DatasetError(f'not an example of a labelled picture: {error}. Run "ci/inv records" again.') from error


def read_examples(paths: Sequence[Path]) -> Iterator[DetectionExample]:
    """Yield the labelled pictures of TFRecord files, in the order of the files.

    Raises:
        DatasetError: a file or a record is broken; names both (records from 1).
    """
    for path in paths:
        for number, data in enumerate(read_records(path), start=1):
            try:
                example = decode_example(data)
            except DatasetError as error:
                raise DatasetError(f"{path}: record {number}: {error}") from error
            yield example


@dataclass
class _Feature:
    """The values of one feature; at most one of the lists has any."""

    texts: list[bytes] = field(default_factory=list)
    floats: list[float] = field(default_factory=list)
    ints: list[int] = field(default_factory=list)


def _to_example(features: Mapping[str, _Feature]) -> DetectionExample:
    def feature(key: str) -> _Feature:
        return features.get(key, _Feature())

    def one_text(key: str) -> bytes:
        return _only(feature(key).texts, key)

    def one_int(key: str) -> int:
        return _only(feature(key).ints, key)

    sides = [feature(f"{_BOX}{side}").floats for side in ("ymin", "xmin", "ymax", "xmax")]
    names = feature("image/object/class/text").texts
    ids = feature("image/object/class/label").ints
    difficult = feature("image/object/difficult").ints or [0] * len(ids)
    lengths = sorted({*map(len, sides), len(names), len(ids), len(difficult)})
    if len(lengths) > 1:
        raise ValueError(f"the lists of its boxes have the lengths {lengths}")
    return DetectionExample(
        filename=one_text("image/filename").decode(),
        source_id=one_text("image/source_id").decode(),
        image_bytes=one_text("image/encoded"),
        image_format=one_text("image/format").decode(),
        size=ImageSize(one_int("image/width"), one_int("image/height")),
        boxes=tuple(
            ExampleBox(NormalizedBox(*corners), name.decode(), class_id, bool(is_difficult))
            for *corners, name, class_id, is_difficult in zip(*sides, names, ids, difficult)
        ),
    )


def _only(values: Sequence[T], key: str) -> T:
    if len(values) != 1:
        raise ValueError(f"{key} has {len(values)} values, not 1")
    return values[0]


def _bytes_feature(key: str, values: Sequence[bytes]) -> bytes:
    return _feature(key, _BYTES_LIST, b"".join(_field(1, value) for value in values))


def _float_feature(key: str, values: Sequence[float]) -> bytes:
    packed = struct.pack(f"<{len(values)}f", *values)
    return _feature(key, _FLOAT_LIST, _field(1, packed) if packed else b"")


def _int_feature(key: str, values: Sequence[int]) -> bytes:
    packed = b"".join(_varint(value) for value in values)
    return _feature(key, _INT64_LIST, _field(1, packed) if packed else b"")


def _feature(key: str, kind: int, content: bytes) -> bytes:
    """Return one entry of the map of features."""
    return _field(1, _field(1, key.encode()) + _field(2, _field(kind, content)))


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return a number of at least 0 as a base-128 varint."""
    groups = bytearray()
    while value > _LOW_BITS:
        groups.append(value & _LOW_BITS | _MORE_BIT)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _decode_features(data: bytes) -> dict[str, _Feature]:
    features = {}
    for entry in _messages(b"".join(_messages(data, 1)), 1):  # a message that is split in two is their concatenation
        key = b"".join(_messages(entry, 1)[-1:]).decode()
        features[key] = _decode_feature(b"".join(_messages(entry, 2)))
    return features


def _decode_feature(data: bytes) -> _Feature:
    floats = [value for part in _messages(data, _FLOAT_LIST) for value in _decode_floats(part)]
    ints = [value for part in _messages(data, _INT64_LIST) for value in _decode_ints(part)]
    return _Feature([text for part in _messages(data, _BYTES_LIST) for text in _messages(part, 1)], floats, ints)


def _decode_floats(data: bytes) -> Iterator[float]:
    for number, wire_type, content in _fields(data):
        if number == 1 and wire_type in (_LENGTH_DELIMITED, _FIXED32):
            yield from (value for (value,) in struct.iter_unpack("<f", content))


def _decode_ints(data: bytes) -> Iterator[int]:
    for number, wire_type, content in _fields(data):
        position = 0
        while number == 1 and wire_type in (_LENGTH_DELIMITED, _VARINT) and position < len(content):
            value, position = _read_varint(content, position)
            yield value - (1 << 64) if value >> 63 else value


def _messages(data: bytes, number: int) -> list[bytes]:
    """Return the length-delimited fields of a number."""
    return [content for found, kind, content in _fields(data) if found == number and kind == _LENGTH_DELIMITED]


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, wire type and content of each field of a message.

    Raises:
        ValueError: the message is cut off or has a wire type that protobuf 3 does not write.
    """
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        wire_type = tag & 7
        if wire_type == _LENGTH_DELIMITED:
            length, position = _read_varint(data, position)
            end = position + length
        elif wire_type == _VARINT:
            end = _read_varint(data, position)[1]
        elif wire_type in _FIXED_BYTES:
            end = position + _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type} at byte {position}")
        if end > len(data):
            raise ValueError(f"{end - len(data)} bytes are missing at its end")
        yield tag >> 3, wire_type, data[position:end]
        position = end


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position and the position behind it."""
    value = 0
    for shift in range(0, _VARINT_BITS, 7):
        if position >= len(data):
            raise ValueError("a number is cut off at its end")
        byte = data[position]
        position += 1
        value |= (byte & _LOW_BITS) << shift
        if byte < _MORE_BIT:
            return value & _UINT64_MAX, position
    raise ValueError(f"a number at byte {position} has more than 64 bits")
