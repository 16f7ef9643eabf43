"""The parts of a detector behind its backbone, each of which is taken from a checkpoint whole or not at all.

Names and shapes alone deceive: the pointwise half of a separable convolution is called as a plain one is and may have
its shape, but what it read was filtered before. So a part fits only if the checkpoint has all of its variables in their
shapes, and no variable more; and what reads a part that is new is new as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgetrain.networks.start.weight_matches import (
    NEW,
    OTHER_IN_CHECKPOINT,
    OTHER_IN_NETWORK,
    Proposal,
    WeightMatch,
    left_out,
)

EXTRA_LAYERS, TOWER = "extra layers", "prediction tower"
BOXES, CLASSES = "box predictors", "class predictors"
# What comes first is read by what comes later, but for boxes and classes, which nothing reads.
_READ = (EXTRA_LAYERS, TOWER)
_PARTS = (*_READ, BOXES, CLASSES)
# Of Keras variables, of TF1 variables, of places in a TF2 checkpoint; the first that is found counts.
_SIGNS = (
    (TOWER, r"PredictionTower/|_tower_layers_for_heads/|_scope_conv_layers/"),
    (CLASSES, r"ClassPredictor|ClassHead|/class_predictions_with_background/"),
    (BOXES, r"BoxEncodingPredictor|BoxHead|/box_encodings/|_box_prediction_head/"),
    (EXTRA_LAYERS, r"/FeatureMaps/|/bottom_up_Conv2d_|_feature_layers/|_fpn_features_generator/"),
    (EXTRA_LAYERS, r"/feature_map_generator/|^FeatureExtractor/.*_\d_Conv2d_\d_\dx\d"),
)


def part_of(name: str) -> str:
    """Return the part of the head that a variable belongs to, whosever name it is; empty: of none."""
    return next((part for part, sign in _SIGNS if re.search(sign, name)), "")


def whole_parts(
    proposals: Sequence[Proposal], unplaced: Sequence[WeightMatch]
) -> tuple[list[Proposal], list[WeightMatch]]:
    """Return the proposals without the values of parts that do not fit, and what is then said of the variables left.

    Args:
        proposals: one for each variable of the model.
        unplaced: the checkpoint's variables that the model has no place for.
    """
    reasons = dict(_reasons(proposals, unplaced))
    kept = [
        replace(one, value=None, note=f"{NEW}{reasons[part]}") if (part := part_of(one.name)) in reasons else one
        for one in proposals
    ]
    mine = {part_of(one.name) for one in kept} - {part_of(one.name) for one in kept if one.value is not None}
    rest = [
        left_out(one.source, f"{OTHER_IN_NETWORK}{part}")
        if one.is_unknown and (part := part_of(one.source)) in mine and part
        else one
        for one in unplaced
    ]
    return kept, rest


def _reasons(proposals: Sequence[Proposal], unplaced: Sequence[WeightMatch]) -> Iterator[tuple[str, str]]:
    """Yield the parts of which values were found that do not fit, and why."""
    new = ""
    for part in _PARTS:
        own = [one for one in proposals if part_of(one.name) == part]
        is_found = any(one.value is not None for one in own)
        fault = _fault(own, [one.source for one in unplaced if one.is_unknown and part_of(one.source) == part])
        if is_found and fault:
            yield part, f"{OTHER_IN_CHECKPOINT}{part} ({fault})"
        elif is_found and new:
            yield part, f"it reads {new}, which are new"
        if part in _READ and own and (fault or not is_found):
            new = new or part


def _fault(own: Sequence[Proposal], foreign: Sequence[str]) -> str:
    """Return in what a part differs from the checkpoint's; empty: in nothing but its classes."""
    lacking = next((one for one in own if one.value is None and not one.is_of_other_classes), None)
    if lacking:
        return f"{lacking.name}: {lacking.note.removeprefix(NEW)}"
    return f"{foreign[0]} too" if foreign else ""
