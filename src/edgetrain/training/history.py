"""The course of a run as a table: one row for each logged step."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.system.files import write_text


@dataclass(frozen=True)
class HistoryRow:
    """Figures of one training step; rates in images a second, losses without the weight penalty.

    ``validation_ap`` is the COCO AP of the weights after the step, 0 to 1, where they were judged.
    """

    step: int
    loss: float
    localization_loss: float
    classification_loss: float
    learning_rate: float
    images_per_second: float
    validation_ap: Optional[float] = None


_COLUMNS = tuple(field.name for field in dataclasses.fields(HistoryRow))


def write_history(path: Path, rows: Iterable[HistoryRow]) -> None:
    """Write the rows as CSV with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        values = dataclasses.astuple(row)
        writer.writerow([values[0], *("" if value is None else f"{value:.6g}" for value in values[1:])])
    write_text(path, buffer.getvalue())


def read_history(path: Path, *, up_to: int) -> list[HistoryRow]:
    """Return the rows up to and with a step; none if the file does not exist."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [_row(row) for row in csv.DictReader(stream)]
    return [row for row in rows if row.step <= up_to]


def _row(texts: dict[str, str]) -> HistoryRow:
    judged = texts.get(_COLUMNS[-1])
    figures = {name: float(texts[name]) for name in _COLUMNS[1:-1]}
    return HistoryRow(step=int(texts["step"]), validation_ap=float(judged) if judged else None, **figures)
