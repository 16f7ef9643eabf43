"""MobileDet-EdgeTPU: its blocks and numbers are the paper's, its names those of TensorFlow 1, and it learns."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow
SIDE = 96


@pytest.fixture(scope="module")
def backbone():
    """Return the backbone at width 1."""
    import tensorflow as tf

    from edgetrain.networks.mobiledet_backbone import build_backbone

    return build_backbone(1.0, lambda name: tf.keras.layers.BatchNormalization(name=name))


def built(**changes):
    """Return configuration and model of a narrow network."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    config = parse_pipeline_config(pipeline_text("mobiledet_ssd", **changes), where="test")
    return config, api.build_model(config, is_training=True)


def test_it_has_the_published_number_of_parameters_and_two_maps(backbone):
    """The parameters were counted in the API's graph of TensorFlow 1."""
    shapes = backbone.compute_output_shape((1, 320, 320, 3))

    assert backbone.count_params() == 2_815_456
    assert [tuple(shape) for shape in shapes] == [(1, 20, 20, 96), (1, 10, 10, 384)]


def test_every_convolution_has_a_scope_of_its_own_in_tensorflow_1(backbone):
    from edgetrain.networks.mobiledet_backbone import tensorflow1_scopes

    scopes = tensorflow1_scopes()

    layers = {layer.name for layer in backbone.layers if "Conv2D" in type(layer).__name__}
    assert layers == set(scopes)
    assert len(set(scopes.values())) == len(scopes)
    assert scopes["mobiledet_1_conv"] == "TuckerConv/Conv_1"
    assert scopes["mobiledet_22_depthwise"] == "IBN_10/SeparableConv2d"


@pytest.mark.parametrize(
    ("filters", "factor", "expected"),
    [
        pytest.param(16, 0.75, 16, id="half a step is rounded up"),
        pytest.param(40, 0.25, 8, id="down"),
        pytest.param(8, 0.1, 8, id="never none"),
        pytest.param(96, 1, 96, id="as it is"),
    ],
)
def test_filters_are_multiples_of_eight(filters, factor, expected):
    from edgetrain.networks.mobiledet_backbone import scaled

    assert scaled(filters, factor) == expected


def test_batch_normalization_of_the_backbone_is_its_own_and_that_of_the_head_the_configuration_s():
    from object_detection.core.freezable_batch_norm import FreezableBatchNorm

    _, model = built()
    layers = [layer for layer in model.submodules if isinstance(layer, FreezableBatchNorm)]

    kinds = {
        (layer.name.startswith("mobiledet_"), round(layer.epsilon, 6), round(layer.momentum, 6)) for layer in layers
    }
    assert kinds == {(True, 0.01, 0.99), (False, 0.001, 0.97)}


def test_the_extra_layers_are_the_published_ones():
    _, model = built(depth_multiplier=1.0)
    import tensorflow as tf

    maps = model.feature_extractor(tf.zeros((1, SIDE, SIDE, 3)))

    assert [one.shape[-1] for one in maps] == [96, 384, 512, 256, 256, 128]


@pytest.mark.parametrize("width", [0.1, 0.5, 2.0])
def test_any_width_builds(width):
    _, model = built(depth_multiplier=width)

    assert model.feature_extractor.classification_backbone.outputs[0].shape[-1] % 8 == 0


def test_explicit_padding_is_refused():
    from edgetrain.networks.mobiledet_extractor import SSDMobileDetFeatureExtractor

    with pytest.raises(NotImplementedError, match="use_explicit_padding is not supported"):
        SSDMobileDetFeatureExtractor(use_explicit_padding=True)


def test_its_loss_falls_in_training():
    """On four pictures, from random weights: no figure of its accuracy, but every layer of the backbone learns."""
    import tensorflow as tf

    from edgetrain.training import object_detection_api as api

    tf.keras.utils.set_random_seed(0)
    config, model = built()
    box, classes = tf.constant([[0.2, 0.2, 0.8, 0.8]]), tf.constant([1], tf.int64)
    noise = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    pictures = [(tf.constant(pixels), box, classes) for pixels in noise]
    shown = [
        api.augmented(config, model, one, tf.constant([0, number], tf.int64)) for number, one in enumerate(pictures)
    ]
    batch = tf.nest.map_structure(lambda *parts: tf.stack(parts), *shown)
    optimizer = tf.keras.optimizers.legacy.Adam(0.01)
    backbone = model.feature_extractor.classification_backbone.trainable_variables
    before = [variable.numpy() for variable in backbone]

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            losses = api.training_losses(model, config, batch)
            total = losses.localization + losses.classification
        gradients, _ = tf.clip_by_global_norm(tape.gradient(total, model.trainable_variables), 10.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return total

    totals = [float(step()) for _ in range(15)]

    assert np.isfinite(totals).all()
    assert totals[-1] < 0.5 * totals[0]
    assert all(not np.array_equal(old, new.numpy()) for old, new in zip(before, backbone))
