"""Reviews by column are the reviews that were put in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrain.core.findings import Finding
from edgetrain.review.reviewed import (
    BROKEN_COORDINATES,
    FROM_EDGE_TO_EDGE,
    FROM_ZERO,
    TO_FULL_SIZE,
    Reviewed,
    ReviewedBox,
    ReviewedSet,
)

SIDES = st.floats(-1e300, 1e300) | st.integers(-9, 9).map(float)
BOXES = st.builds(ReviewedBox, st.text(max_size=3), st.integers(1, 9), st.integers(1, 9), SIDES, SIDES, SIDES, SIDES)
FINDINGS = st.builds(Finding, st.text(max_size=3), st.integers(1, 9), *[st.text(max_size=3)] * 4)
REVIEWS = st.builds(
    Reviewed,
    name=st.text(max_size=3),
    is_read=st.booleans(),
    boxes=st.lists(BOXES, max_size=3).map(tuple),
    image_name=st.text(max_size=3),
    width=st.integers(0, 9),
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
)


@settings(max_examples=25)
@given(st.lists(REVIEWS, max_size=4))
def test_what_is_put_in_comes_out_also_by_way_of_json(reviews):
    known = ReviewedSet.of(reviews)

    assert list(known) == list(known[:]) == reviews
    assert list(ReviewedSet(json.loads(json.dumps(known.columns)))) == reviews


def test_faulty_reviews_are_those_with_findings():
    fault = Finding("a.xml", 1, "class-rare", "warning", "m", "f")
    reviews = [Reviewed("a.xml", is_read=True), Reviewed("b.xml", is_read=True, findings=(fault,))]

    assert list(ReviewedSet.of(reviews).faulty()) == reviews[1:]


@pytest.mark.parametrize(
    ("sides", "habits"),
    [
        pytest.param((1, 1, 9, 9), 0, id="none"),
        pytest.param((1, 1.5, 9, 9), BROKEN_COORDINATES, id="broken"),
        pytest.param((1, 0, 9, 9), FROM_ZERO, id="from zero"),
        pytest.param((1, 1, 20, 9), TO_FULL_SIZE, id="to the full width"),
        pytest.param((0, 1, 9, 10), FROM_ZERO | TO_FULL_SIZE, id="one side from zero, the other to the full size"),
        pytest.param((0, 1, 20, 9), FROM_ZERO | TO_FULL_SIZE | FROM_EDGE_TO_EDGE, id="from edge to edge"),
    ],
)
def test_habits_are_known_of_each_review(sides, habits):
    box = ReviewedBox("boat", 5, 6, *map(float, sides))
    known = ReviewedSet.of([Reviewed("a.xml", is_read=True, boxes=(box,), width=20, height=10)])

    assert known.habits == [habits]
    assert bool(list(known.with_habit(habits))) is bool(habits)
