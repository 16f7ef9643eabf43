"""Which picture is shown when: every one once an epoch, rare classes more often on request, the same for one seed."""

from __future__ import annotations

from collections import Counter

import pytest

pytestmark = pytest.mark.tensorflow


def _shown(order, epochs, pictures):
    return [order.picture(sample) for sample in range(epochs * pictures)]


def test_every_epoch_shows_each_picture_once_in_an_order_of_its_own():
    from edgetrain.training.input.sample_order import SampleOrder

    shown = _shown(SampleOrder(50, seed=1), 2, 50)

    assert sorted(shown[:50]) == sorted(shown[50:]) == list(range(50))
    assert shown[:50] != shown[50:]


def test_a_sample_does_not_depend_on_those_asked_for_before():
    from edgetrain.training.input.sample_order import SampleOrder

    whole = _shown(SampleOrder(7, seed=3), 3, 7)
    order = SampleOrder(7, seed=3)

    assert [order.picture(sample) for sample in reversed(range(21))] == whole[::-1]
    assert whole != _shown(SampleOrder(7, seed=4), 3, 7)


def test_a_picture_is_shown_in_proportion_to_its_factor():
    """An epoch keeps its length; over many the shares are those of the factors."""
    from edgetrain.training.input.sample_order import SampleOrder

    counts = Counter(_shown(SampleOrder(4, seed=0, factors=[1, 1, 1, 2]), 500, 4))

    assert counts[3] == pytest.approx(800, abs=10)
    assert [counts[index] for index in range(3)] == pytest.approx([400] * 3, abs=20)


def test_rare_classes_have_the_root_of_how_much_they_lack():
    """Cats are in a quarter of the pictures, dogs in three quarters; a picture without objects counts once."""
    from edgetrain.training.input.sample_order import repeat_factors

    classes = [("cat", "dog", "dog"), ("dog",), ("dog",), ()]

    assert repeat_factors(classes, 0.5) == [2**0.5, 1, 1, 1]
    assert repeat_factors(classes, 0) == [1, 1, 1, 1]
