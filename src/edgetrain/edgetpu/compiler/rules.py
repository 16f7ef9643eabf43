"""What edgetpu_compiler 16.0 accepts: which operators, in which versions, under which conditions.

Sources: coral.ai/docs/edgetpu/models-intro (operators and limitations), public compiler logs and issues of
google-coral/edgetpu (texts, refused versions: 340, 631, 708, 818, 845, 879; google-coral/libedgetpu 71), and
TensorFlow's ``runtime_version.cc``, which says with which TensorFlow a version came. The compiler carries TFLite of
July 2021: it reads what came with TensorFlow 2.5 or before and refuses what came with 2.7 or later; 2.6 is unproven.
Conditions that are known from memory or from one model only are marked unverified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgetrain.tflite.file import Operator, Subgraph, Tensor

POST_PROCESS = "TFLite_Detection_PostProcess"
NEWEST_RUNTIME = 14
MAPPED = "Mapped to Edge TPU"
UNSUPPORTED_TYPE = "Operation is working on an unsupported data type"
NOT_SUPPORTED = "Operation not supported"
LIMITED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
BAD_RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
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
    **dict.fromkeys(("EXPAND_DIMS", "PACK", "PRELU", "QUANTIZE", "SUM", "TRANSPOSE_CONV"), 13),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "RSQRT", "TRANSPOSE", "UNIDIRECTIONAL_SEQUENCE_LSTM"), 14),
}
# From memory; or, for the last two, since a model of Google's that holds them asks for runtime 12 only.
_UNVERIFIED_OPERATORS = frozenset(
    {"RSQRT", "TRANSPOSE", "SQUARED_DIFFERENCE", "QUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
)
# Operator: newest version that TensorFlow 2.5 had. A version of TensorFlow 2.6 is in the second table.
_NEWEST_VERSION = {
    "ADD": 3,
    "AVERAGE_POOL_2D": 3,
    "CONCATENATION": 3,
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 6,
    "DEQUANTIZE": 4,
    "FULLY_CONNECTED": 9,
    "QUANTIZE": 2,
    "LOGISTIC": 3,
    "MAX_POOL_2D": 3,
    "MEAN": 3,
    "MUL": 4,
    "SUB": 5,
    "PACK": 3,
    "UNPACK": 4,
    "PAD": 3,
    "RELU": 3,
    "RELU6": 3,
    "RESHAPE": 1,
    "EXPAND_DIMS": 1,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4,
    "SLICE": 5,
    "SOFTMAX": 3,
    "SPLIT": 4,
    "SQUEEZE": 2,
    "STRIDED_SLICE": 5,
    "TANH": 3,
    "TRANSPOSE": 5,
    "TRANSPOSE_CONV": 3,
    "EXP": 1,
    "CAST": 1,
    "TILE": 2,
    "ARG_MAX": 2,
    "GATHER": 5,
    "BATCH_MATMUL": 4,
    "BROADCAST_TO": 3,
}
_UNPROVEN_VERSION = {"ADD": 4, "MUL": 5, "PAD": 4, "STRIDED_SLICE": 6}
_VERSION_CAUSES = {
    ("CONV_2D", 6): "a grouped convolution",
    ("QUANTIZE", 3): "a tensor that is quantized for each channel",
    ("TRANSPOSE_CONV", 4): "an activation fused into it",
}
_NEWEST_BUILTIN = 145
_INTEGERS = frozenset({"INT8", "UINT8"})
_INNER_DIMENSIONS = 3
_SOFTMAX_ELEMENTS = 16_000
_CONV_CHANNELS, _FILTER_CHANNELS = 3, 3
# 6 / scale must fit into 32 bits: TFLite computes the limits of RELU6 with it.
_SMALLEST_SCALE = 6 / (2**31 - 1)
# An enlargement of 33 stays on the CPU (deeplabv3_mnv2_dm05 of google-coral/test_data), 2 is mapped (EfficientDet; and
# YOLOv8n by compiler 16.0, ultralytics/hub issue 1136).
_LARGEST_ENLARGEMENT = 8
_OUTPUTS = 4
_OLD_RUNTIME = 12
_CHANNELS, _CHANNEL_STEP = 3, 4  # a mean over channels takes multiples of four


@dataclass(frozen=True)
class Reason:
    """Why an operator is not mapped: the compiler's own words, and what is meant."""

    status: str
    detail: str = ""
    is_unverified: bool = False


def refusal(operator: Operator, tensors: Sequence[Tensor]) -> str | None:
    """Return why the compiler refuses to read a model with this operator; ``None`` if it does not."""
    if operator.is_custom:
        return _custom_refusal(operator)
    if operator.code > _NEWEST_BUILTIN:
        return f"Op builtin_code out of range: {operator.code}: {operator.name} came after the compiler"
    newest = max(_NEWEST_VERSION.get(operator.name, operator.version), _UNPROVEN_VERSION.get(operator.name, 0))
    if operator.version > newest:
        cause = _VERSION_CAUSES.get((operator.name, operator.version))
        reason = f": its cause is {cause}" if cause else ""
        return f"Didn't find op for builtin opcode '{operator.name}' version '{operator.version}'{reason}"
    if operator.name == "CONV_2D" and _is_grouped(operator, tensors):
        return "input->dims->data[3] != filter->dims->data[3]: a grouped convolution"
    return _scale_refusal([tensors[place] for place in (*operator.inputs, *operator.outputs) if place >= 0])


def unproven_version(operator: Operator) -> bool:
    """Return whether an operator's version came with TensorFlow 2.6, of which no public log says if it is read."""
    return _UNPROVEN_VERSION.get(operator.name) == operator.version


def is_known(operator: Operator) -> bool:
    """Return whether it is known which versions of an operator the compiler reads; custom ones have none."""
    return operator.is_custom or operator.name in _NEWEST_VERSION


def limitation(operator: Operator, graph: Subgraph, runtime: int) -> Reason | None:
    """Return why an operator that can be read runs on the CPU; ``None`` if it is mapped.

    Args:
        operator: one of the graph's.
        graph: has the tensors.
        runtime: lowest version of the runtime that the compiled model must run on.
    """
    tensors = [graph.tensors[place] for place in operator.inputs if place >= 0]
    outputs = [graph.tensors[place] for place in operator.outputs]
    computed = [tensor for tensor in (*tensors, *outputs) if not tensor.is_constant]
    if any(tensor.type not in _INTEGERS for tensor in computed if not _is_state(operator, tensor)):
        types = ", ".join(sorted({tensor.type for tensor in computed} - _INTEGERS))
        return Reason(UNSUPPORTED_TYPE, types)
    lowest = SUPPORTED.get(operator.name)
    if lowest is None:
        return Reason(NOT_SUPPORTED)
    if lowest > runtime:
        return Reason(NOT_SUPPORTED, f"needs runtime {lowest}, not {runtime}", operator.name in _UNVERIFIED_OPERATORS)
    condition = _CONDITIONS.get(operator.name)
    reason = condition(operator, tensors, outputs) if condition else None
    reason = reason or (_older_condition(operator, tensors, outputs) if runtime <= _OLD_RUNTIME else None)
    is_flat = all(_outer_size(tensor) <= 1 for tensor in computed)
    return reason or (None if is_flat else Reason(BAD_RANK))


def _older_condition(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    """Return what runtime 12 cannot do, but 13 can."""
    detail = f"needs runtime {_OLD_RUNTIME + 1}"
    if operator.name == "DEPTHWISE_CONV_2D" and operator.options.get("dilation_h", 1) > 1:
        return Reason(LIMITED, f"its dilation {detail}")
    if operator.name == "MEAN" and set(inputs[1].int32_values) - {1, 2}:
        return Reason(LIMITED, f"a mean over another axis than x and y {detail}")
    if operator.name == "PAD" and any(inputs[1].int32_values[6:]):
        return Reason(LIMITED, f"padding of channels {detail}")
    size = len(outputs[0].shape)
    if operator.name == "SQUEEZE" and inputs[0].shape[len(inputs[0].shape) - size :] != outputs[0].shape:
        return Reason(LIMITED, f"taking off inner dimensions {detail}")
    return None


def _custom_refusal(operator: Operator) -> str | None:
    if operator.name == POST_PROCESS:
        wanted = 4
        count = len(operator.outputs)
        return (
            None if count == wanted else f"NumOutputs(node) != 4 ({count} != 4): outputs of {POST_PROCESS} are missing"
        )
    hint = ": export with the project's own exporter, not exporter_main_v2" if operator.name.startswith("Flex") else ""
    return f"Encountered unresolved custom op: {operator.name}{hint}"


def _scale_refusal(tensors: Sequence[Tensor]) -> str | None:
    """Return the refusal of scales that no integer arithmetic can work with: dead channels, bad calibration."""
    for tensor in tensors:
        for scale in tensor.quantization.scales:
            if not math.isfinite(scale) or scale <= 0 or (tensor.type in _INTEGERS and scale < _SMALLEST_SCALE):
                return f"no_integer_overflow_from_quantization was not true: the scale of {tensor.name!r} is {scale:g}"
    return None


def _is_grouped(operator: Operator, tensors: Sequence[Tensor]) -> bool:
    picture, weights = (tensors[place] for place in operator.inputs[:2])
    return len(picture.shape) > _CONV_CHANNELS and picture.shape[3] != weights.shape[_FILTER_CHANNELS]


def _is_state(operator: Operator, tensor: Tensor) -> bool:
    """Return whether a tensor is the 16-bit state of an LSTM, which the Edge TPU has."""
    return operator.name == "UNIDIRECTIONAL_SEQUENCE_LSTM" and tensor.type == "INT16"


def _outer_size(tensor: Tensor) -> int:
    return max((size for size in tensor.shape[:-_INNER_DIMENSIONS]), default=1)


Condition = Callable[[Operator, Sequence[Tensor], Sequence[Tensor]], "Reason | None"]


def _constant_parameters(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    return None if all(tensor.is_constant for tensor in inputs[1:]) else Reason(NOT_CONSTANT)


def _convolution(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    if operator.options.get("dilation_h", 1) != operator.options.get("dilation_w", 1):
        return Reason(LIMITED, "the dilation differs in x and y")
    return _constant_parameters(operator, inputs, outputs)


def _fully_connected(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    if operator.options.get("weights_format"):
        return Reason(LIMITED, "the weights are not in the default format")
    if sum(size > 1 for size in outputs[0].shape) > 1:
        return Reason(LIMITED, "its output has more than one dimension")
    return _constant_parameters(operator, inputs, outputs)


def _no_activation(operator: Operator, _inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    return Reason(LIMITED, "an activation is fused into it") if operator.options.get("activation") else None


def _concatenation(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    constants = [tensor for tensor in inputs if tensor.is_constant]
    if constants and (len(inputs) > 2 or any(set(tensor.data) != {0} for tensor in constants)):  # noqa: PLR2004 - two
        return Reason(LIMITED, "a constant input is only mapped beside exactly one other, and all zero")
    return _no_activation(operator, inputs, outputs)


def _not_along_batch(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    axes = inputs[1].int32_values if len(inputs) > 1 else ()
    rank = len(inputs[0].shape)
    return Reason(LIMITED, "it reduces the batch") if any(axis % rank == 0 for axis in axes if rank) else None


def _mean(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    over_channels = _CHANNELS in inputs[1].int32_values and len(inputs[0].shape) > _CHANNELS
    if over_channels and inputs[0].shape[_CHANNELS] % _CHANNEL_STEP:
        return Reason(LIMITED, "it is over channels whose number is no multiple of 4")
    return _not_along_batch(operator, inputs, outputs)


def _pack(operator: Operator, _inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    axis = operator.options.get("axis", 0) % max(1, len(outputs[0].shape))
    return Reason(LIMITED, "it packs along the batch") if axis == 0 else None


def _pad(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    return Reason(LIMITED, "it pads the batch") if any(inputs[1].int32_values[:2]) else None


def _prelu(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    is_flat = sum(size > 1 for size in inputs[1].shape) <= 1
    return None if is_flat else Reason(LIMITED, "its alpha has more than one dimension (Keras: shared_axes=[1, 2])")


def _resize(_operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    sides = zip(outputs[0].shape[1:3], inputs[0].shape[1:3])
    enlargement = max((after / before for after, before in sides if before), default=1)
    if enlargement <= _LARGEST_ENLARGEMENT:
        return None
    return Reason(
        LIMITED, f"it enlarges {enlargement:g} times; to keep precision it stays on the CPU", is_unverified=True
    )


def _softmax(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    if sum(size > 1 for size in inputs[0].shape) > 1:
        return Reason(LIMITED, "its input has more than one dimension")
    is_long = math.prod(inputs[0].shape) > _SOFTMAX_ELEMENTS
    return Reason(LIMITED, f"its input has more than {_SOFTMAX_ELEMENTS:,} values") if is_long else None


def _split(_operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    rank = max(1, len(outputs[0].shape))
    is_batch = any(axis % rank == 0 for axis in inputs[0].int32_values)
    return Reason(LIMITED, "it splits the batch", is_unverified=True) if is_batch else None


def _strided_slice(operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    if operator.options.get("ellipsis_mask") or operator.options.get("new_axis_mask"):
        return Reason(LIMITED, "it has an ellipsis or new-axis mask")
    return Reason(LIMITED, "a stride is not 1") if set(inputs[-1].int32_values) - {1} else None


_CONDITIONS: dict[str, Condition] = {
    "AVERAGE_POOL_2D": _no_activation,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _no_activation,
    "MEAN": _mean,
    "PACK": _pack,
    "PAD": _pad,
    "PRELU": _prelu,
    "REDUCE_MAX": _not_along_batch,
    "REDUCE_MIN": _not_along_batch,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "STRIDED_SLICE": _strided_slice,
    "SUM": _not_along_batch,
}
