"""The only door to the Object Detection API: its models, losses, input pipeline, schedules and exporter.

The configuration is the API's own ``TrainEvalPipelineConfig`` with paths relative to the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from object_detection import export_tflite_graph_lib_tf2, inputs, model_lib
from object_detection.builders import model_builder, optimizer_builder
from object_detection.core import freezable_batch_norm, standard_fields
from object_detection.protos import train_pb2
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import TrainingError
from edgetrain.formats.checkpoint_archive import LABEL_MAP_NAME
from edgetrain.formats.pbtxt import read_label_map
from edgetrain.training.compatibility import restore_moved_names
from edgetrain.training.tensorflow1_weights import load_tensorflow1_weights
from edgetrain.training.tensorflow2_weights import load_tensorflow2_weights
from edgetrain.training.upsampling import upsample_by_resizing
from edgetrain.training.weight_matches import COCO, SourceClasses, WeightMatch

SOURCE_ID = standard_fields.InputDataFields.source_id
_IMAGE = standard_fields.InputDataFields.image
_TRUE_SHAPE = standard_fields.InputDataFields.true_image_shape
_LOWEST_SCORE = 0.001

Tensors = Mapping[str, tf.Tensor]


class Losses(NamedTuple):
    """Scalar float32 tensors of one batch; ``total`` adds the weight penalty (a tuple: a traced step returns it)."""

    total: tf.Tensor
    localization: tf.Tensor
    classification: tf.Tensor


class Found(NamedTuple):
    """Detections of a batch, best first; ``counts`` tells how many of each picture's are real.

    Boxes float32 (batch, n, 4), fractions of the picture, ymin xmin ymax xmax; classes (batch, n) from 0; scores
    (batch, n) 0 to 1.
    """

    boxes: tf.Tensor
    classes: tf.Tensor
    scores: tf.Tensor
    counts: tf.Tensor


def build_model(config: TrainEvalPipelineConfig, *, is_training: bool) -> Any:
    """Return the API's detection model with all its variables created.

    Variables that match ``train_config.freeze_variables`` are frozen for good: no gradient, and batch normalization
    with its stored statistics.
    """
    model = model_builder.build(config.model, is_training=is_training)
    _set_phase(model, is_training=False)
    size = input_size(config)
    shape = (size.height, size.width, 3)
    model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
    upsample_by_resizing(model)
    _freeze(model, list(config.train_config.freeze_variables))
    return model


def _set_phase(model: Any, *, is_training: bool) -> None:
    """Tell the model and Keras whether batch normalization uses the batch or the stored statistics."""
    model._is_training = is_training  # noqa: SLF001 - the API has no public switch
    tf.keras.backend.set_learning_phase(is_training)


def _freeze(model: Any, patterns: list[str]) -> None:
    """Freeze each layer whose variables match one of the patterns.

    The API's batch normalization ignores ``trainable``: it keeps a flag of its own.
    """
    for layer in model.submodules:
        if not isinstance(layer, tf.keras.layers.Layer) or any(True for _ in layer.submodules) or not layer.weights:
            continue
        if any(re.match(pattern, layer.weights[0].name) for pattern in patterns):
            layer.trainable = False
            if isinstance(layer, freezable_batch_norm.FreezableBatchNorm):
                layer._training = False  # noqa: SLF001 - the API has no public switch


def training_batches(config: TrainEvalPipelineConfig, model: Any) -> tf.data.Dataset:
    """Return the endless stream of augmented, resized, shuffled batches as the API makes them."""
    restore_moved_names()
    return inputs.train_input(config.train_config, config.train_input_reader, config.model, model=model)


def training_losses(model: Any, features: Tensors, labels: Tensors) -> Losses:
    """Return the losses of one batch with batch normalization in training mode.

    Args:
        model: a model of ``build_model``.
        features: images float32 (batch, height, width, 3) in -1 to 1, as ``training_batches`` gives them.
        labels: padded ground truth of the same batch.
    """
    _set_phase(model, is_training=True)
    model_lib.provide_groundtruth(model, model_lib.unstack_batch(labels, unpad_groundtruth_tensors=False))
    prediction = model.predict(features[_IMAGE], features[_TRUE_SHAPE], **model.get_side_inputs(features))
    losses = model.loss(prediction, features[_TRUE_SHAPE])
    penalties = model.regularization_losses()
    return Losses(
        total=tf.add_n([*losses.values(), *penalties]),
        localization=losses["Loss/localization_loss"],
        classification=losses["Loss/classification_loss"],
    )


def input_size(config: TrainEvalPipelineConfig) -> ImageSize:
    """Return the size that the network reads."""
    resizer = config.model.ssd.image_resizer.fixed_shape_resizer
    return ImageSize(resizer.width, resizer.height)


def class_names(config: TrainEvalPipelineConfig) -> tuple[str, ...]:
    """Return the names of the network's classes, in the order of their ids.

    Raises:
        LabelMapError: the label map is damaged.
    """
    return read_label_map(Path(config.train_input_reader.label_map_path)).names


def detect(model: Any, config: TrainEvalPipelineConfig, pixels: tf.Tensor) -> Found:
    """Return what a model in training sees in pictures, batch normalization with its stored statistics.

    Boxes and scores are decoded as the API's own post-processing does, whose suppression takes a minute to trace.

    Args:
        model: a model of ``build_model``.
        config: of the model.
        pixels: uint8 (batch, height, width, 3) of the network's size.
    """
    _set_phase(model, is_training=False)
    images, shapes = model.preprocess(tf.cast(pixels, tf.float32))
    prediction = model.predict(images, shapes)
    # The decoder wants one set of anchors, which is the same for each picture.
    boxes, _ = model._batch_decode(prediction["box_encodings"], prediction["anchors"])  # noqa: SLF001 - not public
    scores = tf.sigmoid(prediction["class_predictions_with_background"][..., 1:])
    limits = config.model.ssd.post_processing.batch_non_max_suppression
    kept = tf.image.combined_non_max_suppression(
        boxes[:, :, tf.newaxis],
        scores,
        limits.max_detections_per_class,
        limits.max_total_detections,
        limits.iou_threshold,
        _LOWEST_SCORE,
        clip_boxes=False,  # as the exported graph
    )
    return Found(kept.nmsed_boxes, kept.nmsed_classes, kept.nmsed_scores, kept.valid_detections)


def build_optimizer(config: TrainEvalPipelineConfig, step: tf.Variable) -> tuple[Any, Callable[[], tf.Tensor]]:
    """Return the configured optimizer, and its learning rate as a function of ``step``."""
    optimizer, (rate,) = optimizer_builder.build(config.train_config.optimizer, global_step=step)
    return optimizer, rate if callable(rate) else lambda: rate


def restore_start(model: Any, config: TrainEvalPipelineConfig, prefix: Path) -> list[WeightMatch]:
    """Load the fine-tune checkpoint into the model, as ``fine_tune_checkpoint_type`` and ``…_version`` say.

    Return what became of each variable of both.

    Raises:
        TrainingError: the checkpoint is damaged or belongs to another network.
        LabelMapError: the label map that lies beside the checkpoint is damaged.
    """
    kind = config.train_config.fine_tune_checkpoint_type
    names = class_names(config) if kind == "detection" else ()
    try:
        if config.train_config.fine_tune_checkpoint_version == train_pb2.V1:
            network = config.model.ssd.feature_extractor.type
            return load_tensorflow1_weights(model, prefix, network=network, kind=kind, class_names=names)
        former = prefix.with_name(LABEL_MAP_NAME)
        theirs = SourceClasses.of_names(read_label_map(former).names) if former.is_file() else COCO
        return load_tensorflow2_weights(model, prefix, kind=kind, class_names=names, theirs=theirs)
    except (IndexError, tf.errors.OpError) as error:
        raise TrainingError(f"{prefix}: this checkpoint is damaged ({error}). Fetch it again.") from error


def export_saved_model(
    config: TrainEvalPipelineConfig, checkpoint_dir: Path, output_dir: Path, *, max_detections: int
) -> None:
    """Write a SavedModel: input float32 (1, height, width, 3) in -1 to 1, SSD post-processing inside.

    The API's own exporter saves the Keras model with it, which takes most of the time of exporting and of every later
    loading; here the graph and its variables are all there is.

    Args:
        config: configuration of the trained network.
        checkpoint_dir: folder of ``Checkpoint(model=…)``.
        output_dir: an existing, empty folder.
        max_detections: detections that the post-processing reports.

    Raises:
        TrainingError: the checkpoint does not belong to this configuration.
    """
    model = build_model(config, is_training=False)
    prefix = tf.train.latest_checkpoint(str(checkpoint_dir))
    try:
        tf.train.Checkpoint(model=model).restore(prefix).expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise TrainingError(f"{checkpoint_dir}: these weights are not of this configuration. Train again.") from error
    detector = export_tflite_graph_lib_tf2.SSDModule(config, model, max_detections, use_regular_nms=False)
    shape = tf.TensorSpec(shape=detector.input_shape(), dtype=tf.float32, name="input")
    graph = detector.inference_fn.get_concrete_function(shape)
    exported = tf.Module()
    exported.weights = list(graph.variables)
    tf.saved_model.save(exported, str(output_dir), signatures=graph)
