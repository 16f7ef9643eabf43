"""Pretraining sees an endless, seeded set that grows from easy to difficult."""

import numpy as np

from edgetrain.demo.classification_set import CLASSES, PICTURE_SIDE, draw_batch


def test_the_same_seed_and_number_give_the_same_batch():
    """A pretraining can be repeated."""
    pictures, classes = draw_batch(seed=1, number=2, difficulty=0.5, size=4)
    again, classes_again = draw_batch(seed=1, number=2, difficulty=0.5, size=4)

    assert np.array_equal(pictures, again)
    assert np.array_equal(classes, classes_again)


def test_pictures_and_classes_have_the_promised_shapes_and_ranges():
    """Scaled pictures, and for each pixel a class index or 0."""
    pictures, classes = draw_batch(seed=0, number=0, difficulty=1.0, size=16)

    assert pictures.shape == (16, PICTURE_SIDE, PICTURE_SIDE, 3)
    assert (pictures.min(), pictures.max()) == (-1, 1)
    assert classes.shape == pictures.shape[:3]
    assert classes.min() == 0 < classes.max() < CLASSES


def test_the_easiest_pictures_are_light_on_dark():
    """Where no shape is, there is nothing but grain."""
    pictures, classes = draw_batch(seed=0, number=0, difficulty=0.0, size=16)

    assert pictures[classes > 0].mean() > pictures[classes == 0].mean() + 0.8
