"""Lists of pictures: names with their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.dataset.division import ListedName, read_split_list, write_split_list

NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@given(st.lists(NAMES))
def test_a_written_list_is_read_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("list") / "train.txt"

    write_split_list(path, names)

    assert [ListedName(name, line) for line, name in enumerate(names, start=1)] == read_split_list(path)


def test_white_space_marks_and_empty_lines_are_no_names(tmp_path):
    (tmp_path / "train.txt").write_bytes("\ufeffa 1.xml \r\n\r\n b.xml".encode())

    assert read_split_list(tmp_path / "train.txt") == [ListedName("a 1.xml", 1), ListedName("b.xml", 3)]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        pytest.param(
            "absent",
            MissingInputError,
            'absent: the list of pictures does not exist. Run "ci/inv split" first.',
            id="absent",
        ),
        pytest.param("folder", DatasetError, "folder: cannot be read", id="folder"),
        pytest.param("latin1", DatasetError, "latin1: not UTF-8 text", id="not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(tmp_path, name, error, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes(b"\xe9")

    with pytest.raises(error, match=message):
        read_split_list(tmp_path / name)
