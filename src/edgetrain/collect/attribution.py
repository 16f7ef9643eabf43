"""``attribution.csv``: whose pictures these are, one row for each, in the order in which they came.

```
file,title,creator,licence,licence_url,source_page,image_url,provider,query,retrieved,sha256
images/raccoon-openverse-1.jpg,…,CC BY-SA 4.0,…,2026-11-24,<64 hexadecimal digits>
```

UTF-8, with or without byte order mark; the columns in any order. A missing or further column is refused, since the file
is written anew with each picture.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgetrain.annotations.readers.csv_rows import guarded, without_guard
from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import file_content, storage_error, write_text

NAME = "attribution.csv"


@dataclass(frozen=True)
class Attribution:
    """One picture: its file relative to the dataset, whose it is, where and when (UTC, ISO 8601) it was found."""

    file: str
    title: str
    creator: str
    licence: str
    licence_url: str
    source_page: str
    image_url: str
    provider: str
    query: str
    retrieved: str
    sha256: str


_COLUMNS = tuple(field.name for field in dataclasses.fields(Attribution))
_FIX = "Fix that line, or move the file away."


def read_attributions(path: Path) -> list[Attribution]:
    """Return the rows of a file; none if it does not exist.

    Raises:
        DatasetError: a column is missing or unknown, or a line has another number of values.
        StorageError: the file cannot be read.
    """
    try:
        text = file_content(path).decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(path, error) from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: this is not UTF-8 ({error.reason}). Save it as UTF-8.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        if set(rows.fieldnames or ()) != set(_COLUMNS):
            raise DatasetError(
                f"{path}:1: the columns are {', '.join(rows.fieldnames or ())}, but must be {', '.join(_COLUMNS)}. "
                "Correct the first line, or move the file away."
            )
        return [_attribution(row, f"{path}:{rows.line_num}") for row in rows]
    except csv.Error as error:
        raise DatasetError(f"{path}:{rows.line_num}: this is no CSV ({error}). {_FIX}") from error


def _attribution(row: dict[str, str], place: str) -> Attribution:
    if "" in row or None in row.values():
        raise DatasetError(f"{place}: there are not {len(_COLUMNS)} values. {_FIX}")
    return Attribution(**{name: without_guard(cell) for name, cell in row.items()})


def write_attributions(path: Path, rows: Iterable[Attribution]) -> None:
    """Write rows, whole or not at all.

    Raises:
        StorageError: the file cannot be written; an earlier one stays as it was.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    # Titles are strangers' text: what a spreadsheet would run stands behind a quote.
    writer.writerows(map(guarded, dataclasses.astuple(row)) for row in rows)
    write_text(path, text.getvalue())
