"""Pretrain the demo's backbone: a MobileNet v2 of half width learns to name drawn shapes, from random weights.

A detector does not learn from random weights within the demo's few minutes; from a backbone that has learned to look
at pictures it does. The backbone is taught by classification, cell by cell of its maps: which of ``figures.SHAPES``
is here, if any. The demo shows none of them, and other backgrounds. Writes a tar archive as
``fine_tune_checkpoint_type: "classification"`` of the Object Detection API restores it.

The committed ``backbone.tar.gz`` is ``pretrain(…, seed=0, steps=2200)``: five minutes on two idle cores, and about 0.84
of the shapes named on fresh pictures. TensorFlow's threads add in any order: another run gives other bytes, as good.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from object_detection.builders import hyperparams_builder
from object_detection.models.ssd_mobilenet_v2_keras_feature_extractor import SSDMobileNetV2KerasFeatureExtractor
from object_detection.protos import hyperparams_pb2

from edgetrain.demo.backbone_archive import write_archive
from edgetrain.demo.classification_set import CLASSES, PICTURE_SIDE, draw_batch

DEPTH_MULTIPLIER = 0.5
MIN_DEPTH = 16

_BATCH_SIZE = 32
_CHECK_BATCHES = 16
_CURRICULUM_SHARE = 0.6
"""Share of the steps after which the pictures are as difficult as they get."""
_PEAK_LEARNING_RATE = 3e-3
_REPORT_EVERY_STEPS = 100
_WARM_UP_STEPS = 50
_INNER_LAYERS = ("block_6_expand_relu", "block_10_expand_relu")
_STRIDES = (16, 32, 8, 16)
"""Pixels per cell of the maps that are taught to name shapes: the two outputs, then the inner layers."""
# Small first weights: batch normalization makes their size irrelevant, and Adam's steps then turn them faster.
_HYPERPARAMS = """
  regularizer { l2_regularizer { weight: 0.00004 } }
  initializer { truncated_normal_initializer { mean: 0.0 stddev: 0.03 } }
  activation: RELU_6
  batch_norm { decay: 0.97 center: true scale: true epsilon: 0.001 train: true }
"""


def build_backbone() -> tf.keras.Model:
    """Build the Object Detection API's own backbone: random weights, two outputs, of stride 16 and 32 (pixels)."""
    hyperparams = text_format.Parse(_HYPERPARAMS, hyperparams_pb2.Hyperparams())
    extractor = SSDMobileNetV2KerasFeatureExtractor(
        is_training=True,
        depth_multiplier=DEPTH_MULTIPLIER,
        min_depth=MIN_DEPTH,
        pad_to_multiple=1,
        conv_hyperparams=hyperparams_builder.KerasLayerHyperparams(hyperparams),
        freeze_batchnorm=False,
        inplace_batchnorm_update=True,
        override_base_feature_extractor_hyperparams=True,
    )
    extractor.build((None, PICTURE_SIDE, PICTURE_SIDE, 3))
    return extractor.classification_backbone


def _build_classifier(backbone: tf.keras.Model) -> tf.keras.Model:
    """Class scores for every cell of both maps that the detector will look at, and of two inner ones.

    The middle of so deep and narrow a network is taught too, and its residual branches begin at nothing
    (https://arxiv.org/abs/1706.02677, section 5.1).
    """
    for layer in backbone.layers:
        if layer.name.endswith("_add"):
            scale = backbone.get_layer(layer.name.replace("_add", "_project_BN")).gamma
            scale.assign(tf.zeros_like(scale))
    maps = [*backbone.outputs, *(backbone.get_layer(name).output for name in _INNER_LAYERS)]
    return tf.keras.Model(backbone.inputs, [tf.keras.layers.Conv2D(CLASSES, 1)(features) for features in maps])


def _at_cell_centres(classes: tf.Tensor, stride: int) -> tf.Tensor:
    """The class index at the middle of each cell of a feature map of that stride (pixels per cell)."""
    return classes[:, stride // 2 :: stride, stride // 2 :: stride]


def _learning_rate(step: int, steps: int) -> float:
    """Warm-up, then a cosine to 0."""
    return _PEAK_LEARNING_RATE * min((step + 1) / _WARM_UP_STEPS, 0.5 * (1 + math.cos(math.pi * step / steps)))


def pretrain(archive_path: Path, *, seed: int, steps: int, report: Callable[[str], None]) -> float:
    """Pretrain a backbone and write its archive.

    Args:
        archive_path: the ``.tar.gz`` to write; its folder must exist. Appears only when complete.
        seed: of pictures and weights, at least 0.
        steps: training steps of 32 pictures each, at least 1.
        report: gets one line of progress at a time.

    Returns:
        The share (0-1) of cells with a shape that name it, on fresh pictures, by the moving averages.
    """
    tf.keras.utils.set_random_seed(seed)
    backbone = build_backbone()
    classifier = _build_classifier(backbone)
    _train(classifier, seed=seed, steps=steps, report=report)
    _round_weights(backbone)
    accuracy = _measure_accuracy(classifier, seed=seed, first_batch=steps)
    report(f"shapes named on fresh pictures, in inference mode: {accuracy:.3f}")
    write_archive(backbone, archive_path)
    return accuracy


def _round_weights(backbone: tf.keras.Model) -> None:
    """Round to the 8 significant bits of bfloat16, which halves the packed archive."""
    for variable in backbone.variables:
        variable.assign(tf.cast(tf.cast(variable, tf.bfloat16), tf.float32))


def _train(classifier: tf.keras.Model, *, seed: int, steps: int, report: Callable[[str], None]) -> None:
    optimizer = tf.keras.optimizers.legacy.Adam()

    @tf.function
    def train_step(pictures: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            scores = classifier(pictures, training=True)
            loss = tf.add_n(
                [
                    _loss(_at_cell_centres(classes, stride), values)
                    for stride, values in zip(_STRIDES, scores, strict=True)
                ]
            )
            total = loss + tf.add_n(classifier.losses)
        variables = classifier.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return loss

    for step in range(steps):
        difficulty = min(1.0, step / (_CURRICULUM_SHARE * steps))
        pictures, classes = draw_batch(seed=seed, number=step, difficulty=difficulty, size=_BATCH_SIZE)
        optimizer.learning_rate = _learning_rate(step, steps)
        loss = train_step(tf.constant(pictures), tf.constant(classes))
        if (step + 1) % _REPORT_EVERY_STEPS == 0:
            report(f"step {step + 1} of {steps}: loss {float(loss):.3f}")


def _loss(classes: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Cross-entropy in which the cells with a shape together weigh as much as those without."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, scores)
    is_shape = tf.cast(classes > 0, tf.float32)
    return sum(tf.reduce_sum(losses * part) / (tf.reduce_sum(part) + 1) for part in (is_shape, 1 - is_shape)) / 2


def _measure_accuracy(classifier: tf.keras.Model, *, seed: int, first_batch: int) -> float:
    """Share of the cells with a shape, on fresh pictures, that name it; moving averages in use, finer map."""
    right = []
    for number in range(first_batch, first_batch + _CHECK_BATCHES):
        pictures, pixels = draw_batch(seed=seed, number=number, difficulty=1.0, size=_BATCH_SIZE)
        classes = _at_cell_centres(pixels, _STRIDES[0])
        scores = classifier(tf.constant(pictures), training=False)[0].numpy()
        right.append((np.argmax(scores, axis=-1) == classes)[classes > 0])
    return float(np.mean(np.concatenate(right)))
