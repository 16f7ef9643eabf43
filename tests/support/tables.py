"""Tables of boxes, read whole."""

from __future__ import annotations

from edgetrain.dataset.table_rows import read_rows


def read_table(path):
    """Return the rows of a table, in its order."""
    return [row for _, row in read_rows(path)]
