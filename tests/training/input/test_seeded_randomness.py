"""Random numbers of TensorFlow 1 code that are a function of a seed."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def module():
    import tensorflow.compat.v1 as tensorflow

    module = ModuleType("drawing")
    module.tf = tensorflow
    return module


def _drawn(module, number):
    import tensorflow as tf

    from edgetrain.training.input.seeded_randomness import seeded

    with seeded([module], tf.constant([number, 5], tf.int64)):
        values = [
            module.tf.random_uniform([4], seed=1),
            module.tf.random_uniform([4], 3, 9, dtype=tf.int32),
            module.tf.random.uniform([4], minval=-1.0, maxval=1.0),
            module.tf.random_normal([4]),
            module.tf.random.normal([4], stddev=2.0),
            module.tf.random.shuffle(tf.range(20)),
            module.tf.image.sample_distorted_bounding_box(
                tf.constant([80, 90, 3]), bounding_boxes=tf.constant([[[0.1, 0.1, 0.9, 0.9]]]), area_range=(0.1, 0.9)
            )[1],
        ]
    return [value.numpy() for value in values]


def test_the_same_seed_gives_the_same_numbers_and_another_others(module):
    first, second, other = (_drawn(module, number) for number in (1, 1, 2))

    assert all(np.array_equal(*pair) for pair in zip(first, second))
    assert not any(np.array_equal(*pair) for pair in zip(first, other))
    assert not np.array_equal(first[0], first[2])


def test_the_numbers_lie_where_they_were_asked_for(module):
    import tensorflow as tf

    from edgetrain.training.input.seeded_randomness import seeded

    with seeded([module], tf.constant([0, 0], tf.int64)):
        whole = module.tf.random_uniform([1000], 3, 9, dtype=tf.int32).numpy()
        real = module.tf.random_uniform([1000]).numpy()

    assert (whole.min(), whole.max()) == (3, 8)
    assert 0 <= real.min() < 0.1
    assert 0.9 < real.max() < 1


def test_tensorflow_is_as_before_afterwards_even_after_a_failure(module):
    import tensorflow as tf

    from edgetrain.training.input.seeded_randomness import seeded

    real = module.tf
    with pytest.raises(KeyError), seeded([module], tf.constant([0, 0])):
        raise KeyError

    assert module.tf is real
