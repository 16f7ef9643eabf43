"""Weights of TensorFlow 2 checkpoints, brought to the variables of a model that hang at the same place of its objects.

Accepted: detectors of the model zoo and of former runs, ``Checkpoint(model=…)``, and backbones,
``Checkpoint(feature_extractor=…)``. A checkpoint lists its objects and how they hang together (its
``_CHECKPOINTABLE_OBJECT_GRAPH``), which is followed from the root together with the model's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from edgetrain.networks.start.head_parts import whole_parts
from edgetrain.networks.start.weight_matches import (
    Proposal,
    SourceClasses,
    WeightMatch,
    assign,
    left_out,
    propose,
    propose_classes,
)

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_IGNORED = (
    (r"optimizer/|.*/\.OPTIMIZER_SLOT/", "state of the optimizer"),
    (r"save_counter/", "number of the checkpoint"),
    (r"(global_)?step/", "number of the step"),
)
# Layers without weights count here, and networks of one backbone differ in these: "layer_with_weights-3" is the same.
_PLACE_OF_ANY = re.compile(r"layer-\d+")
# Of a separable convolution only what follows it, per channel and bias, belongs to classes.
_SHARED_BY_CLASSES = "depthwise_kernel"


def load_tensorflow2_weights(
    model: Any, prefix: Path, *, kind: str, class_names: Sequence[str], theirs: SourceClasses
) -> list[WeightMatch]:
    """Give a model the weights of a TF2 checkpoint, and return what became of every variable of both.

    The class predictors take the background and the classes that both know by the same name, if the checkpoint predicts
    as many as ``theirs`` says; other classes keep their random start.

    Args:
        model: a model of ``build_model``.
        prefix: path of the checkpoint without ``.index``.
        kind: ``detection``, or ``classification``: the checkpoint has the backbone only.
        class_names: of the model, in the order of their ids.
        theirs: the classes that the checkpoint predicts.

    Raises:
        TrainingError: a variable of the backbone is missing in the checkpoint, or has another shape there; nothing
            was changed then.
    """
    root = {"model": model} if kind == "detection" else model.restore_from_objects(fine_tune_checkpoint_type=kind)
    keys = _keys(prefix, tf.train.Checkpoint(**root))
    reader = tf.train.load_checkpoint(str(prefix))
    proposals = []
    for variable in model.variables:
        key = keys.get(variable.ref(), "")
        proposals.append(_proposal(variable, key, reader.get_tensor(key) if key else None, class_names, theirs))
    unplaced = set(reader.get_variable_to_shape_map()) - set(keys.values()) - {_OBJECT_GRAPH}
    proposals, rest = whole_parts(proposals, list(_left_over(sorted(unplaced))))
    return [*assign(model, prefix, proposals), *rest]


def _keys(prefix: Path, root: tf.train.Checkpoint) -> dict[Any, str]:
    """Return by which name the checkpoint knows the value of each variable below ``root``."""
    graph = TrackableObjectGraph.FromString(tf.train.load_checkpoint(str(prefix)).get_tensor(_OBJECT_GRAPH))
    keys: dict[Any, str] = {}
    pairs = [(graph.nodes[0], root)]
    for node, found in pairs:
        if isinstance(found, tf.Variable):
            keys |= {found.ref(): attribute.checkpoint_key for attribute in node.attributes}
            continue
        children = tf.train.TrackableView.children(found)
        names = {
            child.local_name: child.node_id for child in node.children if not _PLACE_OF_ANY.fullmatch(child.local_name)
        }
        pairs += [(graph.nodes[number], children[name]) for name, number in names.items() if name in children]
    return keys


def _proposal(variable: Any, key: str, given: Any, class_names: Sequence[str], theirs: SourceClasses) -> Proposal:
    source, name = key.removesuffix(_VALUE), variable.name.removesuffix(":0")
    if given is not None and "/ClassPredictor/" in name and not name.endswith(_SHARED_BY_CLASSES):
        return propose_classes(variable, source, given, names=class_names, theirs=theirs)
    return propose(variable, source, given)


def _left_over(keys: Sequence[str]) -> Iterator[WeightMatch]:
    """Yield what became of the variables that the model has no place for."""
    for key in keys:
        yield left_out(key.removesuffix(_VALUE), next((why for what, why in _IGNORED if re.match(what, key)), ""))
