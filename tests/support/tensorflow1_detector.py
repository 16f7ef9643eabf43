"""A detector of the Object Detection API as TensorFlow 1 has it: a graph with random weights, saved as published.

``python -m tests.support.tensorflow1_detector NETWORK CLASSES FOLDER`` writes ``FOLDER/model.ckpt.*``, and to
``FOLDER/outputs.npz`` a picture with the raw boxes and class scores of all anchors. With ``CHECKPOINT PICTURES`` it
reads the variables of a checkpoint instead, and the pictures of a ``.npy`` file, float32 (n, side, side, 3) in 0 to
255. A process of its own, since a graph of TensorFlow 1 needs names that TensorFlow has not any more. Its depth
multiplier is 1: with less, the API's Keras networks are others than its TF1 networks (v1 applies it twice, v2 has other
residuals).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import tensorflow as tf
from object_detection.builders import anchor_generator_builder, box_predictor_builder, hyperparams_builder
from object_detection.models.ssd_mobiledet_feature_extractor import SSDMobileDetEdgeTPUFeatureExtractor
from object_detection.models.ssd_mobilenet_v1_feature_extractor import SSDMobileNetV1FeatureExtractor
from object_detection.models.ssd_mobilenet_v2_feature_extractor import SSDMobileNetV2FeatureExtractor

from benchmarks.moved_names import restore_moved_names
from edgetrain.networks.pipeline_config import parse_pipeline_config
from tests.support.tiny_run import TINY, pipeline_text

_EXTRACTORS = {
    "mobilenet_v1_ssd": SSDMobileNetV1FeatureExtractor,
    "mobilenet_v2_ssd": SSDMobileNetV2FeatureExtractor,
    "mobilenet_v2_ssdlite": SSDMobileNetV2FeatureExtractor,
    "mobiledet_ssd": SSDMobileDetEdgeTPUFeatureExtractor,
}


def write_detector(network: str, classes: int, folder: Path) -> None:
    """Write checkpoint and outputs; every variable is random, the moving statistics too."""
    restore_moved_names()
    _lend_legacy_layers()
    random = np.random.default_rng(0)
    side = TINY["network.image_size"]
    picture = random.uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        outputs = _predictions(network, classes, tf.constant(picture))
        variables = tf.compat.v1.global_variables()
        for variable in variables:
            variable.load(_random_value(variable, random), session)
        _save(session, variables, folder / "model.ckpt")
        _write_outputs(session.run(outputs), picture, folder)


def run_detector(network: str, classes: int, folder: Path, *, checkpoint: Path, pictures: Path) -> None:
    """Write what a checkpoint's detector says of pictures; each variable of the graph must be in the checkpoint."""
    restore_moved_names()
    _lend_legacy_layers()
    shown = np.load(pictures)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        outputs = _predictions(network, classes, tf.constant(shown))
        tf.compat.v1.train.Saver(tf.compat.v1.global_variables()).restore(session, str(checkpoint))
        _write_outputs(session.run(outputs), shown, folder)


def _write_outputs(values: dict[str, list[np.ndarray]], pictures: np.ndarray, folder: Path) -> None:
    boxes, scores = values["box_encodings"], values["class_predictions_with_background"]
    np.savez(folder / "outputs.npz", picture=pictures, boxes=np.concatenate(boxes, 1), scores=np.concatenate(scores, 1))


def _lend_legacy_layers() -> None:
    """Give TensorFlow the layers of TensorFlow 1 where it looks for them, which no package has."""
    home = "tf_keras" if importlib.util.find_spec("tf_keras") else "keras"
    layers = importlib.import_module(f"{home}.src.legacy_tf_layers")
    sys.modules.setdefault("tf_keras", types.ModuleType("tf_keras"))
    sys.modules["tf_keras.legacy_tf_layers"] = layers
    for name in ("base", "convolutional", "core", "normalization", "pooling"):
        sys.modules[f"tf_keras.legacy_tf_layers.{name}"] = importlib.import_module(f"{layers.__name__}.{name}")


def _predictions(network: str, classes: int, picture: tf.Tensor) -> dict[str, list[tf.Tensor]]:
    """Return the raw predictions of the graph that the API's TF1 ``SSDMetaArch`` builds."""
    ssd = parse_pipeline_config(pipeline_text(network=network, depth_multiplier=1.0), where="test").model.ssd
    extractor = _EXTRACTORS[network](
        is_training=False,
        depth_multiplier=ssd.feature_extractor.depth_multiplier,
        min_depth=ssd.feature_extractor.min_depth,
        pad_to_multiple=1,
        use_depthwise=ssd.feature_extractor.use_depthwise,
        conv_hyperparams_fn=hyperparams_builder.build(ssd.feature_extractor.conv_hyperparams, is_training=False),
        override_base_feature_extractor_hyperparams=ssd.feature_extractor.override_base_feature_extractor_hyperparams,
    )
    predictor = box_predictor_builder.build(
        hyperparams_builder.build, ssd.box_predictor, is_training=False, num_classes=classes
    )
    with tf.compat.v1.variable_scope("FeatureExtractor"):
        feature_maps = extractor.extract_features(extractor.preprocess(picture))
    anchors = anchor_generator_builder.build(ssd.anchor_generator)
    return predictor.predict(feature_maps, anchors.num_anchors_per_location())


def _random_value(variable: tf.Variable, random: np.random.Generator) -> np.ndarray:
    """Return values that keep activations of a size where differences show."""
    shape = variable.shape.as_list()
    if variable.op.name.endswith(("moving_variance", "gamma")):
        return random.uniform(0.5, 1.5, shape)
    is_kernel = variable.op.name.endswith("weights")
    scale = np.sqrt(2 / np.prod(shape[:-1])) if is_kernel and "depthwise" not in variable.op.name else 0.3
    return random.normal(0, scale, shape)


def _save(session: tf.compat.v1.Session, variables: list[tf.Variable], path: Path) -> None:
    """Save as a quantized, published checkpoint is: moving averages, ranges of fake quantization, optimizer, step."""
    first = variables[0]
    names = {variable.op.name: variable for variable in variables}
    others = {
        first.op.name: np.full(first.shape, 100.0, np.float32),
        f"{first.op.name}/Momentum": np.zeros(first.shape, np.float32),
        "FeatureExtractor/Conv/act_quant/min": np.float32(-1),
        "FeatureExtractor/Conv/weights_quant/max/biased": np.float32(1),
        "Unknown/weights": np.float32(1),
        "global_step": np.int64(7),
    }
    for name, value in others.items():
        names[name] = tf.compat.v1.Variable(value, name="other")
        session.run(names[name].initializer)
    names[f"{first.op.name}/ExponentialMovingAverage"] = first
    tf.compat.v1.train.Saver(names, write_version=tf.compat.v1.train.SaverDef.V2).save(session, str(path))


if __name__ == "__main__":
    name, count, output, *given = sys.argv[1:]
    if given:
        run_detector(name, int(count), Path(output), checkpoint=Path(given[0]), pictures=Path(given[1]))
    else:
        write_detector(name, int(count), Path(output))
