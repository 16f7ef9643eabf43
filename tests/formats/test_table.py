"""The CSV tables: exact bytes out, the same rows back, errors at their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.formats.table import write_table
from edgetrain.formats.table_rows import COLUMNS, TableRow, read_table

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


def test_what_a_spreadsheet_saved_is_read(tmp_path):
    """Byte order mark, Windows line ends, another order of columns, a column more, an empty line."""
    text = "\ufeffclass,note,filename,width,height,xmin,ymin,xmax,ymax\r\nboat,x,b.jpg,64,48,1,2.5,30,40\r\n\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode())

    assert read_table(tmp_path / "t.csv") == ROWS[:1]


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "t.csv:1: the table is empty.", id="empty file"),
        pytest.param("filename;width\n", "t.csv:1: no column filename, width, height, class", id="semicolons"),
        pytest.param(f"{HEADER}\na.jpg,64,48,boat,1,2,x,4\n", "t.csv:2: xmax is 'x', not a number.", id="word"),
        pytest.param(f"{HEADER}\na.jpg,64,48,boat,1,2,1_0,4\n", "t.csv:2: xmax is '1_0', not a number.", id="1_0"),
        pytest.param(f"{HEADER}\na.jpg,64,48,boat,1,2,1e999,4\n", "t.csv:2: xmax is '1e999', not a", id="infinite"),
        pytest.param(f"{HEADER}\n\na.jpg,6.5,48,,,,,\n", "t.csv:3: width is '6.5', not a whole", id="half a pixel"),
        pytest.param(f"{HEADER}\na.jpg,64,48,boat,1,2,,\n", "t.csv:2: xmax, ymax is empty.", id="half a box"),
        pytest.param(f"{HEADER}\na.jpg,64,48,boat\n", "t.csv:2: xmin, ymin, xmax, ymax is empty.", id="short row"),
        pytest.param(f"{HEADER}\n,64,48,,,,,\n", "t.csv:2: the filename is empty.", id="no filename"),
        pytest.param(f"{HEADER}\na.jpg,64,48,,,,,,\n" + "a,b,c,d,e,f,g,h,i,j\n", "t.csv:", id="long row"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)

    with pytest.raises(DatasetError, match=message):
        read_table(tmp_path / "t.csv")


def test_a_missing_table_names_the_stage_that_makes_it(tmp_path):
    with pytest.raises(MissingInputError, match=r't\.csv: no table\. Run "ci/inv tabulate" first\.'):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["folder", "latin1"])
def test_a_table_that_cannot_be_read_is_a_dataset_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes(f"{HEADER}\né".encode("latin-1"))

    with pytest.raises(DatasetError, match=r"(folder: cannot be read|latin1: not UTF-8 text)"):
        read_table(tmp_path / name)
