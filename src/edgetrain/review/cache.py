"""What the last review found in each file, in the workspace: a line of JSON for each column, between two checksums.

Accepted: a file that this very code wrote under the same limits. Anything else counts as absent and is written anew.
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edgetrain.core.project import PACKAGE_DIR
from edgetrain.core.system.files import replacing_file
from edgetrain.review.reviewed import COLUMNS, Reviewed, ReviewedSet, Row, packed

# What a review is made by; of all other rooms it knows nothing.
_ROOMS = ("core", "images", "annotations", "dataset", "review")


class Stamp(NamedTuple):
    """Size and time of change (nanoseconds) of an annotation and its picture; 0 where there is none."""

    annotation_time: int = 0
    annotation_bytes: int = 0
    image_time: int = 0
    image_bytes: int = 0


# Columns: names of the annotations, of the pictures (empty: none), and those of Stamp.
Files = tuple[list[Any], ...]


class Entry(NamedTuple):
    """A review and the state of the files that it is of."""

    stamp: Stamp
    reviewed: Reviewed

    def to_row(self) -> Row:
        """Return the values of each column of :class:`KnownReviews`."""
        return {**self.stamp._asdict(), **packed(self.reviewed)}


_NAMES = (*Stamp._fields, *COLUMNS)
# What tells whether a file changed: its name, then those of Stamp.
_FILES = ("name", "image_name", *Stamp._fields)
_NOTHING = Entry(Stamp(), Reviewed("", is_read=False)).to_row()


class KnownReviews:
    """Reviews and the state of the files that they are of, by column.

    ``columns`` are lists of one value for each review, by the names of :class:`Stamp` and :class:`ReviewedSet`.
    """

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        """Take the columns as they are."""
        self.columns = columns
        self.annotation_times: list[int] = columns["annotation_time"]
        self.image_times: list[int] = columns["image_time"]
        self.reviewed = ReviewedSet(columns)

    def arranged(self, names: list[str]) -> KnownReviews:
        """Return what is known of some annotations, in their order; what is not known has an empty stamp."""
        if names == self.reviewed.names:
            return self
        places = {name: place for place, name in enumerate(self.reviewed.names)}
        chosen = [places.get(name, -1) for name in names]
        for name, value in _NOTHING.items():
            self.columns[name].append(value)
        return self._of(chosen)

    def forget(self, places: Iterable[int]) -> None:
        """Make what is in some places unknown."""
        for place in places:
            self.annotation_times[place] = 0

    def settled(self, time_ns: int) -> KnownReviews:
        """Return what is known of files that were there, and left alone, before a moment."""
        times = zip(self.annotation_times, self.image_times)
        return self._of([place for place, (own, image) in enumerate(times) if 0 < own < time_ns and image < time_ns])

    def put(self, places: Sequence[int], rows: Iterable[Row]) -> None:
        """Put other reviews in some places."""
        for place, row in zip(places, rows):
            for name, value in row.items():
                self.columns[name][place] = value

    def _of(self, places: Sequence[int]) -> KnownReviews:
        return KnownReviews({name: [column[place] for place in places] for name, column in self.columns.items()})


class Cache:
    """A cache as it was read, parsed a column at a time: the states of the files are wanted before the rest."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        """Take the lines of all columns, in the order of their names; of none where nothing is known."""
        self._lines = dict(zip(_NAMES, lines or [b"[]"] * len(_NAMES)))
        self._columns: dict[str, list[Any]] = {}

    def files(self) -> Files:
        """Return the files of each review and their state."""
        return tuple(map(self._column, _FILES))

    def known(self) -> KnownReviews:
        """Return all that is known."""
        return KnownReviews({name: self._column(name) for name in _NAMES})

    def _column(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = json.loads(self._lines[name])
        return self._columns[name]


def read_cache(path: Path, key: str) -> Cache:
    """Return what is known; nothing where the file is absent, damaged or of another key or code."""
    try:
        start, *lines = path.read_bytes().split(b"\n")
    except OSError:
        return Cache([])
    *lines, end = lines or [b""]
    is_whole = start == _start(key) and end == _end(lines) and len(lines) == len(_NAMES)
    return Cache(lines if is_whole else [])


def write_cache(path: Path, key: str, known: KnownReviews) -> None:
    """Write what is known, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    lines = [json.dumps(column, separators=(",", ":")).encode() for column in map(known.columns.__getitem__, _NAMES)]
    with replacing_file(path) as temporary:
        temporary.write_bytes(b"\n".join([_start(key), *lines, _end(lines)]))


def _start(key: str) -> bytes:
    """Return the first line: another one for other limits or other code."""
    # A touched module costs one review too many, never one too few, and nothing has to be read.
    code = [(str(path), path.stat().st_mtime_ns) for room in _ROOMS for path in _modules(room)]
    return f"{zlib.crc32(repr((key, sorted(code))).encode()):08x}".encode()


def _end(lines: Iterable[bytes]) -> bytes:
    """Return the last line, the checksum of the others."""
    return f"{functools.reduce(lambda value, line: zlib.crc32(line, value), lines, 0):08x}".encode()


def _modules(room: str) -> Iterable[Path]:
    return (PACKAGE_DIR / room).rglob("*.py")
