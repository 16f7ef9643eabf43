"""Near duplicates: found within a few bits, never drifting, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.images.near_duplicates import MAX_DISTANCE, hamming_distance, near_groups

HASHES = st.dictionaries(st.text("abcdef", min_size=1), st.integers(0, 2**64 - 1) | st.none(), max_size=30)
BASE = 0x0123456789ABCDEF


@given(st.sets(st.integers(0, 63), max_size=MAX_DISTANCE))
def test_any_few_bits_make_near_duplicates(bits):
    other = BASE ^ sum(1 << bit for bit in bits)

    assert near_groups({"a": BASE, "b": other}) == [["a", "b"]]


@given(st.sets(st.integers(0, 63), min_size=MAX_DISTANCE + 1))
def test_more_bits_make_different_pictures(bits):
    other = BASE ^ sum(1 << bit for bit in bits)

    assert near_groups({"a": BASE, "b": other}) == []


@given(HASHES)
def test_the_order_of_the_pictures_does_not_matter(hashes):
    assert near_groups(hashes) == near_groups(dict(reversed(hashes.items())))


def test_a_long_drift_is_cut():
    """A video in which each frame differs from the one before in one bit ends where it has nothing left in common."""
    drift = {f"{step:02d}": (1 << step) - 1 for step in range(65)}

    groups = near_groups(drift)

    spreads = [hamming_distance(drift[one], drift[other]) for group in groups for one in group for other in group]
    assert MAX_DISTANCE <= max(spreads) <= 2 * MAX_DISTANCE


def test_a_picture_joins_the_nearest_group():
    assert near_groups({"a": 0, "b": 0b01_1111, "c": 0b10_0111}) == [["b", "c"]]


def test_pictures_without_a_hash_are_in_no_group():
    assert near_groups({"a": None, "b": None, "c": 1}) == []


@pytest.mark.parametrize(("one", "other", "expected"), [(0, 0, 0), (0, 2**64 - 1, 64), (0b101, 0b110, 2)])
def test_the_distance_counts_bits(one, other, expected):
    assert hamming_distance(one, other) == expected
