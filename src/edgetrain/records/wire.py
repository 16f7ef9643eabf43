"""``tf.train.Example`` messages as features by key, encoded and decoded without TensorFlow or protobuf.

The bytes equal TensorFlow's own deterministic serialisation::

    Example      1: Features
    Features     1: map entry {1: key, 2: Feature}, sorted by key
    Feature      1: BytesList | 2: FloatList | 3: Int64List
    each list    1: values (bytes one by one; numbers packed, unpacked ones are read too)
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BITS = 70
_LOW_BITS, _MORE_BIT = 0x7F, 0x80
# The same few lengths come again and again; only those of pictures are all different.
_KNOWN_STARTS = _KNOWN_ENTRIES = 1024
_UINT64_MAX = (1 << 64) - 1
_SHORT_VARINTS = tuple(bytes((value,)) for value in range(_MORE_BIT))
_FIRST, _SECOND, _THIRD = (bytes((number << 3 | _LENGTH_DELIMITED,)) for number in (1, 2, 3))


@dataclass
class Feature:
    """The values of one feature; at most one of the lists has any."""

    texts: list[bytes] = field(default_factory=list)
    floats: list[float] = field(default_factory=list)
    ints: list[int] = field(default_factory=list)


def example_parts(picture: tuple[bytes, bytes], entries: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    """Return the message of encoded features in parts, the second of which is the picture's own bytes, not copied.

    Args:
        picture: what :func:`picture_entry` gave; its key sorts before all others.
        entries: the other features, sorted by key.
    """
    start, value = picture
    rest = b"".join(entries)
    return _FIRST + varint(len(start) + len(value) + len(rest)) + start, value, rest


def text_entry(key: str, value: bytes) -> bytes:
    """Return a feature of one byte string with its key."""
    return _start_of_list(key, _FIRST, len(value)) + value


@functools.lru_cache(maxsize=_KNOWN_ENTRIES)
def texts_entry(key: str, values: tuple[bytes, ...]) -> bytes:
    """Return a feature of byte strings that come again and again with its key."""
    content = b"".join([part for value in values for part in (_FIRST, varint(len(value)), value)])
    return _start(key, _FIRST, len(content)) + content


def picture_entry(key: str, value: bytes) -> tuple[bytes, bytes]:
    """Return a feature of one long byte string with its key, cut before the value, which is not copied."""
    return _start_of_list(key, _FIRST, len(value)), value


def floats_entry(key: str, values: Sequence[float]) -> bytes:
    """Return a feature of float32 numbers with its key."""
    return _packed_entry(key, _SECOND, struct.pack(f"<{len(values)}f", *values))


@functools.lru_cache(maxsize=_KNOWN_ENTRIES)
def ints_entry(key: str, values: tuple[int, ...]) -> bytes:
    """Return a feature of numbers of at least 0, that come again and again, with its key."""
    return _packed_entry(key, _THIRD, b"".join(map(varint, values)))


def varint(value: int) -> bytes:
    """Return a number of at least 0 as a base-128 varint."""
    if value < _MORE_BIT:
        return _SHORT_VARINTS[value]
    groups = bytearray()
    while value > _LOW_BITS:
        groups.append(value & _LOW_BITS | _MORE_BIT)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def decode_features(data: bytes) -> dict[str, Feature]:
    """Return the features of a serialised ``tf.train.Example``.

    Raises:
        ValueError: the bytes are no such message.
    """
    features = {}
    for entry in _messages(b"".join(_messages(data, 1)), 1):  # a message that is split in two is their concatenation
        key = b"".join(_messages(entry, 1)[-1:]).decode()
        features[key] = _decode_feature(b"".join(_messages(entry, 2)))
    return features


def _packed_entry(key: str, kind: bytes, numbers: bytes) -> bytes:
    return _start_of_list(key, kind, len(numbers)) + numbers if numbers else _start(key, kind, 0)


@functools.lru_cache(maxsize=_KNOWN_STARTS)
def _start_of_list(key: str, kind: bytes, length: int) -> bytes:
    """Return what stands before the only element of a feature's list, ``length`` bytes long."""
    element = _FIRST + varint(length)
    return _start(key, kind, len(element) + length) + element


@functools.lru_cache(maxsize=_KNOWN_STARTS)
def _start(key: str, kind: bytes, length: int) -> bytes:
    """Return what stands before a feature's list, ``length`` bytes long: entry of the map, key, feature."""
    name = key.encode()
    start = kind + varint(length)
    start = _FIRST + varint(len(name)) + name + _SECOND + varint(len(start) + length) + start
    return _FIRST + varint(len(start) + length) + start


def _decode_feature(data: bytes) -> Feature:
    floats = [value for part in _messages(data, _FLOAT_LIST) for value in _decode_floats(part)]
    ints = [value for part in _messages(data, _INT64_LIST) for value in _decode_ints(part)]
    return Feature([text for part in _messages(data, _BYTES_LIST) for text in _messages(part, 1)], floats, ints)


def _decode_floats(data: bytes) -> Iterator[float]:
    for number, wire_type, content in _fields(data):
        if number == 1 and wire_type in (_LENGTH_DELIMITED, _FIXED32):
            if len(content) % 4:
                raise ValueError("a list of numbers is cut off at its end")
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
