"""What edgetpu_compiler left in a TFLite file: the operator ``edgetpu-custom-op`` and the package inside it.

The operator's options are a FlexBuffer map whose entry ``4`` is a FlatBuffer ``DWN1``::

    Package           0: min_runtime_version  1: serialized_multi_executable  4: compiler_version
    MultiExecutable   0: [serialized Executable]
    Executable        6: parameters (bytes)  13: type (0 alone, 1 caches parameters, 2 runs)  14: caching token

Source: https://github.com/google-coral/libedgetpu/blob/master/executable/executable.fbs
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flatbuffers import flexbuffers, number_types
from flatbuffers.table import Table

from edgetrain.core.errors import ModelError
from edgetrain.tflite.file import TfliteModel

EDGETPU_OPERATOR = "edgetpu-custom-op"
_PACKAGE_KEY = "4"
_IDENTIFIER = b"DWN1"
_CACHES_PARAMETERS = 1
_MOST_EXECUTABLES = 1000
_DAMAGED = (struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError, AttributeError)


@dataclass(frozen=True)
class EdgeTpuPackage:
    """One compiled part of a model.

    ``cached_bytes`` are parameters that are kept on the chip, ``streamed_bytes`` those that are sent for every picture.
    ``caching_token`` is equal for models that share the chip's memory.
    """

    min_runtime_version: int
    compiler_version: str
    cached_bytes: int
    streamed_bytes: int
    caching_token: int


def is_compiled(model: TfliteModel) -> bool:
    """Return whether a model has an operator for the Edge TPU."""
    return any(operator.name == EDGETPU_OPERATOR for operator in model.operators)


def packages_of(model: TfliteModel, path: Path) -> list[EdgeTpuPackage]:
    """Return the packages of a model's operators for the Edge TPU; empty if it is not compiled.

    Raises:
        ModelError: a package is damaged, or is none.
    """
    options = [operator.custom_options for operator in model.operators if operator.name == EDGETPU_OPERATOR]
    try:
        return [_package(content) for content in options]
    except _DAMAGED as error:
        raise ModelError(
            f"{path}: {EDGETPU_OPERATOR} holds no sound program for the Edge TPU ({error}). Compile the model again."
        ) from error


def _package(options: bytes) -> EdgeTpuPackage:
    serialized = flexbuffers.GetRoot(bytearray(options)).AsMap[_PACKAGE_KEY].AsStringBytes
    data = bytes(serialized)
    if data[4:8] != _IDENTIFIER:
        raise ValueError("its package does not begin with DWN1")
    package = _root(data)
    executables = [_root(part) for part in _strings(_root(_bytes(package, 1)), 0)]
    sizes = {kind: sum(len(_bytes(e, 6)) for e in executables if _is_caching(e) is kind) for kind in (True, False)}
    return EdgeTpuPackage(
        min_runtime_version=_number(package, 0, number_types.Int32Flags),
        compiler_version=_bytes(package, 4).decode(errors="replace"),
        cached_bytes=sizes[True],
        streamed_bytes=sizes[False],
        caching_token=max((_number(e, 14, number_types.Uint64Flags) for e in executables), default=0),
    )


def _is_caching(executable: Table) -> bool:
    return _number(executable, 13, number_types.Int16Flags) == _CACHES_PARAMETERS


def _root(data: bytes) -> Table:
    """Return the root table of a FlatBuffer."""
    (place,) = struct.unpack_from("<I", data)
    return Table(data, place)


def _place(table: Table, field: int) -> int:
    """Return where a field of a table stands, 0 if it is absent."""
    offset = int(table.Offset(4 + 2 * field))
    return offset + int(table.Pos) if offset else 0


def _number(table: Table, field: int, flags: type) -> int:
    place = _place(table, field)
    return int(table.Get(flags, place)) if place else 0


def _bytes(table: Table, field: int) -> bytes:
    """Return a vector of bytes or a string; empty if it is absent."""
    place = _place(table, field)
    return _bytes_at(table, place) if place else b""


def _bytes_at(table: Table, place: int) -> bytes:
    start = int(table.Indirect(place))
    (length,) = struct.unpack_from("<I", table.Bytes, start)
    content = bytes(table.Bytes[start + 4 : start + 4 + length])
    if len(content) < length:
        raise ValueError(f"{length - len(content)} bytes are missing at its end")
    return content


def _strings(table: Table, field: int) -> Sequence[bytes]:
    """Return a vector of strings."""
    place = _place(table, field)
    if not place:
        return ()
    start = int(table.Indirect(place))
    (count,) = struct.unpack_from("<I", table.Bytes, start)
    if count > _MOST_EXECUTABLES:
        raise ValueError(f"{count} programs in one package")
    return [_bytes_at(table, start + 4 + 4 * number) for number in range(count)]
