"""The moving average of the weights."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def averaged():
    import tensorflow as tf

    from edgetrain.training.weight_average import WeightAverage

    weight, count = tf.Variable(1.0), tf.Variable(3, dtype=tf.int64)
    return weight, count, WeightAverage([weight, count], decay=0.5)


def test_an_average_follows_its_weight_at_the_decay_and_faster_at_the_start(averaged):
    import tensorflow as tf

    weight, _, average = averaged
    average.start()
    weight.assign(2.0)
    average.update(tf.constant(1))
    first = float(average.averages[0])
    average.update(tf.constant(100))

    assert first == pytest.approx(2 / 11 * 1 + 9 / 11 * 2)
    assert float(average.averages[0]) == pytest.approx((first + 2) / 2)


def test_the_averages_stand_in_the_model_only_for_a_while(averaged):
    weight, count, average = averaged
    average.start()
    weight.assign(5.0)

    with average.in_place():
        there = float(weight), int(count)

    assert (there, float(weight)) == ((1, 3), 5)
