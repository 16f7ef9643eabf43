"""Places that depend on name and seed only, and the split that owns each."""

from __future__ import annotations

import pytest

from edgetrain.core.splits import Split, SplitFractions, position, split_of

SHARES = SplitFractions(validation=0.1, test=0.2)


def test_places_depend_on_name_and_seed_only():
    assert position("annotations/0001.xml", 0) == position("annotations/0001.xml", 0)
    assert position("annotations/0001.xml", 0) != position("annotations/0001.xml", 1)
    assert 0 <= position("", 0) < 1


@pytest.mark.parametrize(
    ("place", "expected"),
    [(0, Split.TEST), (0.199, Split.TEST), (0.2, Split.VALIDATION), (0.31, Split.TRAIN), (0.999, Split.TRAIN)],
)
def test_places_are_owned_by_test_then_validation_then_train(place, expected):
    assert split_of(place, SHARES) is expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((0.1, 0.2), list(Split)), ((0, 0.2), [Split.TRAIN, Split.TEST]), ((0, 0), [Split.TRAIN])],
)
def test_splits_with_a_share_must_have_pictures(shares, expected):
    assert list(SplitFractions(*shares).wanted) == expected
