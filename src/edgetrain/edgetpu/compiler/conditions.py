"""Under which conditions edgetpu_compiler 16.0 maps an operator that it supports: one function for each operator.

Sources: coral.ai/docs/edgetpu/models-intro (limitations); and what the compiler really did, where both files of a model
are public: google-coral/test_data (deeplabv3_mnv2, deeplab_mobilenet_edgetpu_slim_cityscapes, movenet_single_pose), and
YOLOv5n and YOLOv8n at 256 to 640 pixels, compiled by 16.0 (on GitHub Sandhya1708/modelnew, pine-book/MyYolov5,
zzip881022/PetMonitor, Jun0729/yolov8_fire_detection, ClemF4/Cattainer). Of sizes only single ones are known: one
between the largest that was mapped and the smallest that was not is doubtful, and :func:`doubt` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgetrain.tflite.arithmetic import size_of
from edgetrain.tflite.file import Operator, Tensor

LIMITED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
_SOFTMAX_LENGTH = 16_000
# An enlargement of 33 stays on the CPU (deeplabv3_mnv2_dm05 of google-coral/test_data), 2 is mapped (EfficientDet; and
# YOLOv8n by compiler 16.0, ultralytics/hub issue 1136).
_LARGEST_ENLARGEMENT = 8
_OLD_RUNTIME = 12
_CHANNELS, _CHANNEL_STEP = 3, 4  # a mean over channels takes multiples of four
_INNER = 3  # dimensions that the Edge TPU has


@dataclass(frozen=True)
class Reason:
    """Why an operator is not mapped: the compiler's own words, and what is meant."""

    status: str
    detail: str = ""
    is_unverified: bool = False


@dataclass(frozen=True)
class _KnownSizes:
    """Sizes, in values, of one kind of rearrangement: the largest that was mapped, the smallest that was not."""

    what: str
    mapped: int
    unmapped: int

    @property
    def limit(self) -> int:
        """The size from which it is taken to stay on the CPU: in the middle, for nothing else is known."""
        return (self.mapped + self.unmapped) // 2


# YOLOv5n at 640: 400x3x85 to 1200x85 was mapped, 1600x3x85 to 4800x85 was not.
_MERGED_ROWS = _KnownSizes("a reshape that joins rows", 102_000, 408_000)
# YOLOv5n at 640: 40x40x255 to 1600x3x85 was mapped, 80x80x255 to 6400x3x85 was not.
_SPLIT_CHANNELS = _KnownSizes("a reshape that divides channels", 408_000, 1_632_000)
# YOLOv8n: 32x32x65 to channels first was mapped (at 256), 40x40x64 was not (at 320).
_TRANSPOSED = _KnownSizes("a transposition of three dimensions", 66_560, 102_400)


Condition = Callable[[Operator, Sequence[Tensor], Sequence[Tensor]], "Reason | None"]


def condition_failed(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    """Return why a supported operator stays on the CPU whatever the runtime; ``None`` if nothing known keeps it there.

    Args:
        operator: one whose tensors have 8 bits.
        inputs: its tensors, without those that are left out.
        outputs: its tensors.
    """
    condition = _CONDITIONS.get(operator.name)
    if condition is None or not outputs or len(inputs) < _LEAST_INPUTS.get(operator.name, 1):
        return None
    return condition(operator, inputs, outputs)


def older_condition(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    """Return what runtime 12 cannot do, but 13 can.

    Dilation is not among it: Google's deeplab models for runtime 12 have dilated depthwise convolutions on the device.
    """
    if len(inputs) < _LEAST_INPUTS.get(operator.name, 1):
        return None
    detail = f"needs runtime {_OLD_RUNTIME + 1}"
    if operator.name == "MEAN" and _axes(inputs) - {1, 2}:
        return Reason(LIMITED, f"a mean over another axis than x and y {detail}")
    if operator.name == "PAD" and any(inputs[1].int32_values[6:]):
        return Reason(LIMITED, f"padding of channels {detail}")
    size = len(outputs[0].shape)
    if operator.name == "SQUEEZE" and inputs[0].shape[len(inputs[0].shape) - size :] != outputs[0].shape:
        return Reason(LIMITED, f"taking off inner dimensions {detail}")
    return None


def doubt(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> str | None:
    """Return what is known on both sides of a size that no public report covers; ``None`` if nothing is doubtful."""
    sizes = _sizes(operator, inputs, outputs)
    values = size_of(inputs[0].shape)
    if sizes is None or values <= sizes.mapped or values >= sizes.unmapped:
        return None
    return (
        f"{sizes.what} of {values:,} values is doubtful: {sizes.mapped:,} were mapped, {sizes.unmapped:,} were not, "
        "and nothing between is known"
    )


def _sizes(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> _KnownSizes | None:
    """Return what is known of the sizes of a rearrangement."""
    before, after = ([size for size in tensor.shape if size > 1] for tensor in (inputs[0], outputs[0]))
    if len(before) != _INNER:
        return None
    if operator.name == "TRANSPOSE":
        return _TRANSPOSED if before != after else None
    if operator.name != "RESHAPE":
        return None
    if after == [before[0] * before[1], before[2]]:
        return _MERGED_ROWS
    is_split = len(after) == _INNER and before[2] == after[1] * after[2]
    return _SPLIT_CHANNELS if is_split and before != after else None


def _rearrangement(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    sizes = _sizes(operator, inputs, outputs)
    values = size_of(inputs[0].shape)
    if sizes is None or values < sizes.limit:
        return None
    detail = f"{sizes.what} of {values:,} values: {sizes.unmapped:,} were not mapped"
    return Reason(LIMITED, detail, is_unverified=values < sizes.unmapped)


def _tile(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    # The one model that is known repeats a single value of each channel along x and y (deeplab_mobilenet_edgetpu_slim).
    times = inputs[1].int32_values
    is_broadcast = bool(times) and all(count == 1 or size == 1 for count, size in zip(times, inputs[0].shape))
    if is_broadcast and times[0] == 1:
        return None
    return Reason(
        LIMITED, "it repeats more than single values, which no known model has on the device", is_unverified=True
    )


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
    if constants and (len(inputs) > 2 or not all(tensor.is_all_zero for tensor in constants)):  # noqa: PLR2004 - two
        return Reason(LIMITED, "a constant input is only mapped beside exactly one other, and all zero")
    return _no_activation(operator, inputs, outputs)


def _not_along_batch(_operator: Operator, inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> Reason | None:
    return Reason(LIMITED, "it reduces the batch") if 0 in _axes(inputs) else None


def _axes(inputs: Sequence[Tensor]) -> set[int]:
    """Return the axes that an operator reduces, counted from the first one: a file may count them from the last."""
    rank = len(inputs[0].shape)
    return {axis % rank for axis in inputs[1].int32_values} if rank else set()


def _mean(operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    over_channels = _CHANNELS in _axes(inputs)
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
    # Documented is one dimension; but YOLOv8n, compiled by 16.0, has 4x1344x16 on the device.
    is_long = inputs[0].shape[-1:] > (_SOFTMAX_LENGTH,)
    return Reason(LIMITED, f"its input has more than {_SOFTMAX_LENGTH:,} values") if is_long else None


def _split(_operator: Operator, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Reason | None:
    rank = max(1, len(outputs[0].shape))
    # One part is the whole: a copy.
    is_batch = len(outputs) > 1 and any(axis % rank == 0 for axis in inputs[0].int32_values)
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
    "RESHAPE": _rearrangement,
    "REDUCE_MAX": _not_along_batch,
    "REDUCE_MIN": _not_along_batch,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "STRIDED_SLICE": _strided_slice,
    "SUM": _not_along_batch,
    "TILE": _tile,
    "TRANSPOSE": _rearrangement,
}
# What the conditions look at; a file with fewer inputs is refused by TFLite itself.
_LEAST_INPUTS = {
    **dict.fromkeys(("MEAN", "PAD", "PRELU", "REDUCE_MAX", "REDUCE_MIN", "STRIDED_SLICE", "SUM", "TILE"), 2),
}
