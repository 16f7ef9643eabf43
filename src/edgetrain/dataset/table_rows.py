r"""Tables of boxes as rows, read without pandas; ``table`` writes them.

Accepted: UTF-8 (a byte order mark is ignored), the columns in any order, other columns, empty lines; a picture without
objects is a row with empty class and box::

    filename,width,height,class,xmin,ymin,xmax,ymax
    0001.jpg,640,480,boat,1,2.5,30,40
    0002.jpg,640,480,,,,,
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrain.annotations.readers.csv_rows import without_guard
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.system.files import open_text

COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_OBJECT_COLUMNS = COLUMNS[3:]
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# Read row by row: this bounds the time.
_MOST_BYTES = 2048 << 20
_FIX = 'Correct the row, or run "ci/inv tabulate" again.'


@dataclass(frozen=True)
class TableRow:
    """One box of a picture; class name and box are both ``None`` for a picture without objects."""

    filename: str
    size: ImageSize
    class_name: str | None
    box: BoundingBox | None


def read_rows(path: Path) -> Iterator[tuple[int, TableRow]]:
    """Yield the rows of a table with the lines on which they begin, from 2.

    Raises:
        MissingInputError: there is no such file.
        DatasetError: it is no such table, or a row has a fault; names the line.
    """
    lines = _read_lines(path)
    first, header = next(lines, (1, []))
    columns = [column.strip() for column in header]
    missing = [name for name in COLUMNS if name not in columns]
    if not header:
        raise DatasetError(f"{path}:1: the table is empty. The columns must be {','.join(COLUMNS)}.")
    if missing:
        raise DatasetError(f"{path}:{first}: no column {', '.join(missing)}. The columns must be {','.join(COLUMNS)}.")
    for line, cells in lines:
        if len(cells) > len(columns):
            raise DatasetError(f"{path}:{line}: the row has more than {len(columns)} cells. {_FIX}")
        values = dict.fromkeys(COLUMNS, "")
        values.update((column, without_guard(cell.strip())) for column, cell in zip(columns, cells) if column in values)
        yield line, _parse_row(values, f"{path}:{line}")


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that has any, with its number."""
    try:
        with open_text(path, newline="", most_bytes=_MOST_BYTES) as stream:
            reader = csv.reader(stream, strict=True)
            line = 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1
    except FileNotFoundError as error:
        raise MissingInputError(f'{path}: the table does not exist. Run "ci/inv tabulate" first.') from error
    except csv.Error as error:
        raise DatasetError(f"{path}:{line}: this is not CSV ({error}). {_FIX}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read ({error.strerror})"
        raise DatasetError(f'{path}: {reason}. Save it as UTF-8, or run "ci/inv tabulate" again.') from error


def _parse_row(cells: Mapping[str, str], label: str) -> TableRow:
    if not cells["filename"]:
        raise DatasetError(f"{label}: the filename is empty. {_FIX}")
    width, height = (_parse_side(cells, name, label) for name in ("width", "height"))
    filled = [bool(cells[name]) for name in _OBJECT_COLUMNS]
    if any(filled) and not all(filled):
        empty = [name for name in _OBJECT_COLUMNS if not cells[name]]
        raise DatasetError(f"{label}: {', '.join(empty)} is empty. Fill in both class and box, or leave both empty.")
    box = BoundingBox(*(_parse_number(cells, name, label) for name in _OBJECT_COLUMNS[1:])) if all(filled) else None
    return TableRow(cells["filename"], ImageSize(width, height), cells["class"] or None, box)


def _parse_side(cells: Mapping[str, str], name: str, label: str) -> int:
    value = _parse_number(cells, name, label)
    if not value.is_integer():
        raise DatasetError(f"{label}: {name} is {cells[name]!r}, not a whole number. {_FIX}")
    return int(value)


def _parse_number(cells: Mapping[str, str], name: str, label: str) -> float:
    text = cells[name]
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{label}: {name} is {text!r}, not a number. {_FIX}")
    return value
