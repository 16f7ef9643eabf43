"""Dividing pictures: disjoint, complete, groups together, and nothing that has a split moves."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split, SplitFractions, position
from edgetrain.dataset.split_assignment import PictureGroup, assign_splits, joined

SHARES = SplitFractions(validation=0.1, test=0.2)
NAMES = st.sets(st.integers(0, 99).map("{:02}".format), min_size=8, max_size=30)
FEWER = settings(max_examples=100)
CLASSES = ("boat", "fish", "house")


@st.composite
def datasets(draw):
    """Return names, pairs of them that belong together, and those among them that are added later."""
    names = sorted(draw(NAMES))
    ties = draw(st.lists(st.lists(st.sampled_from(names), min_size=2, max_size=3), max_size=4))
    return names, ties, draw(st.sets(st.sampled_from(names), max_size=8))


def grouped(names, ties=()):
    """Return the groups of some names; the class of a picture depends on its name."""
    kept = [[name for name in tie if name in names] for tie in ties]
    groups = joined(names, [tie for tie in kept if tie])
    return [PictureGroup(group, frozenset(CLASSES[sum(map(ord, name)) % 3] for name in group)) for group in groups]


def assign(groups, former=None, seed=0, shares=SHARES):
    return assign_splits(groups, fractions=shares, seed=seed, former=former)


def grown(dataset):
    """Return the division without the later pictures, and that of all, which knows the first."""
    names, ties, added = dataset
    try:
        before = assign(grouped(set(names) - added, ties))
    except DatasetError:
        reject()
    return before, assign(grouped(names, ties), before.splits)


@FEWER
@given(datasets(), st.integers(0, 9))
def test_every_picture_is_in_one_split_no_split_is_empty_and_no_group_parts(dataset, seed):
    names, ties, _ = dataset
    groups = grouped(names, ties)
    assume(len(groups) >= 3)

    splits = assign(groups, seed=seed).splits

    assert list(splits) == names
    assert set(splits.values()) == set(Split)
    assert all(len({splits[name] for name in group.pictures}) == 1 for group in groups)


@FEWER
@given(datasets())
def test_the_order_of_the_groups_does_not_matter(dataset):
    groups = grouped(*dataset[:2])
    assume(len(groups) >= 3)

    assert assign(groups) == assign(groups[::-1])


@FEWER
@given(datasets())
def test_a_picture_that_has_a_split_keeps_it_whatever_is_added(dataset):
    before, after = grown(dataset)

    assert {name: after.splits[name] for name in before.splits} == before.splits


@FEWER
@given(datasets())
def test_only_new_pictures_that_belong_to_several_splits_are_left_out(dataset):
    before, after = grown(dataset)

    assert sorted([*after.splits, *after.left_out]) == dataset[0]
    for group in grouped(*dataset[:2]):
        places = {before.splits[name] for name in group.pictures if name in before.splits}
        new = [name for name in group.pictures if name not in before.splits]
        assert [set(after.left_out.get(name, ())) for name in new] == [places if len(places) > 1 else set()] * len(new)
        placed = {after.splits[name] for name in group.pictures if name in after.splits}
        assert placed == places or (not places and len(placed) == 1)


@FEWER
@given(datasets())
def test_without_earlier_lists_only_groups_that_grow_move(dataset):
    names, ties, added = dataset
    old, new = grouped(set(names) - added, ties), grouped(names, ties)
    assume(min(len(old), len(new)) >= 3)
    before, after = (assign(groups, shares=SplitFractions(0.3, 0.3)) for groups in (old, new))
    assume(not before.notes and not after.notes)  # a split that would have been empty takes the nearest

    same = {name for group in old if group in new for name in group.pictures}
    assert all(before.splits[name] is after.splits[name] for name in same)


@FEWER
@given(datasets())
def test_a_second_run_changes_nothing(dataset):
    _, after = grown(dataset)

    again = assign(grouped(*dataset[:2]), after.splits)

    assert (again.splits, again.left_out, again.steered) == (after.splits, after.left_out, {})


def numbered(count, size=1):
    return [PictureGroup(tuple(f"{number}-{part}" for part in range(size))) for number in range(count)]


@pytest.mark.parametrize("size", [1, 5])
def test_the_shares_are_kept_on_average_however_large_the_groups(size):
    assignment = assign(numbered(2000, size))

    counts = [list(assignment.splits.values()).count(split) / size for split in Split]
    assert counts == pytest.approx([1400, 200, 400], rel=0.1)
    assert assignment.notes == ()


def test_a_group_that_grows_by_one_seldom_moves():
    """One of six hashes is new, and where it is the smallest the new split is another in about half of the cases."""
    before, after = assign(numbered(2000, 5)).splits, assign(numbered(2000, 6)).splits

    moved = sum(before[name] is not after[name] for name in before) / len(before)
    assert 0.05 < moved < 0.1


def test_a_split_that_would_be_empty_is_given_the_nearest_group():
    groups = [PictureGroup((name, f"{name}2")) for name in "abc"]

    assignment = assign(groups, shares=SplitFractions(0.001, 0.001))

    assert set(assignment.splits.values()) == set(Split)
    assert len(assignment.notes) == 2
    assert assignment.notes[0].startswith("validation would have been empty: ")
    assert "(and 1 that belong to it) was moved there" in assignment.notes[0]


def test_training_too_is_given_a_group():
    splits = assign([PictureGroup(("a",)), PictureGroup(("b",))], shares=SplitFractions(0, 0.999)).splits

    assert set(splits.values()) == {Split.TRAIN, Split.TEST}


def test_an_empty_split_is_never_given_a_picture_that_has_one():
    former = dict.fromkeys("abcdefgh", Split.TRAIN) | {"v": Split.VALIDATION}

    assignment = assign([PictureGroup((name,)) for name in (*former, "new")], former)

    assert {name: assignment.splits[name] for name in former} == former
    assert assignment.splits["new"] is Split.TEST


def test_a_split_that_nothing_can_fill_is_an_error():
    former = {"a": Split.TRAIN, "b": Split.TRAIN, "v": Split.VALIDATION}

    with pytest.raises(DatasetError, match=r"^test has no picture left, because .* remove the workspace's"):
        assign([PictureGroup((name,)) for name in former], former)


@pytest.mark.parametrize(("validation", "test", "needed"), [(0.1, 0.2, 3), (0, 0.2, 2), (0.1, 0, 2), (0, 0, 1)])
def test_fewer_groups_than_splits_are_an_error(validation, test, needed):
    groups = numbered(needed - 1)

    with pytest.raises(DatasetError, match=f"^{needed - 1} groups? of pictures cannot fill {needed} splits. Add pict"):
        assign(groups, shares=SplitFractions(validation, test))


FORMER = {"0": Split.TRAIN, "1": Split.TRAIN, "2": Split.VALIDATION, "3": Split.TEST}


def herons(*sizes):
    """Return groups that have a split, boats all of them, and new groups of herons."""
    old = [PictureGroup((name,), frozenset({"boat"})) for name in FORMER]
    new = [PictureGroup(tuple(f"{n}{part:02}" for part in range(size)), frozenset({"heron"})) for n, size in sizes]
    return [*old, *new]


def hashed_to(split, count=1):
    """Return letters whose pictures ``LETTER00`` the hash puts into a split."""
    low, high = {Split.TEST: (0, 0.2), Split.VALIDATION: (0.2, 0.3), Split.TRAIN: (0.3, 1)}[split]
    letters = [chr(number) for number in range(0x100, 0x400) if low <= position(f"{chr(number)}00", 0) < high]
    return letters[:count]


def test_a_new_class_goes_to_training_first():
    (letter,) = hashed_to(Split.TEST)

    assignment = assign(herons((letter, 1)), FORMER)

    assert assignment.splits[f"{letter}00"] is Split.TRAIN
    assert assignment.steered == {f"{letter}00": (Split.TRAIN, "heron")}


def test_a_class_reaches_every_split_that_lacks_it_where_it_is_spare():
    letters = hashed_to(Split.TRAIN, 3)

    assignment = assign(herons(*((letter, 1) for letter in letters)), FORMER)

    assert {assignment.splits[f"{letter}00"] for letter in letters} == set(Split)
    assert {split for split, _ in assignment.steered.values()} == {Split.TEST, Split.VALIDATION}


def test_of_two_new_groups_one_goes_to_test():
    letters = hashed_to(Split.TRAIN, 2)

    splits = assign(herons(*((letter, 1) for letter in letters)), FORMER).splits

    assert {splits[f"{letter}00"] for letter in letters} == {Split.TRAIN, Split.TEST}


def test_a_group_that_an_empty_split_takes_back_is_not_called_steered():
    (letter,) = hashed_to(Split.TEST)
    groups = [group for group in herons((letter, 1)) if group.pictures != ("3",)]

    assignment = assign(groups, {name: FORMER[name] for name in "012"})

    assert (assignment.splits[f"{letter}00"], assignment.steered) == (Split.TEST, {})


def test_training_keeps_its_only_group_of_a_class():
    (letter,) = hashed_to(Split.TRAIN)

    assert assign(herons((letter, 1)), FORMER).steered == {}


def test_the_smallest_group_is_steered():
    first, second = hashed_to(Split.TRAIN, 2)

    splits = assign(herons((first, 9), (second, 1)), FORMER, shares=SplitFractions(0, 0.2)).splits

    assert (splits[f"{first}00"], splits[f"{second}00"]) == (Split.TRAIN, Split.TEST)


def test_where_nothing_is_divided_yet_the_hash_alone_decides():
    letters = hashed_to(Split.TRAIN, 3)

    assert assign(herons(*((letter, 1) for letter in letters)), {}).steered == {}
