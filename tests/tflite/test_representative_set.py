"""Which pictures measure the ranges of a network."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.tflite.representative_set import NEGATIVE, choose_representatives, kinds_of

PICTURES = st.dictionaries(st.text("abcdef0123", min_size=1), st.frozensets(st.sampled_from("BFH")), max_size=40)


def _pictures(**counts):
    """Return so many pictures of each kind; underlines part the classes of a picture."""
    kinds = {name: frozenset() if name == "none" else frozenset(name.split("_")) for name in counts}
    return {f"{name}{number:03d}": kinds[name] for name, count in counts.items() for number in range(count)}


def _kinds(names, pictures):
    return Counter(kind for name in names for kind in kinds_of(pictures[name]))


def test_classes_and_negatives_are_chosen_in_proportion():
    """Of 200 pictures 20: a tenth of each kind."""
    pictures = _pictures(boat=120, fish=60, none=20)

    chosen = choose_representatives(pictures, count=20, seed=0)

    assert _kinds(chosen, pictures) == {"boat": 12, "fish": 6, NEGATIVE: 2}


def test_a_rare_class_is_there_although_its_share_is_less_than_one_picture():
    pictures = _pictures(boat=500, fish=2, none=1)

    chosen = choose_representatives(pictures, count=10, seed=0)

    assert _kinds(chosen, pictures) == {"boat": 8, "fish": 1, NEGATIVE: 1}


def test_where_the_number_does_not_allow_every_kind_the_rarest_come_first():
    pictures = _pictures(boat=50, fish=5, house=20)

    chosen = choose_representatives(pictures, count=2, seed=0)

    assert _kinds(chosen, pictures) == {"fish": 1, "house": 1}


def test_a_class_that_never_stands_alone_has_its_share():
    """Every fish is in a picture with a boat."""
    pictures = _pictures(boat=60, boat_fish=30, house=10)

    chosen = choose_representatives(pictures, count=20, seed=0)

    assert _kinds(chosen, pictures) == {"boat": 18, "fish": 6, "house": 2}


def test_rare_classes_that_bring_too_much_of_the_others_leave_room_for_more():
    """Ten classes with one picture each, all of boats and fish: more than these ten are wanted."""
    rare = {f"rare{number}": frozenset({f"rare{number}", "boat", "fish"}) for number in range(10)}
    pictures = {**rare, **_pictures(boat=5, fish=5)}

    chosen = choose_representatives(pictures, count=12, seed=0)

    assert len(chosen) == 12
    assert set(rare) <= set(chosen)


@given(PICTURES, st.integers(1, 45), st.integers(0, 3))
def test_as_many_as_asked_for_are_chosen_and_every_kind_while_the_number_allows(pictures, count, seed):
    chosen = choose_representatives(pictures, count=count, seed=seed)

    every_kind = _kinds(pictures, pictures)
    assert chosen == sorted(set(chosen) & set(pictures))
    assert len(chosen) == min(count, len(pictures))
    assert len(_kinds(chosen, pictures)) >= min(count, len(every_kind))


def test_the_order_of_the_pictures_does_not_matter():
    pictures = _pictures(boat=30, fish=9, boat_fish=9)
    turned = dict(reversed(pictures.items()))

    assert choose_representatives(pictures, count=8, seed=1) == choose_representatives(turned, count=8, seed=1)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_draws_other_pictures(seed):
    pictures = _pictures(boat=100)

    assert choose_representatives(pictures, count=9, seed=0) != choose_representatives(pictures, count=9, seed=seed)


def test_a_new_picture_displaces_few_of_the_old_ones():
    """So that calibration, and with it the model, does not change wholly with every commit."""
    pictures = _pictures(boat=100, fish=40)

    before = choose_representatives(pictures, count=20, seed=0)
    after = choose_representatives({**pictures, "new": frozenset({"boat"})}, count=20, seed=0)

    assert len(set(before) & set(after)) >= 18
