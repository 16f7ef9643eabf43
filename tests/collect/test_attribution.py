"""``attribution.csv`` as it is written, as people edit it, and as it must not be."""

from __future__ import annotations

import dataclasses

import pytest

from edgetrain.collect.attribution import Attribution, read_attributions, write_attributions
from edgetrain.core.errors import DatasetError

ROWS = [
    Attribution(
        "images/1.jpg", 'A "quoted", title', "", "CC0 1.0", "", "", "https://a.org/1", "p", "fox", "2026-01-02", "0"
    ),
    Attribution("images/2.jpg", "狐", "B, C", "CC BY 2.0", "", "", "https://a.org/2", "p", "fox", "2026-01-02", "1"),
]
COLUMNS = ",".join(field.name for field in dataclasses.fields(Attribution))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "attribution.csv"


def test_what_is_written_is_read_back(path):
    write_attributions(path, ROWS)

    assert read_attributions(path) == ROWS
    assert path.read_text(encoding="utf-8").splitlines()[0] == COLUMNS


def test_no_file_has_no_rows(path):
    assert read_attributions(path) == []


def test_a_file_that_a_spreadsheet_saved_is_read_alike(path):
    write_attributions(path, ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert read_attributions(path) == ROWS


def test_columns_may_stand_in_any_order(path):
    names = COLUMNS.split(",")[::-1]
    path.write_text(f"{','.join(names)}\n{','.join(str(at) for at in range(11))}\n", encoding="utf-8")

    assert (read_attributions(path)[0].sha256, read_attributions(path)[0].file) == ("0", "10")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", ":1: the columns are , but must be file, title", id="empty"),
        pytest.param(f"{COLUMNS},note\n".encode(), "note, but must be", id="a further column"),
        pytest.param(f"{COLUMNS}\na,b\n".encode(), ":2: there are not 11 values", id="too few"),
        pytest.param(f"{COLUMNS}\n{',' * 11}\n".encode(), ":2: there are not 11 values", id="too many"),
        pytest.param(f'{COLUMNS}\n"a'.encode(), "this is no CSV", id="an open quote"),
        pytest.param(b"\xff\xfe", "this is not UTF-8", id="UTF-16"),
    ],
)
def test_a_file_that_cannot_be_written_back_is_refused(path, content, message):
    path.write_bytes(content)

    with pytest.raises(DatasetError, match=message):
        read_attributions(path)
