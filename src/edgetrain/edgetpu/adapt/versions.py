"""Operator versions lowered to what the operators use.

A version says which abilities of a kernel an operator may need; newer converters write newer ones also where nothing
new is used. Lowered is only an operator of 8 bits, up to four dimensions, without what made the newer version.

Source: ``op_version.cc`` of TensorFlow, which says for what each version is written.
"""

from __future__ import annotations

from dataclasses import replace

from edgetrain.edgetpu.adapt.grouped import group_count
from edgetrain.edgetpu.compiler.versions import newest_version
from edgetrain.tflite.editing import EditedModel, EditedOperator

_PLAIN_TYPES = frozenset({"INT8", "UINT8", "INT32"})
_MOST_DIMENSIONS = 4
# The version of the plain operator of 8 bits (int8; that of uint8 is not higher).
_PLAIN_VERSIONS = {
    **dict.fromkeys(("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL"), 2),
    **dict.fromkeys(("PACK", "PAD", "RELU", "RELU6", "SLICE", "SOFTMAX", "SPLIT", "STRIDED_SLICE", "SUB", "TANH"), 2),
    **dict.fromkeys(("TRANSPOSE", "TRANSPOSE_CONV", "SPACE_TO_DEPTH"), 2),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), 3),
    **dict.fromkeys(("RESHAPE", "EXPAND_DIMS", "SQUEEZE", "QUANTIZE"), 1),
    "FULLY_CONNECTED": 4,
}
_BIASED_TRANSPOSE_CONV = 3
_TRANSPOSE_CONV_BIAS = 3


def with_lower_versions(model: EditedModel) -> tuple[EditedModel, list[str], list[str]]:
    """Return the model with versions that the compiler reads, the changes, and what could not be changed and why."""
    changes: dict[str, int] = {}
    kept: list[str] = []
    for place, operator in enumerate(model.operators):
        newest = newest_version(operator.name)
        if operator.is_custom or newest is None or operator.version <= newest:
            continue
        reason = _new_ability(model, operator)
        if reason:
            kept.append(f"{operator.name} version {operator.version}: {reason}")
            continue
        version = _plain_version(operator)
        text = f"{operator.name} version {operator.version} -> {version}"
        changes[text] = changes.get(text, 0) + 1
        options = {name: value for name, value in operator.options.items() if name != "QuantizedBiasType"}
        model = model.with_operators(place, [replace(operator, version=version, options=options)])
    return model, [f"{text} ({count} times)" for text, count in changes.items()], list(dict.fromkeys(kept))


def _plain_version(operator: EditedOperator) -> int:
    has_bias = operator.name == "TRANSPOSE_CONV" and len(operator.inputs) > _TRANSPOSE_CONV_BIAS
    return _BIASED_TRANSPOSE_CONV if has_bias else _PLAIN_VERSIONS[operator.name]


def _new_ability(model: EditedModel, operator: EditedOperator) -> str:
    """Return what an operator uses that a lower version has not; empty if nothing is known."""
    if operator.name not in _PLAIN_VERSIONS:
        return "what a lower version lacks is not known here"
    tensors = [model.tensors[place] for place in (*operator.inputs, *operator.outputs) if place >= 0]
    types = {tensor.type for tensor in tensors if tensor.type not in _PLAIN_TYPES}
    options = operator.options
    is_each = operator.name == "QUANTIZE" and any(len(tensor.scales) > 1 for tensor in tensors)
    is_fused = operator.name == "TRANSPOSE_CONV" and bool(options.get("FusedActivationFunction"))
    abilities = {
        f"it works on {', '.join(sorted(types))}": bool(types),
        "it has more than four dimensions": any(len(tensor.shape) > _MOST_DIMENSIONS for tensor in tensors),
        "it is a grouped convolution": group_count(model, operator) is not None,
        "a tensor is quantized for each channel": is_each,
        "an activation is fused into it: convert with it apart": is_fused,
        "it has an ellipsis or new-axis mask": bool(options.get("EllipsisMask") or options.get("NewAxisMask")),
    }
    return next((text for text, is_used in abilities.items() if is_used), "")
