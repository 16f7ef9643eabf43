"""CSV rows: delimiters, order of columns, lines, faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.readers.csv_rows import read_rows, render_rows

CELLS = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1)


def rows_of(path, required=("a", "b")):
    reading = Reading()
    rows = [(row["a"], row["b"], row.place.line) for row in read_rows(path, "x.csv", required, reading)]
    return rows, [f"{line}: {message}" for _, line, message in reading.faults]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n1,2\n", id="plain"),
        pytest.param("B;A;other\n2;1;3\n", id="order, case, semicolon"),
        pytest.param("\ufeffa\tb\r\n 1 \t2\r\n\r\n", id="byte order mark, tab, spaces, empty line"),
    ],
)
def test_columns_are_found_by_name(tmp_path, text):
    (tmp_path / "x.csv").write_text(text, encoding="utf-8", newline="")

    assert rows_of(tmp_path / "x.csv") == ([("1", "2", 2)], [])


def test_a_row_has_the_line_on_which_it_starts(tmp_path):
    (tmp_path / "x.csv").write_text('a,b\n"x\ny",2\n\n3,4\n')

    assert rows_of(tmp_path / "x.csv") == ([("x\ny", "2", 2), ("3", "4", 5)], [])


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b"a,c\n1,2\n", "1: no column b. The header must name a, b", id="column missing"),
        pytest.param(b"", "1: no column a, b.", id="empty"),
        pytest.param(b"a,b\n1,2,3\n", "2: the row has 3 cells, but there are 2 columns", id="long row"),
        pytest.param(b'a,b\n1,2\n"x', "3: this is not CSV", id="open quote"),
        pytest.param(b"a,b\n\xe9,2\n", "1: not UTF-8 text", id="Latin-1"),
        pytest.param(None, "1: cannot be read", id="folder"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, data, fault):
    path = tmp_path / "x.csv"
    path.mkdir() if data is None else path.write_bytes(data)

    _, faults = rows_of(path)
    assert len(faults) == 1
    assert faults[0].startswith(fault)


@given(st.lists(st.tuples(CELLS, CELLS)))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "law.csv"
    path.write_text(render_rows([("a", "b"), *rows]), encoding="utf-8", newline="")

    assert [row[:2] for row in rows_of(path)[0]] == rows
