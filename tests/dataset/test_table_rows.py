"""Tables of boxes read without pandas: what a spreadsheet saved too, errors at their line."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.dataset.table_rows import COLUMNS, TableRow, read_rows
from tests.support.tables import read_table

HEADER = ",".join(COLUMNS)


def test_what_a_spreadsheet_saved_is_read(tmp_path):
    """Byte order mark, Windows line ends, another order of columns, a column more, an empty line."""
    text = "\ufeffclass,note,filename,width,height,xmin,ymin,xmax,ymax\r\nboat,x,b.jpg,64,48,1,2.5,30,40\r\n\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode())

    assert read_table(tmp_path / "t.csv") == [TableRow("b.jpg", ImageSize(64, 48), "boat", BoundingBox(1, 2.5, 30, 40))]


def test_rows_come_with_the_lines_on_which_they_begin(tmp_path):
    (tmp_path / "t.csv").write_text(f'{HEADER}\n\n"a\nb.jpg",64,48,,,,,\nc.jpg,64,48,,,,,\n')

    assert [(line, row.filename) for line, row in read_rows(tmp_path / "t.csv")] == [(3, "a\nb.jpg"), (5, "c.jpg")]


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
        pytest.param(f'{HEADER}\n"a"b.jpg,64,48,,,,,\n', "t.csv:2: this is not CSV", id="quote"),
        pytest.param(f"{HEADER}\na.jpg,64,48,,,,,,\n" + "a,b,c,d,e,f,g,h,i,j\n", "t.csv:", id="long row"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)

    with pytest.raises(DatasetError, match=message):
        read_table(tmp_path / "t.csv")


def test_a_missing_table_names_the_stage_that_makes_it(tmp_path):
    with pytest.raises(MissingInputError, match=r't\.csv: the table does not exist\. Run "ci/inv tabulate" first\.'):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["folder", "latin1"])
def test_a_table_that_cannot_be_read_is_a_dataset_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes(f"{HEADER}\né".encode("latin-1"))

    with pytest.raises(DatasetError, match=r"(folder: cannot be read|latin1: not UTF-8 text)"):
        read_table(tmp_path / name)
