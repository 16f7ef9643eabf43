"""The CSV tables: exact bytes out, the same rows back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.dataset.table import write_table
from edgetrain.dataset.table_rows import COLUMNS, TableRow
from tests.support.tables import read_table

HEADER = ",".join(COLUMNS)
SIZE = ImageSize(64, 48)
ROWS = [
    TableRow("b.jpg", SIZE, "boat", BoundingBox(1, 2.5, 30, 40)),
    TableRow("a.jpg", SIZE, None, None),
    TableRow("ü, 1.jpg", SIZE, 'the "nan" boat', BoundingBox(0, 0, 64, 48)),
    TableRow("NA.jpg", SIZE, "nan", BoundingBox(0.1, 0, 64, 48)),
]
TEXT = f"""{HEADER}
b.jpg,64,48,boat,1,2.5,30,40
a.jpg,64,48,,,,,
"ü, 1.jpg",64,48,"the ""nan"" boat",0,0,64,48
NA.jpg,64,48,nan,0.1,0,64,48
"""


def test_rows_are_written_in_order_as_utf8_with_plain_numbers(tmp_path):
    write_table(tmp_path / "t.csv", ROWS)

    assert (tmp_path / "t.csv").read_bytes() == TEXT.encode()


def test_rows_are_read_back(tmp_path):
    (tmp_path / "t.csv").write_text(TEXT, encoding="utf-8")

    assert read_table(tmp_path / "t.csv") == ROWS


def test_no_rows_are_a_header(tmp_path):
    write_table(tmp_path / "t.csv", [])

    assert (tmp_path / "t.csv").read_text() == f"{HEADER}\n"
    assert read_table(tmp_path / "t.csv") == []


TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
BOXES = st.builds(BoundingBox, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
SIZES = st.builds(ImageSize, st.integers(0, 10**6), st.integers(0, 10**6))
LABELLED = st.builds(TableRow, TEXTS, SIZES, TEXTS, BOXES)
NEGATIVE = st.builds(TableRow, TEXTS, SIZES, st.none(), st.none())


@given(st.lists(LABELLED | NEGATIVE, max_size=5))
def test_written_rows_are_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "t.csv"

    write_table(path, rows)

    assert rows == read_table(path)
