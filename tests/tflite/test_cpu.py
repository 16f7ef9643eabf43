"""The CPU reference reads a model's outputs in the order that Coral's programs expect."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def picture():
    """Return a picture of random noise for the tiny network."""
    return np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["float_model_path", "model_path"])
def test_detections_have_known_classes_scores_and_boxes(finished_workspace, picture, name):
    """Class indices count from 0, scores fall, and there are no more than asked for."""
    from edgetrain.tflite.interpreters import cpu_detector

    found = cpu_detector(getattr(finished_workspace, name)).detect(picture)
    scores = [one.score for one in found]

    assert 0 < len(found) <= 20
    assert {one.class_index for one in found} <= {0, 1, 2}
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_the_float_model_sees_the_same_picture(finished_workspace, picture):
    """uint8 0 to 255 becomes -1 to 1: what the network was trained on."""
    from edgetrain.tflite.interpreters import cpu_detector

    detector = cpu_detector(finished_workspace.float_model_path)

    scaled = detector._to_input(np.array([[[0, 255, 51]]], np.uint8))

    assert np.allclose(scaled, [[[-1, 1, -0.6]]], atol=1e-6)


def test_a_model_without_post_processing_is_refused(tmp_path):
    """Four outputs are expected; the message says what is there."""
    import tensorflow as tf

    from edgetrain.tflite.interpreters import cpu_detector

    function = tf.function(lambda x: x * 2).get_concrete_function(tf.TensorSpec((1, 8, 8, 3)))
    path = tmp_path / "other.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())

    with pytest.raises(ValueError, match="has 1 outputs, not boxes, classes, scores and count"):
        cpu_detector(path)
