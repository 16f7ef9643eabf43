"""Feature pyramids upsample by an operator of the Edge TPU, and compute what the Object Detection API does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("network", ["mobilenet_v2_fpnlite", "mobilenet_v1_fpn"])
def test_a_network_computes_the_same_as_with_the_api_s_own_upsampling(network):
    import tensorflow as tf
    from object_detection.builders import model_builder

    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training.upsampling import upsample_by_resizing

    config = parse_pipeline_config(pipeline_text(network, image_size=128), where="test")
    model = model_builder.build(config.model, is_training=False)
    tf.keras.backend.set_learning_phase(False)
    picture = tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32))

    def levels():
        return [level.numpy() for level in model._feature_extractor(picture)]

    expected = levels()
    traced = tf.function(model._feature_extractor).get_concrete_function(picture)

    upsample_by_resizing(model)

    assert all(np.array_equal(*pair) for pair in zip(levels(), expected))
    changed = tf.function(model._feature_extractor).get_concrete_function(picture)
    counts = [
        sum(operation.type == "ResizeNearestNeighbor" for operation in one.graph.get_operations())
        for one in (traced, changed)
    ]
    assert counts == [0, 2]
