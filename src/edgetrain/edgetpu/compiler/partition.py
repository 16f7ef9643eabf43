"""Which operators come together in the one part on the Edge TPU, and which tensors go to the CPU and back.

The compiler is a delegate of TFLite, and takes the first part that TFLite's partitioner makes of the operators that it
supports (``PartitionGraphIntoIndependentNodeSubsets`` in TensorFlow's ``graph_info.cc``): operators of one kind are
taken as long as any is ready, in the order of the file, then those of the other kind. So what runs on the CPU before
anything on the Edge TPU bars nothing (``movenet_single_pose_lightning`` begins with CAST and QUANTIZE, the rest is
mapped), while all that needs a result of a later operator on the CPU stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrain.tflite.arithmetic import size_of
from edgetrain.tflite.file import Subgraph, Tensor

TO_CPU, TO_EDGE_TPU = "to the CPU", "to the Edge TPU"
_TYPE_BYTES = {"FLOAT64": 8, "INT64": 8, "FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "INT16": 2}


@dataclass(frozen=True)
class Crossing:
    """A tensor that one side computes and the other needs; ``operator`` is the place of the first one that needs it."""

    direction: str
    tensor: str
    type: str
    shape: tuple[int, ...]
    size_bytes: int
    operator: int


def first_part(graph: Subgraph, is_supported: Sequence[bool]) -> frozenset[int]:
    """Return the places of the operators that come together on the Edge TPU.

    Args:
        graph: its operators in the order in which they run.
        is_supported: for each operator, whether the Edge TPU could run it alone.
    """
    missing = {place for operator in graph.operators for place in operator.outputs}
    waiting = list(range(len(graph.operators)))
    # The first part is of the kind of the first operator, the second of the other: one of them is the Edge TPU's.
    for _ in range(2):
        taken = _ready(graph, is_supported, waiting, missing)
        if taken and is_supported[taken[0]]:
            return frozenset(taken)
        done = set(taken)
        waiting = [index for index in waiting if index not in done]
    return frozenset()


def _ready(graph: Subgraph, is_supported: Sequence[bool], waiting: Sequence[int], missing: set[int]) -> list[int]:
    """Return the operators of the next part; what they make is missing no more.

    One pass is enough: a file has its operators in the order in which they run.
    """
    taken: list[int] = []
    for index in waiting:
        operator = graph.operators[index]
        is_kind = not taken or is_supported[index] == is_supported[taken[0]]
        if is_kind and missing.isdisjoint(operator.inputs):
            taken.append(index)
            missing.difference_update(operator.outputs)
    return taken


def crossings(graph: Subgraph, on_device: frozenset[int]) -> tuple[Crossing, ...]:
    """Return each tensor that goes to the CPU or back, in the order of the operators that need it first.

    Args:
        graph: operators and tensors.
        on_device: places of the operators on the Edge TPU.
    """
    made = {place: index in on_device for index, operator in enumerate(graph.operators) for place in operator.outputs}
    found: dict[tuple[int, bool], Crossing] = {}
    for index, operator in enumerate(graph.operators):
        is_device = index in on_device
        for place in operator.inputs:
            if made.get(place, is_device) == is_device or (place, is_device) in found:
                continue
            tensor = graph.tensors[place]
            direction = TO_EDGE_TPU if is_device else TO_CPU
            found[place, is_device] = Crossing(
                direction, tensor.name, tensor.type, tensor.shape, tensor_bytes(tensor), index
            )
    return tuple(found.values())


def tensor_bytes(tensor: Tensor) -> int:
    """Return the size of a tensor; a size that is not known counts as 1."""
    return size_of(tensor.shape) * _TYPE_BYTES.get(tensor.type, 1)
