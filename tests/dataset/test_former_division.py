"""Earlier lists count where they were made with the same shares and seed."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split, SplitFractions
from edgetrain.dataset.division import FormerDivision, read_former, write_division

SHARES = SplitFractions(0.1, 0.2)
SPLITS = {"a.xml": Split.TEST, "b.xml": Split.TRAIN}


def write(workspace, division="made", seed=3):
    write_division(workspace, SPLITS, division=division, fractions=SHARES, seed=seed)


def test_what_is_written_is_read_back(workspace):
    write(workspace)

    assert read_former(workspace, SHARES, 3) == FormerDivision(SPLITS)
    assert workspace.split_path(Split.VALIDATION).read_bytes() == b""


def test_nothing_was_divided_in_an_empty_workspace(workspace):
    assert read_former(workspace, SHARES, 3) == FormerDivision()


@pytest.mark.parametrize(
    ("division", "seed", "shares"),
    [
        pytest.param("splits", 3, SHARES, id="the dataset's own"),
        pytest.param("made", 4, SHARES, id="another seed"),
        pytest.param("made", 3, SplitFractions(0.2, 0.2), id="another share"),
    ],
)
def test_lists_made_otherwise_do_not_count(workspace, division, seed, shares):
    write(workspace, division, seed)

    assert read_former(workspace, shares, 3) == FormerDivision()


@pytest.mark.parametrize("text", [None, "{", "[]", "[" * 100_000])
def test_lists_without_a_readable_record_were_made_in_an_unknown_way(workspace, text):
    write(workspace)
    workspace.split_record_path.unlink()
    if text is not None:
        workspace.split_record_path.write_text(text)

    assert read_former(workspace, SHARES, 3) == FormerDivision(is_unknown=True)


def test_without_one_of_the_lists_there_is_no_division(workspace):
    write(workspace)
    workspace.split_path(Split.TEST).unlink()

    assert read_former(workspace, SHARES, 3) == FormerDivision()


def test_a_picture_in_two_lists_is_an_error(workspace):
    write(workspace)
    workspace.split_path(Split.TRAIN).write_text("b.xml\na.xml\n")

    with pytest.raises(DatasetError, match=r"splits/test.txt:1: a.xml is in train.txt too. Remove one of the two lin"):
        read_former(workspace, SHARES, 3)
