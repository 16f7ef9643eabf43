"""When two devices found the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import NormalizedBox
from edgetrain.core.detections import AgreementLimits, DetectedObject, agreement

LIMITS = AgreementLimits(score=0.5)


def seen(*, class_index=0, score=0.9, left=0.1):
    return DetectedObject(class_index, score, NormalizedBox(0.1, left, 0.5, left + 0.4))


OBJECTS = st.lists(
    st.builds(seen, class_index=st.integers(0, 2), score=st.floats(0, 1), left=st.floats(0, 0.6)), max_size=6
)


@pytest.mark.parametrize(
    ("other", "agreed"),
    [
        pytest.param(seen(), 2, id="the same"),
        pytest.param(seen(left=0.12), 2, id="a little aside"),
        pytest.param(seen(left=0.3), 0, id="elsewhere"),
        pytest.param(seen(class_index=1), 0, id="another class"),
        pytest.param(seen(score=0.45), 1, id="score just below the limit"),
    ],
)
def test_class_place_and_score_decide(other, agreed):
    found = agreement({"a.jpg": [seen()]}, {"a.jpg": [other]}, LIMITS)

    assert found.agreed == agreed


def test_an_object_that_one_device_misses_counts_against_it():
    found = agreement({"a.jpg": [seen()], "b.jpg": [seen()]}, {"a.jpg": [seen()]}, LIMITS)

    assert (found.objects, found.agreed, found.differing) == (3, 2, ("b.jpg",))


def test_one_detection_is_no_partner_of_two():
    found = agreement({"a.jpg": [seen(), seen()]}, {"a.jpg": [seen()]}, LIMITS)

    assert (found.objects, found.agreed) == (3, 2)


def test_nothing_found_is_agreement():
    assert agreement({"a.jpg": []}, {"a.jpg": [seen(score=0.1)]}, LIMITS).share == 1.0


@given(first=OBJECTS)
def test_a_device_agrees_with_itself(first):
    found = agreement({"a.jpg": first}, {"a.jpg": list(first)}, LIMITS)

    assert found.share == 1.0


@given(first=OBJECTS, second=OBJECTS)
def test_agreement_does_not_depend_on_who_is_first(first, second):
    one = agreement({"a.jpg": first}, {"a.jpg": second}, LIMITS)
    other = agreement({"a.jpg": second}, {"a.jpg": first}, LIMITS)

    assert one == other
    assert 0 <= one.share <= 1
