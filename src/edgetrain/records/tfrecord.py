"""TFRecord files, written and read without TensorFlow: the only door to google_crc32c.

Each record stands as: length (8 bytes, little-endian), masked CRC-32C of the length (4), the data, masked CRC-32C of
the data (4). Compressed files are not accepted.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import file_digest, storage_error

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CRC.size
_MASK_DELTA = 0xA282EAD8
# Fewer, larger writes cost the kernel less; beyond this size it costs the processor's cache more.
_BUFFER_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class BrokenRecord:
    """Stands in the place of a damaged record; ``reason`` is the end of a sentence about it."""

    reason: str


@dataclass(frozen=True)
class WrittenRecords:
    """What went into a file: the number of records, its size, and what :func:`records_digest` gives for it."""

    count: int
    size_bytes: int
    digest: str


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of ``data`` as TFRecord stores it: rotated and shifted, 32 bits."""
    return _masked(google_crc32c.value(data))


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write_records(path: Path, records: Iterable[bytes | tuple[bytes, ...]]) -> WrittenRecords:
    """Write records to a new file.

    Args:
        path: the file.
        records: the bytes of each, whole or in parts that stand one behind the other.

    Raises:
        StorageError: the file cannot be written.
    """
    count = size_bytes = 0
    digest = hashlib.sha256()
    try:
        with path.open("wb", buffering=_BUFFER_BYTES) as stream:
            for record in records:
                parts = record if isinstance(record, tuple) else (record,)
                crc = 0
                for part in parts:
                    crc = google_crc32c.extend(crc, part)
                length = _LENGTH.pack(sum(map(len, parts)))
                checksum = _CRC.pack(_masked(crc))
                stream.writelines((length, _CRC.pack(masked_crc(length)), *parts, checksum))
                digest.update(length + checksum)
                count += 1
            size_bytes = stream.tell()
    except OSError as error:
        raise storage_error(path, error) from error
    return WrittenRecords(count, size_bytes, digest.hexdigest())


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file, one in memory at a time, checksums checked.

    Raises:
        DatasetError: the file cannot be read, is cut off or was altered; names the record (from 1).
    """
    for number, record in enumerate(scan_records(path), start=1):
        if isinstance(record, BrokenRecord):
            raise _damaged(path, number, record)
        yield record


def record_offsets(path: Path) -> list[int]:
    """Return where the records of a file start; only their lengths are read and checked, not their data.

    Raises:
        DatasetError: the file cannot be read, or is damaged; names the record (from 1).
    """
    offsets: list[int] = []
    try:
        with path.open("rb") as stream:
            left = os.fstat(stream.fileno()).st_size
            while left:
                length = _read_length(stream, left)
                if isinstance(length, BrokenRecord):
                    raise _damaged(path, len(offsets) + 1, length)
                offsets.append(stream.tell() - _HEADER_BYTES)
                left -= _HEADER_BYTES + length + _CRC.size
                stream.seek(length + _CRC.size, os.SEEK_CUR)
    except OSError as error:
        raise _unreadable(path, error) from error
    return offsets


def read_record(path: Path, offset: int) -> bytes:
    """Return the record that starts at an offset, checksums checked.

    Raises:
        DatasetError: the file cannot be read, or the record is damaged; names the offset.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            record, _ = _read_record(stream, os.fstat(stream.fileno()).st_size - offset)
    except OSError as error:
        raise _unreadable(path, error) from error
    if isinstance(record, BrokenRecord):
        raise DatasetError(f'{path}: the record at byte {offset} {record.reason}. Run "ci/inv records" again.')
    return record


def scan_records(path: Path) -> Iterator[bytes | BrokenRecord]:
    """Yield the records of a file, and in place of a damaged one what is wrong with it, as far as that can be told.

    Raises:
        DatasetError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            left = os.fstat(stream.fileno()).st_size
            while left:
                record, size_bytes = _read_record(stream, left)
                yield record
                left -= size_bytes
    except OSError as error:
        raise _unreadable(path, error) from error


def records_digest(path: Path) -> str:
    """Return one SHA-256 for the content of a file: of its records' lengths and checksums, which the data were held to.

    Its writer knows it without reading the file again, and reading costs a fifth of hashing the data. A damaged file
    has the digest of its bytes.

    Raises:
        DatasetError: the file cannot be read.
    """
    digest = hashlib.sha256()
    for record in scan_records(path):
        if isinstance(record, BrokenRecord):
            return file_digest(path)
        digest.update(_LENGTH.pack(len(record)) + _CRC.pack(masked_crc(record)))
    return digest.hexdigest()


def _damaged(path: Path, number: int, record: BrokenRecord) -> DatasetError:
    return DatasetError(f'{path}: record {number} {record.reason}. Run "ci/inv records" again.')


def _unreadable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f'{path}: cannot be read ({error.strerror}). Run "ci/inv records" again.')


def _read_record(stream: BinaryIO, left: int) -> tuple[bytes | BrokenRecord, int]:
    """Return the next record and its size in the file; the whole rest where nothing behind it can be read."""
    length = _read_length(stream, left)
    if isinstance(length, BrokenRecord):
        return length, left
    data = stream.read(length)
    is_whole = _CRC.unpack(stream.read(_CRC.size))[0] == masked_crc(data)
    return data if is_whole else BrokenRecord("has a wrong checksum"), _HEADER_BYTES + length + _CRC.size


def _read_length(stream: BinaryIO, left: int) -> int | BrokenRecord:
    """Return the length of the next record's data, which lies within what is left of the file."""
    header = stream.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return BrokenRecord("is cut off")
    length = header[: _LENGTH.size]
    if _CRC.unpack(header[_LENGTH.size :])[0] != masked_crc(length):
        return BrokenRecord("is compressed" if header.startswith(_GZIP) else "has a wrong checksum of its length")
    size_bytes: int = _LENGTH.unpack(length)[0]
    # A length that says more than there is would have that much memory reserved.
    return BrokenRecord("is cut off") if size_bytes + _HEADER_BYTES + _CRC.size > left else size_bytes
