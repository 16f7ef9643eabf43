"""Grouped convolutions as operators that edgetpu_compiler 16.0 knows.

Newer converters write CONV_2D version 6 whose filter ``(out, height, width, in / groups)`` has fewer channels than the
picture. With one channel a group it is a depthwise convolution whose filter is ``(1, height, width, out)``; with more,
each group is a convolution of its own between a SPLIT and a CONCATENATION.

Source: ``conv.h`` and ``depthwiseconv_uint8.h`` of TensorFlow's reference kernels: in both, output channel ``o`` reads
the channels of group ``o // (out / groups)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgetrain.tflite.editing import EditedModel, EditedOperator, EditedTensor

MOST_GROUPS = 32
_CHANNELS = 3
_RANK = 4
_BIAS = 2
_DEPTHWISE_VERSIONS = {"INT8": 3, "UINT8": 1, "FLOAT32": 1}
_CONVOLUTION_VERSIONS = {"INT8": 3, "UINT8": 1, "FLOAT32": 1}
_COPY_VERSIONS = {"INT8": 2, "UINT8": 1, "FLOAT32": 1}
_BYTES = {"INT8": 1, "UINT8": 1, "INT32": 4, "FLOAT32": 4}
_NUMBERS = {"INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32, "FLOAT32": np.float32}
_DILATED_VERSION = 2


def without_grouped(model: EditedModel) -> tuple[EditedModel, list[str], list[str]]:
    """Return the model without grouped convolutions, the changes, and what could not be changed and why."""
    changes: list[str] = []
    kept: list[str] = []
    place = 0
    while place < len(model.operators):
        operator = model.operators[place]
        groups = group_count(model, operator)
        if groups is None:
            place += 1
            continue
        name = model.tensors[operator.outputs[0]].name
        reason = _unchangeable(model, operator, groups)
        if reason:
            kept.append(f"the grouped CONV_2D that makes {name!r}: {reason}")
            place += 1
            continue
        if model.tensors[operator.inputs[1]].shape[_CHANNELS] == 1:
            model = _as_depthwise(model, place)
            changes.append(f"CONV_2D of {groups} groups of one channel -> DEPTHWISE_CONV_2D, making {name!r}")
            place += 1
        else:
            model, count = _as_split(model, place, groups)
            changes.append(f"CONV_2D of {groups} groups -> SPLIT, {groups} CONV_2D, CONCATENATION, making {name!r}")
            place += count
    return model, changes, kept


def group_count(model: EditedModel, operator: EditedOperator) -> int | None:
    """Return the number of groups of a grouped convolution; ``None`` for anything else."""
    if operator.name != "CONV_2D" or len(operator.inputs) < _BIAS or min(operator.inputs[:_BIAS]) < 0:
        return None
    picture, weights = (model.tensors[place].shape for place in operator.inputs[:_BIAS])
    if len(picture) != _RANK or len(weights) != _RANK or not weights[_CHANNELS]:
        return None
    groups, rest = divmod(picture[_CHANNELS], weights[_CHANNELS])
    return groups if groups > 1 and not rest else None


def _unchangeable(model: EditedModel, operator: EditedOperator, groups: int) -> str:
    """Return why a grouped convolution stays as it is; empty if it need not."""
    weights = model.tensors[operator.inputs[1]]
    bias = model.tensors[operator.inputs[_BIAS]] if _has_bias(operator) else None
    constants = [weights, *([bias] if bias else [])]
    if operator.kind != "Conv2DOptions" or weights.type not in _DEPTHWISE_VERSIONS:
        return f"its weights are {weights.type}"
    if any(t.data is None or len(t.data) != _BYTES.get(t.type, 0) * int(np.prod(t.shape)) for t in constants):
        return "its weights or bias are computed, or not whole"
    if weights.shape[0] % groups:
        return f"its {weights.shape[0]} channels do not divide into {groups} groups"
    if len(weights.scales) > 1 and (weights.axis != 0 or len(weights.scales) != weights.shape[0]):
        return "its weights are quantized along another axis than their outputs"
    if weights.shape[_CHANNELS] > 1 and groups > MOST_GROUPS:
        return f"{groups} groups would become as many convolutions; at most {MOST_GROUPS} are worth it"
    return ""


def _has_bias(operator: EditedOperator) -> bool:
    return len(operator.inputs) > _BIAS and operator.inputs[_BIAS] >= 0


def _array(tensor: EditedTensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    kind = np.dtype(_NUMBERS[tensor.type])
    return np.frombuffer(tensor.data or b"", dtype=kind).reshape(tensor.shape)


def _as_depthwise(model: EditedModel, place: int) -> EditedModel:
    operator = model.operators[place]
    weights = model.tensors[operator.inputs[1]]
    turned = np.ascontiguousarray(np.transpose(_array(weights), (3, 1, 2, 0)))
    depthwise = replace(
        weights, shape=tuple(turned.shape), signature=(), data=turned.tobytes(), axis=_CHANNELS if weights.scales else 0
    )
    channels = model.tensors[operator.inputs[0]].shape[_CHANNELS]
    dilation = {operator.options.get(name, 1) for name in ("DilationHFactor", "DilationWFactor")}
    version = _DEPTHWISE_VERSIONS[weights.type]
    names = ("Padding", "StrideH", "StrideW", "FusedActivationFunction", "DilationHFactor", "DilationWFactor")
    options = {name: operator.options[name] for name in names if name in operator.options}
    changed = replace(
        operator,
        name="DEPTHWISE_CONV_2D",
        version=version if dilation == {1} else max(version, _DILATED_VERSION),
        inputs=(operator.inputs[0], len(model.tensors), *operator.inputs[2:]),
        kind="DepthwiseConv2DOptions",
        options={**options, "DepthMultiplier": weights.shape[0] // channels},
    )
    return replace(model, tensors=(*model.tensors, depthwise)).with_operators(place, [changed])


def _as_split(model: EditedModel, place: int, groups: int) -> tuple[EditedModel, int]:
    """Return the model with SPLIT, convolutions and CONCATENATION, and how many operators they are."""
    operator = model.operators[place]
    picture, result = (model.tensors[index] for index in (operator.inputs[0], operator.outputs[0]))
    first = len(model.tensors)
    size = picture.shape[_CHANNELS] // groups
    axis = EditedTensor(f"{result.name}/axis", "INT32", (), np.array(_CHANNELS, dtype=np.int32).tobytes())
    parts = [_part_of(picture, f"{result.name}/in{group}", size) for group in range(groups)]
    outs = [_part_of(result, f"{result.name}/out{group}", result.shape[_CHANNELS] // groups) for group in range(groups)]
    tensors = [axis, *parts, *outs]
    convolutions = []
    for group in range(groups):
        inputs = [first + 1 + group]
        for tensor in _parameters(model, operator, groups, group):
            inputs.append(first + len(tensors))
            tensors.append(tensor)
        version = _CONVOLUTION_VERSIONS[model.tensors[operator.inputs[1]].type]
        out = first + 1 + groups + group
        convolutions.append(replace(operator, version=version, inputs=tuple(inputs), outputs=(out,)))
    copies = _COPY_VERSIONS.get(picture.type, 1)
    split = EditedOperator(
        name="SPLIT",
        version=copies,
        inputs=(first, operator.inputs[0]),
        outputs=tuple(range(first + 1, first + 1 + groups)),
        kind="SplitOptions",
        options={"NumSplits": groups},
    )
    joined = EditedOperator(
        name="CONCATENATION",
        version=copies,
        inputs=tuple(range(first + 1 + groups, first + 1 + 2 * groups)),
        outputs=operator.outputs,
        kind="ConcatenationOptions",
        options={"Axis": _CHANNELS, "FusedActivationFunction": 0},
    )
    changed = replace(model, tensors=(*model.tensors, *tensors)).with_operators(place, [split, *convolutions, joined])
    return changed, groups + 2


def _part_of(tensor: EditedTensor, name: str, channels: int) -> EditedTensor:
    shape = (*tensor.shape[:_CHANNELS], channels)
    signature = (*tensor.signature[:_CHANNELS], channels) if tensor.signature else ()
    return replace(tensor, name=name, shape=shape, signature=signature)


def _parameters(model: EditedModel, operator: EditedOperator, groups: int, group: int) -> Iterator[EditedTensor]:
    """Yield weights and bias of one group: a slice of those of all, with its scales."""
    for index in operator.inputs[1:]:
        if index < 0:
            continue
        tensor = model.tensors[index]
        step = tensor.shape[0] // groups
        rows = slice(group * step, (group + 1) * step)
        is_each = len(tensor.scales) == tensor.shape[0] and tensor.axis == 0 and len(tensor.scales) > 1
        part = _array(tensor)[rows]
        yield replace(
            tensor,
            name=f"{tensor.name}/group{group}",
            shape=tuple(part.shape),
            signature=(),
            data=part.tobytes(),
            scales=tensor.scales[rows] if is_each else tensor.scales,
            zero_points=tensor.zero_points[rows] if is_each else tensor.zero_points,
        )
