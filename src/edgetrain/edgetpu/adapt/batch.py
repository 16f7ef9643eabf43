"""A batch of unknown size as a batch of one, and what a converter wrote to compute with that size as constants.

Where the batch is unknown, converters write SHAPE, STRIDED_SLICE and PACK to tell RESHAPE the sizes. With a batch of
one they are constants: what depends on shapes alone is computed once by the interpreter and put into the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edgetrain.tflite.editing import EditedModel, EditedOperator

_SHAPE_TYPES = ("INT32", "INT64")
Values = Mapping[int, tuple[tuple[int, ...], bytes]]


def with_batch_of_one(
    model: EditedModel, compute: Callable[[EditedModel, frozenset[int]], Values]
) -> tuple[EditedModel, list[str], list[str]]:
    """Return the model with a batch of one, the changes, and what could not be changed and why.

    Args:
        model: any.
        compute: gives shape and content of tensors of a model whose inputs have their shapes; of the tensors in the
            set also the content.
    """
    if not any(-1 in tensor.signature for tensor in model.tensors):
        return model, [], []
    for index in model.inputs:
        tensor = model.tensors[index]
        if -1 in tensor.signature[1:]:
            return model, [], [f"input {tensor.name!r} has unknown sizes beside the batch: {list(tensor.signature)}"]
        if tensor.signature:
            model = model.with_tensor(index, shape=(1, *tensor.signature[1:]), signature=())
    folded = _shape_tensors(model)
    values = compute(model, folded)
    count = sum(-1 in tensor.signature for tensor in model.tensors)
    tensors = tuple(
        replace(
            tensor,
            signature=() if -1 in tensor.signature else tensor.signature,
            shape=values[place][0] if tensor.data is None and place in values else tensor.shape,
            data=values[place][1] if place in folded and place in values else tensor.data,
        )
        for place, tensor in enumerate(model.tensors)
    )
    operators = tuple(o for o in model.operators if not set(o.outputs) <= folded)
    changes = [f"batch of unknown size -> 1 ({count + len(model.inputs)} tensors)"]
    gone = len(model.operators) - len(operators)
    if gone:
        changes.append(f"{gone} operators that compute shapes -> constants")
    return replace(model, tensors=tensors, operators=operators), changes, []


def _shape_tensors(model: EditedModel) -> frozenset[int]:
    """Return the places of integers that are computed from shapes and constants alone."""
    found: set[int] = set()
    for operator in model.operators:
        if _is_of_shapes(model, operator, found):
            found.update(operator.outputs)
    return frozenset(found - set(model.outputs))


def _is_of_shapes(model: EditedModel, operator: EditedOperator, found: set[int]) -> bool:
    makes_integers = all(model.tensors[place].type in _SHAPE_TYPES for place in operator.outputs)
    if not makes_integers or operator.is_custom:
        return False
    if operator.name == "SHAPE":
        return True
    inputs = [place for place in operator.inputs if place >= 0]
    return bool(inputs) and all(place in found or model.tensors[place].data is not None for place in inputs)
