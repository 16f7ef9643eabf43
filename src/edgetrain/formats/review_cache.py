"""What the last review found in each file, kept in the workspace: two lines, a checksum and a JSON array.

Accepted: a file that this very code wrote under the same limits. Anything else counts as absent and is written anew.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

from edgetrain.core.files import changed_at, write_text
from edgetrain.core.findings import Finding
from edgetrain.core.reviewed import Reviewed, ReviewedBox

_PACKAGE_DIR = Path(__file__).resolve().parents[1]


class Stamp(NamedTuple):
    """Size and time of change (nanoseconds) of an annotation and its picture; 0 where there is none."""

    annotation_time: int = 0
    annotation_bytes: int = 0
    image_time: int = 0
    image_bytes: int = 0

    def is_before(self, time_ns: int) -> bool:
        """Return whether both files were there, and left alone, before a moment."""
        return 0 < self.annotation_time < time_ns and self.image_time < time_ns


class Entry(NamedTuple):
    """A review and the state of the files that it is of."""

    stamp: Stamp
    reviewed: Reviewed

    def to_row(self) -> tuple[object, ...]:
        """Return the values as plain tuples."""
        *values, findings = self.reviewed
        return (*self.stamp, *values, [tuple(vars(finding).values()) for finding in findings])

    @classmethod
    def of_row(cls, row: tuple[object, ...]) -> Entry:
        """Return the entry of a row."""
        stamp, values = Stamp(*row[:4]), list(row[4:])  # type: ignore[arg-type]
        values[4] = tuple(map(ReviewedBox._make, values[4]))  # type: ignore[call-overload]
        values[9] = tuple(Finding(*finding) for finding in values[9])  # type: ignore[attr-defined]
        return cls(stamp, Reviewed._make(values))


def stamp_of(annotation: os.stat_result, picture: Optional[os.stat_result] = None) -> Stamp:
    """Return the stamp of two files."""
    own = (changed_at(annotation), annotation.st_size)
    return Stamp(*own, changed_at(picture), picture.st_size) if picture else Stamp(*own)


def read_cache(path: Path, key: str) -> dict[str, Entry]:
    """Return the entries by the annotation's name; none where the file is absent, damaged or of another key or code."""
    try:
        start, _, text = path.read_bytes().partition(b"\n")
        if start != _start(key, text):
            return {}
        return {entry.reviewed.name: entry for entry in map(Entry.of_row, json.loads(text))}
    except (OSError, ValueError, TypeError, IndexError):
        return {}


def write_cache(path: Path, key: str, entries: Iterable[Entry]) -> None:
    """Write the entries, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    text = json.dumps([entry.to_row() for entry in entries], ensure_ascii=False, separators=(",", ":"))
    write_text(path, f"{_start(key, text.encode()).decode()}\n{text}")


def _start(key: str, text: bytes) -> bytes:
    """Return the first line: another one for other limits, other code or other entries."""
    code = [(path.name, path.stat().st_mtime_ns) for layer in ("core", "formats") for path in _modules(layer)]
    return f"{zlib.crc32(repr((key, sorted(code))).encode()):08x} {zlib.crc32(text):08x}".encode()


def _modules(layer: str) -> Iterable[Path]:
    return (_PACKAGE_DIR / layer).glob("*.py")
