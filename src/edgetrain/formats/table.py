r"""Tables of boxes, the CSV of the Object Detection API's tutorials: the only door to pandas.

One row for each box, UTF-8, ``\n`` line ends; a picture without objects is a row with empty class and box::

    filename,width,height,class,xmin,ymin,xmax,ymax
    0001.jpg,640,480,boat,1,2.5,30,40
    0002.jpg,640,480,,,,,
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.files import replacing_file

COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_OBJECT_COLUMNS = COLUMNS[3:]
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_FIX = 'Correct the row, or run "ci/inv tabulate" again.'


@dataclass(frozen=True)
class TableRow:
    """One box of a picture; class name and box are both ``None`` for a picture without objects."""

    filename: str
    size: ImageSize
    class_name: str | None
    box: BoundingBox | None


def write_table(path: Path, rows: Iterable[TableRow]) -> None:
    """Write rows in the given order, whole or not at all; whole numbers have no point."""
    frame = pd.DataFrame([_cells(row) for row in rows], columns=list(COLUMNS), dtype=object)
    with replacing_file(path) as temporary:
        frame.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def read_table(path: Path) -> list[TableRow]:
    """Return the rows of a table, in its order.

    Raises:
        MissingInputError: there is no such file.
        DatasetError: it is no such table, or a row has a fault; names the line.
    """
    frame = _read_frame(path)
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DatasetError(f"{path}:1: no column {', '.join(missing)}. The columns must be {','.join(COLUMNS)}.")
    rows = frame[list(COLUMNS)].fillna("").itertuples(index=False, name=None)
    cells = ((line, dict(zip(COLUMNS, (str(cell).strip() for cell in row)))) for line, row in enumerate(rows, start=2))
    return [_parse_row(values, f"{path}:{line}") for line, values in cells if any(values.values())]


def _cells(row: TableRow) -> tuple[object, ...]:
    box = row.box
    sides = ("", "", "", "") if box is None else tuple(map(_number, (box.xmin, box.ymin, box.xmax, box.ymax)))
    return (row.filename, row.size.width, row.size.height, row.class_name or "", *sides)


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _read_frame(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingInputError(f'{path}: no table. Run "ci/inv tabulate" first.') from error
    except pd.errors.EmptyDataError as error:
        raise DatasetError(f"{path}:1: the table is empty. The columns must be {','.join(COLUMNS)}.") from error
    except pd.errors.ParserError as error:
        found = re.search(r"in line (\d+)", str(error))
        line = found.group(1) if found else "1"
        raise DatasetError(f"{path}:{line}: the row has more than {len(COLUMNS)} cells. {_FIX}") from error
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
        raise DatasetError(f"{label}: {', '.join(empty)} is empty. Fill in class and box, or none of both.")
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
