r"""Tables of boxes, the CSV of the Object Detection API's tutorials, written: the only door to pandas.

One row for each box, UTF-8, ``\n`` line ends, in the form that ``table_rows`` shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from edgetrain.annotations.readers.csv_rows import guarded
from edgetrain.core.system.files import replacing_file
from edgetrain.dataset.table_rows import COLUMNS, TableRow


def write_table(path: Path, rows: Iterable[TableRow]) -> None:
    """Write rows in the given order, whole or not at all; whole numbers have no point."""
    frame = pd.DataFrame([_cells(row) for row in rows], columns=list(COLUMNS), dtype=object)
    with replacing_file(path) as temporary:
        frame.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def _cells(row: TableRow) -> tuple[object, ...]:
    box = row.box
    sides = ("", "", "", "") if box is None else tuple(map(_number, (box.xmin, box.ymin, box.xmax, box.ymax)))
    return (guarded(row.filename), row.size.width, row.size.height, guarded(row.class_name or ""), *sides)


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
