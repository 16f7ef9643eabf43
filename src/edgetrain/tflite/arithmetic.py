"""How much an operator computes: multiply-adds by the definition of each operator, told from shapes alone.

Counted is what is linear in weights or in two computed matrices; element-wise operators, pooling and copies count as
nothing: beside the convolutions of a network they are a rounding error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgetrain.tflite.file import Operator, Subgraph, Tensor

Count = Callable[[Sequence[Tensor], Sequence[Tensor]], int]
_LSTM_GATES = 4
_MOST_VALUES = 1 << 62


def multiply_adds(operator: Operator, graph: Subgraph) -> int:
    """Return the number of multiply-adds of one run of an operator; a size that is not known counts as 1."""
    count = _COUNTS.get(operator.name)
    if count is None or any(place < 0 for place in operator.inputs[:2]) or not operator.outputs:
        return 0
    inputs = [graph.tensors[place] for place in operator.inputs if place >= 0]
    if len(inputs) <= 1:
        return 0
    return count(inputs, [graph.tensors[place] for place in operator.outputs])


def size_of(shape: Sequence[int]) -> int:
    """Return the number of values of a shape; a size that is not known counts as 1, and no shape as more than 2**62.

    A damaged file may state sizes that no machine has: they must neither take time nor break what is computed of them.
    """
    values = 1
    for size in shape:
        values *= max(size, 1)
        if values > _MOST_VALUES:
            return _MOST_VALUES
    return values


def _convolution(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    return size_of(outputs[0].shape) * size_of(inputs[1].shape[1:])


def _depthwise(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    return size_of(outputs[0].shape) * size_of(inputs[1].shape[1:3])


def _transposed(inputs: Sequence[Tensor], _outputs: Sequence[Tensor]) -> int:
    # Inputs: output shape, weights (out, height, width, in), picture. Each value meets every weight of its channel.
    picture = inputs[-1] if len(inputs) < 4 else inputs[2]  # noqa: PLR2004 - the fourth is a bias
    weights = inputs[1].shape
    return size_of(picture.shape) * size_of(weights[:3])


def _dense(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    return size_of(outputs[0].shape) * size_of(inputs[1].shape[-1:])


def _product(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    return size_of(outputs[0].shape) * size_of(inputs[0].shape[-1:])


def _lstm(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    cells, features = size_of(outputs[0].shape[-1:]), size_of(inputs[0].shape[-1:])
    return _LSTM_GATES * size_of(outputs[0].shape) * (features + cells)


_COUNTS: dict[str, Count] = {
    "BATCH_MATMUL": _product,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
