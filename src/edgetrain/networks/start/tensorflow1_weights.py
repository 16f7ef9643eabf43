"""Weights of TensorFlow 1 checkpoints, brought by name into the Keras models of the Object Detection API.

Accepted: checkpoints of the API's TF1 detectors ``ssd_mobilenet_v1``, ``ssd_mobilenet_v2``, ``ssdlite_mobilenet_v2``
and ``ssdlite_mobiledet_edgetpu``, plain or trained with fake quantization, and of the slim classifiers that they start
from. A network with another kind of head takes the backbone of them. Structure of the names (v2; Keras on the left)::

    Conv1/kernel                        FeatureExtractor/MobilenetV2/Conv/weights
    block_3_depthwise/depthwise_kernel  FeatureExtractor/MobilenetV2/expanded_conv_3/depthwise/depthwise_weights
    block_3_depthwise_BN/gamma          FeatureExtractor/MobilenetV2/expanded_conv_3/depthwise/BatchNorm/gamma
    …/FeatureMaps/NAME_conv/kernel      FeatureExtractor/MobilenetV2/NAME/weights
    …BoxHead_0/BoxEncodingPredictor/…   BoxPredictor_0/BoxEncodingPredictor/weights, biases
    …ClassHead_0/ClassPredictor/…       BoxPredictor_0/ClassPredictor/weights, biases

SSDLite has separable extra layers and predictors: the first half of NAME_conv is NAME_depthwise_conv and
NAME_depthwise/depthwise_weights, that of ClassPredictor is ClassPredictor_depthwise, each with BatchNorm.
Where a variable has a moving average, that is taken. The names are those of the API's own TF1 graph and of
``nets/mobilenet_v1.py`` and ``nets/mobilenet/mobilenet_v2.py`` (tensorflow/models, research/slim).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from edgetrain.networks.mobiledet_backbone import tensorflow1_scopes
from edgetrain.networks.start.head_parts import whole_parts
from edgetrain.networks.start.weight_matches import (
    COCO,
    Proposal,
    WeightMatch,
    Weights,
    assign,
    left_out,
    propose,
    propose_classes,
)

_MOVING_AVERAGE = "/ExponentialMovingAverage"
_VARIABLES = {
    "kernel": "weights",
    "depthwise_kernel": "depthwise_weights",
    "bias": "biases",
    "gamma": "BatchNorm/gamma",
    "beta": "BatchNorm/beta",
    "moving_mean": "BatchNorm/moving_mean",
    "moving_variance": "BatchNorm/moving_variance",
}
# Layers of Keras, and what they are called in TensorFlow 1.
_V1_LAYERS = (
    (r"conv1(_bn)?", "Conv2d_0"),
    (r"conv_dw_(\d+)(_bn)?", r"Conv2d_\1_depthwise"),
    (r"conv_pw_(\d+)(_bn)?", r"Conv2d_\1_pointwise"),
)
_V2_LAYERS = (
    (r"(bn_)?Conv1", "Conv"),
    (r"expanded_conv_(depthwise|project)(_BN)?", r"expanded_conv/\1"),
    (r"block_(\d+)_(expand|depthwise|project)(_BN)?", r"expanded_conv_\1/\2"),
    (r"Conv_1(_bn)?", "Conv_1"),
)
_MOBILEDET_LAYERS = tuple((f"{layer}(_BN)?", scope) for layer, scope in tensorflow1_scopes().items())
_LAYERS = {"MobilenetV1": _V1_LAYERS, "MobilenetV2": _V2_LAYERS, "MobileDetEdgeTPU": _MOBILEDET_LAYERS}
_NETWORKS = {
    "ssd_mobilenet_v1_keras": "MobilenetV1",
    "ssd_mobilenet_v2_keras": "MobilenetV2",
    "ssd_mobilenet_v1_fpn_keras": "MobilenetV1",
    "ssd_mobilenet_v2_fpn_keras": "MobilenetV2",
    "ssd_mobiledet_edgetpu_keras": "MobileDetEdgeTPU",
}
_FEATURE_MAP = re.compile(r".*/FeatureMaps/(.+)_(?:conv|batchnorm)")
_HEAD = re.compile(
    r"BoxPredictor/Convolutional(?:Box|Class)Head_(\d+)/((?:BoxEncoding|Class)Predictor(?:_depthwise)?)(?:_batchnorm)?"
)
_IGNORED = (
    (r"/(act|weights)_quant/", "range of fake quantization"),
    (r"/(Momentum|RMSProp(_\d)?|Adam(_\d)?)$|^beta[12]_power$", "state of the optimizer"),
    (r"global_step$", "number of the step"),
    (rf"{_MOVING_AVERAGE}$", "moving average of a variable that is not used"),
    (r"/BatchNorm/moving_(mean|variance)/(biased|local_step)$", "state of a moving average"),
)
# In TensorFlow 1 many detectors learnt the background as a class. Here it is no class in the loss, and nothing reads
# its score: a high one where nothing is would be nine tenths of the first losses.
_CLASSES = replace(COCO, has_background=False)


def tensorflow1_name(variable: str, network: str) -> str | None:
    """Return the name that a variable of the API's Keras model has in a TF1 detector; ``None`` if it has none.

    Args:
        variable: name of the variable, such as ``block_3_expand/kernel``, without ``:0``.
        network: ``MobilenetV1``, ``MobilenetV2`` or ``MobileDetEdgeTPU``.
    """
    layer, _, kind = variable.rpartition("/")
    if kind not in _VARIABLES:
        return None
    if head := _HEAD.fullmatch(layer):
        return f"BoxPredictor_{head[1]}/{head[2]}/{_VARIABLES[kind]}"
    scope = f"FeatureExtractor/{network}"
    if feature_map := _FEATURE_MAP.fullmatch(layer):
        return f"{scope}/{feature_map[1]}/{_VARIABLES[kind]}"
    for pattern, name in _LAYERS[network]:
        if match := re.fullmatch(pattern, layer):
            return f"{scope}/{match.expand(name)}/{_VARIABLES[kind]}"
    return None


def load_tensorflow1_weights(
    model: Any, prefix: Path, *, network: str, kind: str, class_names: Sequence[str]
) -> list[WeightMatch]:
    """Give a model the weights of a TF1 checkpoint, and return what became of every variable of both.

    The class predictors take the classes that COCO knows by the same name, if the checkpoint predicts COCO's; other
    classes and the background keep their random start.

    Args:
        model: a model of ``build_model``.
        prefix: path of the checkpoint without ``.index``.
        network: type of the feature extractor in ``pipeline.config``.
        kind: ``detection``, or ``classification``: the checkpoint has the backbone only.
        class_names: of the model, in the order of their ids.

    Raises:
        TrainingError: a variable of the backbone is missing in the checkpoint, or has another shape there; nothing
            was changed then.
    """
    checkpoint = _Checkpoint(prefix)
    proposals = [_proposal(variable, checkpoint, _NETWORKS[network], kind, class_names) for variable in model.variables]
    proposals, rest = whole_parts(proposals, list(checkpoint.left_over()))
    return [*assign(model, prefix, proposals), *rest]


def _proposal(variable: Any, checkpoint: _Checkpoint, network: str, kind: str, class_names: Sequence[str]) -> Proposal:
    name = variable.name.removesuffix(":0")
    source = tensorflow1_name(name, network) or ""
    source = checkpoint.variable(source if kind == "detection" else source.removeprefix("FeatureExtractor/"))
    given = checkpoint.value(source) if source else None
    if "/ClassPredictor/" in name and given is not None:
        return propose_classes(variable, source, given, names=class_names, theirs=_CLASSES)
    return propose(variable, source, given)


class _Checkpoint:
    """The variables of a checkpoint, and which of them have been asked for."""

    def __init__(self, prefix: Path) -> None:
        self._reader = tf.train.load_checkpoint(str(prefix))
        self._left = set(self._reader.get_variable_to_shape_map())

    def variable(self, name: str) -> str:
        """Return the name of a variable, or of its moving average where there is one; empty if it has neither."""
        averaged = name + _MOVING_AVERAGE
        found = next((one for one in (averaged, name) if self._reader.has_tensor(one)), "")
        self._left -= {averaged, name}
        return found

    def value(self, name: str) -> Weights:
        """Return the value of a variable that exists."""
        value: Weights = self._reader.get_tensor(name)
        return value

    def left_over(self) -> Iterator[WeightMatch]:
        """Yield the variables that nobody asked for, and why they have no place."""
        for source in sorted(self._left):
            note = next((note for pattern, note in _IGNORED if re.search(pattern, source)), "")
            yield left_out(source, note)
