"""What edgetpu_compiler 16.0 does with an operator: refuse the model, leave it on the CPU, or map it.

Sources: coral.ai/docs/edgetpu/models-intro (operators and limitations), public compiler logs and issues of
google-coral/edgetpu (texts), pairs of models before and after the compiler (google-coral/test_data, and others named in
:mod:`.conditions`). Conditions that are known from memory or from one model only are marked unverified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgetrain.edgetpu.compiler.conditions import (
    LIMITED,
    NOT_CONSTANT,
    Reason,
    condition_failed,
    doubt,
    older_condition,
)
from edgetrain.edgetpu.compiler.versions import version_refusal
from edgetrain.tflite.file import POST_PROCESS, Operator, Subgraph, Tensor

__all__ = ["LIMITED", "NOT_CONSTANT", "Reason"]

# Custom operators beside which Google's compiler made a file: they stay on the CPU, in float.
POST_PROCESSES = frozenset({POST_PROCESS, "PosenetDecoderOp"})
NEWEST_RUNTIME = 14
MAPPED = "Mapped to Edge TPU"
UNSUPPORTED_TYPE = "Operation is working on an unsupported data type"
NOT_SUPPORTED = "Operation not supported"
BAD_RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
# Operators of each network here that stay on the CPU: the ends of the integer part, and the post-processing in float.
PLAIN_SSD_ON_CPU = {"DEQUANTIZE": 2, POST_PROCESS: 1}
SECOND_SUBGRAPH = "More than one subgraph is not supported"

# Operator: lowest runtime version that can run it (10: all).
SUPPORTED = {
    **dict.fromkeys(
        (
            *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
            *(
                "L2_NORMALIZATION",
                "LOGISTIC",
                "MAXIMUM",
                "MINIMUM",
                "MAX_POOL_2D",
                "MEAN",
                "MUL",
                "PAD",
                "RELU",
                "RELU6",
            ),
            *("RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX"),
            *("SPACE_TO_DEPTH", "SPLIT", "SQUEEZE", "STRIDED_SLICE", "SUB", "TANH", "SQUARED_DIFFERENCE"),
        ),
        10,
    ),
    # Documented for 13, 14 and not at all; but Google compiled models that hold them for runtime 12 (movenet and
    # others, keras_lstm_mnist, deeplab_mobilenet_edgetpu_slim of google-coral/test_data).
    **dict.fromkeys(("QUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "TILE"), 12),
    **dict.fromkeys(("EXPAND_DIMS", "PACK", "PRELU", "SUM", "TRANSPOSE_CONV"), 13),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "RSQRT", "TRANSPOSE"), 14),
}
# Which runtime they need is known from memory only.
_UNVERIFIED_OPERATORS = frozenset({"RSQRT", "TRANSPOSE", "SQUARED_DIFFERENCE"})
_INTEGERS = frozenset({"INT8", "UINT8"})
_INNER_DIMENSIONS = 3
_CONV_INPUTS = 2
_CONV_CHANNELS, _FILTER_CHANNELS = 3, 3
_OUTPUTS = 4
_OLD_RUNTIME = 12
# What an activation that is fused into an operator is bounded by, in real numbers.
_BOUNDS = {1: 0.0, 2: 1.0, 3: 6.0}  # RELU, RELU_N1_TO_1, RELU6
_GROUPED_CAUSE = 'its cause is a grouped convolution, which "ci/inv adapt" rewrites where it can'
_NO_CAUSE = 'it is not grouped, so nothing in it needs that version: run "ci/inv adapt"'
_LARGEST_STEPS = float(2**31)  # what 2**31 - 1 is as a float32


def refusal(operator: Operator, tensors: Sequence[Tensor]) -> str | None:
    """Return why the compiler refuses to read a model with this operator; ``None`` if it does not."""
    if operator.is_custom:
        return _custom_refusal(operator)
    is_grouped = operator.name == "CONV_2D" and _is_grouped(operator, tensors)
    if reason := version_refusal(operator):
        return reason if is_grouped or operator.name != "CONV_2D" else reason.replace(_GROUPED_CAUSE, _NO_CAUSE)
    if is_grouped:
        return f"input->dims->data[3] != filter->dims->data[3]: {_GROUPED_CAUSE}"
    return _scale_refusal(operator, tensors)


def limitation(operator: Operator, graph: Subgraph, runtime: int) -> Reason | None:
    """Return why an operator that can be read runs on the CPU; ``None`` if it is mapped.

    Args:
        operator: one of the graph's.
        graph: has the tensors.
        runtime: lowest version of the runtime that the compiled model must run on.
    """
    tensors = [graph.tensors[place] for place in operator.inputs if place >= 0]
    outputs = [graph.tensors[place] for place in operator.outputs if place >= 0]
    computed = [tensor for tensor in (*tensors, *outputs) if not tensor.is_constant]
    if any(tensor.type not in _INTEGERS for tensor in computed if not _is_state(operator, tensor)):
        types = ", ".join(sorted({tensor.type for tensor in computed} - _INTEGERS))
        return Reason(UNSUPPORTED_TYPE, types)
    lowest = SUPPORTED.get(operator.name)
    if lowest is None:
        return Reason(NOT_SUPPORTED)
    if lowest > runtime:
        return Reason(NOT_SUPPORTED, f"needs runtime {lowest}, not {runtime}", operator.name in _UNVERIFIED_OPERATORS)
    reason = condition_failed(operator, tensors, outputs)
    reason = reason or (older_condition(operator, tensors, outputs) if runtime <= _OLD_RUNTIME else None)
    is_flat = all(_outer_size(tensor) <= 1 for tensor in computed)
    return reason or (None if is_flat else Reason(BAD_RANK))


def doubtful_size(operator: Operator, graph: Subgraph) -> str | None:
    """Return what is known on both sides of a size of which no public report says if it is mapped."""
    tensors = [graph.tensors[place] for place in operator.inputs if place >= 0]
    outputs = [graph.tensors[place] for place in operator.outputs if place >= 0]
    return doubt(operator, tensors, outputs) if tensors and outputs else None


def _custom_refusal(operator: Operator) -> str | None:
    if operator.name == POST_PROCESS:
        count = len(operator.outputs)
        is_whole = count == _OUTPUTS
        return None if is_whole else f"NumOutputs(node) != 4 ({count} != 4): outputs of {POST_PROCESS} are missing"
    if operator.name in POST_PROCESSES:
        return None
    hint = ": export with the project's own exporter, not exporter_main_v2" if operator.name.startswith("Flex") else ""
    return f"Encountered unresolved custom op: {operator.name}{hint}"


def _scale_refusal(operator: Operator, tensors: Sequence[Tensor]) -> str | None:
    """Return the refusal of scales that TFLite's kernels cannot work with.

    Only a bounded activation is held against its scale: the bound, in steps of the output's scale, must fit into 32
    bits (``CalculateActivationRangeQuantized`` in TensorFlow's ``kernel_util.cc``). Scales of weights, and of outputs
    without such an activation, may be as small as they like: a multiplier too small becomes 0. No kernel divides by a
    scale that is 0, infinite or no number.
    """
    for place in (*operator.inputs, *operator.outputs):
        if place >= 0 and (broken := _broken_scale(tensors[place])) is not None:
            return _overflow(tensors[place], broken)
    bound = _BOUNDS.get(operator.options.get("activation", 0), 0.0)
    for place in operator.outputs:
        tensor = tensors[place] if place >= 0 else None
        if tensor is None or tensor.type not in _INTEGERS:
            continue
        for scale in tensor.quantization.scales[:1]:
            if bound / scale > _LARGEST_STEPS:
                return f"{_overflow(tensor, scale)}, too small for the activation that is fused into {operator.name}"
    return None


def _broken_scale(tensor: Tensor) -> float | None:
    scales = tensor.quantization.scales
    is_zero_allowed = tensor.is_constant  # weights that are all zero: their multiplier is 0
    return next((s for s in scales if not math.isfinite(s) or s < 0 or (s == 0 and not is_zero_allowed)), None)


def _overflow(tensor: Tensor, scale: float) -> str:
    return f"no_integer_overflow_from_quantization was not true: the scale of {tensor.name!r} is {scale:g}"


def _is_grouped(operator: Operator, tensors: Sequence[Tensor]) -> bool:
    if len(operator.inputs) < _CONV_INPUTS or min(operator.inputs[:_CONV_INPUTS]) < 0:
        return False
    picture, weights = (tensors[place] for place in operator.inputs[:_CONV_INPUTS])
    has_channels = len(picture.shape) > _CONV_CHANNELS and len(weights.shape) > _FILTER_CHANNELS
    return has_channels and picture.shape[_CONV_CHANNELS] != weights.shape[_FILTER_CHANNELS]


def _is_state(operator: Operator, tensor: Tensor) -> bool:
    """Return whether a tensor is the 16-bit state of an LSTM, which the Edge TPU has."""
    return operator.name == "UNIDIRECTIONAL_SEQUENCE_LSTM" and tensor.type == "INT16"


def _outer_size(tensor: Tensor) -> int:
    return max((size for size in tensor.shape[:-_INNER_DIMENSIONS]), default=1)
