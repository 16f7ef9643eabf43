"""TFRecord files, written and read without TensorFlow: the only door to google_crc32c.

Each record stands as: length (8 bytes, little-endian), masked CRC-32C of the length (4), the data, masked CRC-32C of
the data (4). Compressed files are not accepted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from edgetrain.core.errors import DatasetError
from edgetrain.core.files import storage_error

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CRC.size
_MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of ``data`` as TFRecord stores it: rotated and shifted, 32 bits."""
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Write records to a new file and return how many there were.

    Raises:
        StorageError: the file cannot be written.
    """
    count = 0
    try:
        with path.open("wb") as stream:
            for data in records:
                length = _LENGTH.pack(len(data))
                stream.write(length + _CRC.pack(masked_crc(length)))
                stream.write(data)
                stream.write(_CRC.pack(masked_crc(data)))
                count += 1
    except OSError as error:
        raise storage_error(path, error) from error
    return count


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file, one in memory at a time, checksums checked.

    Raises:
        DatasetError: the file cannot be read, is cut off or was altered; names the record (from 1).
    """
    try:
        with path.open("rb") as stream:
            number = 1
            while (data := _read_record(stream, f"{path}: record {number}")) is not None:
                yield data
                number += 1
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read ({error.strerror}). Run "ci/inv records" again.') from error


def _read_record(stream: BinaryIO, label: str) -> bytes | None:
    """Return the next record, ``None`` at the end of the file."""
    header = stream.read(_HEADER_BYTES)
    if not header:
        return None
    if len(header) < _HEADER_BYTES:
        raise _broken(label, "is cut off")
    length = header[: _LENGTH.size]
    if _CRC.unpack(header[_LENGTH.size :])[0] != masked_crc(length):
        raise _broken(label, "has a wrong checksum of its length")
    size_bytes = _LENGTH.unpack(length)[0]
    rest = stream.read(size_bytes + _CRC.size)
    if len(rest) < size_bytes + _CRC.size:
        raise _broken(label, "is cut off")
    data = rest[:size_bytes]
    if _CRC.unpack(rest[size_bytes:])[0] != masked_crc(data):
        raise _broken(label, "has a wrong checksum")
    return data


def _broken(label: str, reason: str) -> DatasetError:
    return DatasetError(f'{label} {reason}. Run "ci/inv records" again.')
