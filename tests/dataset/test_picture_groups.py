"""What belongs together by way of others is one group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.dataset.split_assignment import joined

NAMES = "abcdefgh"
TIES = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=6)


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        pytest.param([], ["a", "b", "c", "d"], id="no tie"),
        pytest.param(["ca"], ["ac", "b", "d"], id="a pair"),
        pytest.param(["ab", "dc", "cb"], ["abcd"], id="by way of others"),
        pytest.param(["b", "bb"], ["a", "b", "c", "d"], id="to itself"),
    ],
)
def test_groups_are_what_ties_hold_together(ties, expected):
    assert joined("dcba", ties) == [tuple(group) for group in expected]


@given(TIES)
def test_every_name_is_in_one_group_and_no_tie_is_cut(ties):
    groups = joined(NAMES, ties)

    assert sorted(name for group in groups for name in group) == list(NAMES)
    assert all(any(set(tie) <= set(group) for group in groups) for tie in ties)


@given(TIES, st.randoms(use_true_random=False))
def test_the_order_of_names_and_ties_does_not_matter(ties, random):
    shuffled = random.sample(ties, len(ties))

    assert joined(random.sample(NAMES, len(NAMES)), [tie[::-1] for tie in shuffled]) == joined(NAMES, ties)
