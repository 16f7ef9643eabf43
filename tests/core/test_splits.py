"""Dividing pictures: disjoint, complete, stable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split, SplitFractions, assign_splits, position, split_of

SHARES = SplitFractions(validation=0.1, test=0.2)
GROUPS = st.sets(st.text("abcdef", min_size=1), min_size=3, max_size=40).map(
    lambda names: {name: [name, f"{name}-copy"] for name in sorted(names)}
)


@given(GROUPS, st.integers(0, 9))
def test_every_picture_is_in_one_split_and_no_split_is_empty(groups, seed):
    splits, _ = assign_splits(groups, fractions=SHARES, seed=seed)

    assert sorted(splits) == sorted(name for names in groups.values() for name in names)
    assert set(splits.values()) == set(Split)


@given(GROUPS, st.integers(0, 9))
def test_a_group_never_parts(groups, seed):
    splits, _ = assign_splits(groups, fractions=SHARES, seed=seed)

    assert all(splits[name] is splits[f"{name}-copy"] for name in groups)


@given(GROUPS)
def test_the_order_of_the_groups_does_not_matter(groups):
    backwards = dict(reversed(groups.items()))

    assert assign_splits(groups, fractions=SHARES, seed=0) == assign_splits(backwards, fractions=SHARES, seed=0)


def test_the_shares_are_kept_on_average():
    splits, notes = assign_splits({str(number): [str(number)] for number in range(2000)}, fractions=SHARES, seed=0)

    counts = [list(splits.values()).count(split) for split in Split]
    assert counts == pytest.approx([1400, 200, 400], rel=0.1)
    assert notes == []


def test_a_split_that_would_be_empty_is_given_the_nearest_group():
    groups = {name: [name] for name in "abc"}

    splits, notes = assign_splits(groups, fractions=SplitFractions(validation=0.001, test=0.001), seed=0)

    assert set(splits.values()) == set(Split)
    assert len(notes) == 2
    assert notes[0].startswith("validation would have been empty: ")


def test_training_too_is_given_a_group():
    splits, _ = assign_splits({"a": ["a"], "b": ["b"]}, fractions=SplitFractions(0, 0.999), seed=0)

    assert set(splits.values()) == {Split.TRAIN, Split.TEST}


@pytest.mark.parametrize(("validation", "test", "needed"), [(0.1, 0.2, 3), (0, 0.2, 2), (0.1, 0, 2), (0, 0, 1)])
def test_fewer_groups_than_splits_are_an_error(validation, test, needed):
    groups = {str(number): [str(number)] for number in range(needed - 1)}

    with pytest.raises(DatasetError, match=f"^{needed - 1} different pictures cannot fill {needed} splits. Add pict"):
        assign_splits(groups, fractions=SplitFractions(validation, test), seed=0)


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
