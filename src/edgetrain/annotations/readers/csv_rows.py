"""CSV tables as rows of named cells with their lines; the columns may stand in any order.

Accepted: UTF-8 (a byte order mark is ignored), comma, semicolon or tab, whichever the first line has most of, quoted
cells, names of columns in any case, empty lines::

    filename;Class;xmin
    0001.jpg;"a ""big"" boat";1.5
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.import_source import read_text

_MOST_LETTERS = 1 << 16  # of the first line, by which cells are told apart
_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# What a spreadsheet takes for a formula, behind any quotes of ours; a number may have a sign.
_FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-](?!(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$))")


@dataclass(frozen=True)
class Row:
    """Cells by the name of their column, in lower case and without white space around; absent columns are empty."""

    cells: Mapping[str, str]
    place: Place

    def __getitem__(self, column: str) -> str:
        """Return a cell."""
        return self.cells.get(column, "")


def read_lines(path: Path, name: str, reading: Reading) -> Iterator[tuple[Place, list[str]]]:
    """Yield the non-empty lines of a table as cells; a file that cannot be read is a fault."""
    text = read_text(path, name, reading)
    if text is None:
        return
    first = _QUOTED.sub("", text[:_MOST_LETTERS].partition("\n")[0])
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield Place(name, line), [without_guard(cell.strip()) for cell in cells]
            line = rows.line_num + 1
    except csv.Error as error:
        reading.fault(Place(name, line), f"this is not CSV: {error}. Correct the file.")


def read_rows(path: Path, name: str, required: Sequence[str], reading: Reading) -> Iterator[Row]:
    """Yield the rows of a table with a header; missing columns and rows of another length are faults.

    Args:
        path: the file.
        name: what messages call it.
        required: columns that must be there, in lower case.
        reading: takes the faults.
    """
    lines = read_lines(path, name, reading)
    place, header = next(lines, (Place(name), []))
    columns = [column.lower() for column in header]
    missing = [column for column in required if column not in columns]
    if missing:
        if not reading.faults or header:
            text = f"no column {', '.join(missing)}. The header must name {', '.join(required)}, in any order."
            reading.fault(place, text)
        return
    yield from named_rows(lines, columns, reading)


def named_rows(lines: Iterable[tuple[Place, list[str]]], columns: Sequence[str], reading: Reading) -> Iterator[Row]:
    """Yield lines as rows by the names of their columns; a line with more cells is a fault."""
    for place, cells in lines:
        if len(cells) > len(columns):
            reading.fault(place, f"the row has {len(cells)} cells, but there are {len(columns)} columns. Correct it.")
        else:
            yield Row(dict(zip(columns, cells)), place)


def guarded(text: str) -> str:
    """Return text as a cell that a spreadsheet shows and does not run: a quote stands before what begins a formula.

    The reader takes it away again (owasp.org/www-community/attacks/CSV_Injection).
    """
    return f"'{text}" if _FORMULA.match(text) else text


def without_guard(cell: str) -> str:
    """Return a cell without the quote that :func:`guarded` put before it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def render_rows(rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as CSV with commas and ``\n`` line ends; text that a spreadsheet would run is guarded."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: object) -> str:
    """Return a value as a cell, in quotes where it holds any sign that parts cells: readers may guess which does."""
    text = guarded(value) if isinstance(value, str) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',;\t"\r\n') else text
