"""The only door to the Object Detection API: its models, losses, input pipeline, schedules and exporter.

The configuration is the API's own ``TrainEvalPipelineConfig`` with paths relative to the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from object_detection import export_tflite_graph_lib_tf2, inputs
from object_detection.builders import image_resizer_builder, model_builder, optimizer_builder, preprocessor_builder
from object_detection.core import freezable_batch_norm, preprocessor, standard_fields
from object_detection.protos import train_pb2
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig
from object_detection.utils import autoaugment_utils, ops, patch_ops
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import TrainingError
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.networks.mobiledet_extractor import register_mobiledet
from edgetrain.networks.start.archive import LABEL_MAP_NAME
from edgetrain.networks.start.tensorflow1_weights import load_tensorflow1_weights
from edgetrain.networks.start.tensorflow2_weights import load_tensorflow2_weights
from edgetrain.networks.start.weight_matches import COCO, SourceClasses, WeightMatch
from edgetrain.training.input.seeded_randomness import seeded
from edgetrain.training.upsampling import upsample_by_resizing

_LOWEST_SCORE = 0.001
_CLASS_BIAS = re.compile(r"BoxPredictor/ConvolutionalClassHead_\d+/ClassPredictor/bias:")


class TrainingInput(NamedTuple):
    """One picture, or with a first axis for them a batch of several, and what the network shall say of it.

    Images float32 (height, width, 3) in -1 to 1, or in their place (``()`` then) the backbone's feature maps of them,
    each float16 (height, width, channels). For each of the n anchors: classes (n, classes + 1), one-hot, the
    background first; box encodings (n, 4); weights of both in the loss; number of the box it is assigned to, below 0
    for none.
    """

    images: tf.Tensor | tuple[()]
    features: tuple[tf.Tensor, ...]
    class_targets: tf.Tensor
    class_weights: tf.Tensor
    box_targets: tf.Tensor
    box_weights: tf.Tensor
    matches: tf.Tensor


class Losses(NamedTuple):
    """Scalar float32 tensors of one batch (a tuple: a traced step returns it).

    Both losses are divided by ``matches``, the number of anchors that see an object, or by 1 if there is none.
    """

    localization: tf.Tensor
    classification: tf.Tensor
    penalty: tf.Tensor
    matches: tf.Tensor


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
    register_mobiledet()
    model = model_builder.build(config.model, is_training=is_training)
    _set_phase(model, is_training=False)
    size = input_size(config)
    shape = (size.height, size.width, 3)
    model.predict(tf.zeros((1, *shape)), tf.constant([shape]))
    upsample_by_resizing(model)
    _set_class_biases(model, config)
    _freeze(model, list(config.train_config.freeze_variables))
    return model


def _set_class_biases(model: Any, config: TrainEvalPipelineConfig) -> None:
    """Give class predictors the configured bias, which the API gives plain ones and forgets in separable ones."""
    bias = config.model.ssd.box_predictor.convolutional_box_predictor.class_prediction_bias_init
    for variable in model.variables:
        if _CLASS_BIAS.match(variable.name):
            variable.assign(tf.fill(variable.shape, bias))


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


def augmented(
    config: TrainEvalPipelineConfig, model: Any, picture: tuple[tf.Tensor, tf.Tensor, tf.Tensor], seed: tf.Tensor
) -> TrainingInput:
    """Return a picture as the network is shown it once: augmented by the API, resized, its boxes assigned to anchors.

    Args:
        config: names the augmentations.
        model: a model of ``build_model``.
        picture: pixels uint8 (height, width, 3); boxes float32 (n, 4), fractions, ymin xmin ymax xmax; classes int64
            (n,), from 1.
        seed: int64 (2,): the same gives the same augmentation.
    """
    image, boxes, classes, weights = transformed(config, model, picture, seed)
    targets = model._assign_targets([boxes], [classes], None, [weights])  # noqa: SLF001 - not public
    return TrainingInput(image, (), *(target[0] for target in targets))


def transformed(
    config: TrainEvalPipelineConfig, model: Any, picture: tuple[tf.Tensor, tf.Tensor, tf.Tensor], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return what :func:`augmented` assigns to anchors: image, boxes, classes (one-hot, no background) and weights."""
    pixels, boxes, classes = picture
    fields = standard_fields.InputDataFields
    example = {
        fields.image: pixels,
        fields.groundtruth_boxes: boxes,
        fields.groundtruth_classes: classes,
        fields.groundtruth_weights: tf.ones_like(classes, tf.float32),
    }
    options = [preprocessor_builder.build(step) for step in config.train_config.data_augmentation_options]
    with seeded((preprocessor, autoaugment_utils, patch_ops), seed):
        changed = inputs.transform_input_data(
            example,
            model_preprocess_fn=model.preprocess,
            image_resizer_fn=image_resizer_builder.build(config.model.ssd.image_resizer),
            num_classes=config.model.ssd.num_classes,
            data_augmentation_fn=partial(inputs.augment_input_data, data_augmentation_options=options),
        )
    truth = (changed[fields.groundtruth_boxes], changed[fields.groundtruth_classes])
    most = config.train_input_reader.max_number_of_boxes
    boxes, classes, weights = (part[:most] for part in (*truth, changed[fields.groundtruth_weights]))
    size = input_size(config)
    image = tf.ensure_shape(changed[fields.image], (size.height, size.width, 3))
    return image, boxes, classes, weights


def has_frozen_backbone(model: Any) -> bool:
    """Return whether training leaves all of the backbone as it is, so that a picture's feature maps stay the same."""
    return not model.feature_extractor.classification_backbone.trainable_variables


def feature_function(model: Any, config: TrainEvalPipelineConfig) -> Callable[[tf.Tensor], Sequence[tf.Tensor]]:
    """Return what a frozen backbone does, with its weights of now, as a graph without variables.

    The function takes an image of ``augmented`` and returns those of its feature maps that the rest of the network
    reads, rounded to float16, of which twice as many fit in memory. An input pipeline runs it on many images at once,
    which it would not with variables.
    """
    extractor, size = model.feature_extractor, input_size(config)

    def maps_of(image: tf.Tensor) -> list[tf.Tensor]:
        padded = ops.pad_to_multiple(image[tf.newaxis], extractor._pad_to_multiple)  # noqa: SLF001 - as the API
        read = extractor.classification_backbone(padded, training=False)[_unread_maps(model) :]
        return [tf.cast(one[0], tf.float16) for one in read]

    image = tf.TensorSpec((size.height, size.width, 3), tf.float32)
    traced = tf.function(maps_of, autograph=False).get_concrete_function(image)
    frozen: Callable[[tf.Tensor], Sequence[tf.Tensor]] = convert_variables_to_constants_v2(traced)
    return frozen


def _unread_maps(model: Any) -> int:
    """Return how many of the backbone's first feature maps the rest of the network does not read, as pyramids do."""
    extractor = model.feature_extractor
    outputs = len(extractor.classification_backbone.outputs)
    return outputs - getattr(extractor, "_num_levels", outputs)


@contextmanager
def _backbone_gives(model: Any, maps: Sequence[tf.Tensor]) -> Iterator[None]:
    """Let the rest of a network read these feature maps, whatever the picture."""
    attributes = vars(model.feature_extractor)  # Keras would take an assignment for another layer to be saved
    backbone = attributes["classification_backbone"]
    read = [*[None] * _unread_maps(model), *(tf.cast(one, tf.float32) for one in maps)]
    attributes["classification_backbone"] = lambda _: read
    try:
        yield
    finally:
        attributes["classification_backbone"] = backbone


def training_losses(model: Any, config: TrainEvalPipelineConfig, batch: TrainingInput) -> Losses:
    """Return the API's losses of one batch with batch normalization in training mode.

    Args:
        model: a model of ``build_model``.
        config: of the model.
        batch: of ``augmented``, with a first axis for the pictures.
    """
    _set_phase(model, is_training=True)
    size, pictures = input_size(config), tf.shape(batch.class_targets)[0]
    images = tf.zeros((pictures, size.height, size.width, 3)) if batch.features else batch.images
    shapes = tf.tile(tf.constant([[size.height, size.width, 3]]), (pictures, 1))
    with _backbone_gives(model, batch.features) if batch.features else nullcontext():
        prediction = model.predict(images, shapes)
    # The boxes were assigned to the anchors while the batch was made, which the API would do here, picture by picture.
    model.provide_groundtruth(groundtruth_boxes_list=[], groundtruth_classes_list=[])
    model._assign_targets = lambda *_: batch[2:]  # noqa: SLF001 - not public
    try:
        losses = model.loss(prediction, shapes)
    finally:
        del model._assign_targets  # noqa: SLF001 - the class's own again
    return Losses(
        localization=losses["Loss/localization_loss"],
        classification=losses["Loss/classification_loss"],
        penalty=tf.add_n([tf.constant(0.0), *model.regularization_losses()]),
        matches=tf.reduce_sum(batch.box_weights),
    )


def moving_statistics(model: Any) -> list[tf.Variable]:
    """Return the variables of batch normalization that follow the batches instead of a gradient."""
    names = ("moving_mean", "moving_variance")
    return [variable for variable in model.variables if variable.name.partition(":")[0].endswith(names)]


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
