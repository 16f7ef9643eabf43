"""The ends of a model: its input as uint8, and the outputs of TensorFlow 2 in the order of TensorFlow 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgetrain.tflite.editing import EditedModel, EditedOperator
from edgetrain.tflite.file import POST_PROCESS
from edgetrain.tflite.model_kind import SSD_ORDER

_SHIFT = 128  # uint8 begins 128 above int8
_PICTURE_RANK = 4


@dataclass(frozen=True)
class ChangedEnd:
    """An input, at a place among the inputs, that takes uint8 now: ``q`` stands for ``(q - zero_point) * scale``.

    It took floats, or int8 (``was_int8``), where ``q`` was 128 less.
    """

    place: int
    scale: float
    zero_point: int
    was_int8: bool = False


def with_uint8_inputs(model: EditedModel) -> tuple[EditedModel, list[ChangedEnd], list[str], list[str]]:
    """Return the model with uint8 inputs where it quantized floats, these ends, the changes, and what stays and why.

    The QUANTIZE that made int8 of floats makes it of uint8 then, without any loss: both have the same scale.
    """
    ends: list[ChangedEnd] = []
    changes: list[str] = []
    kept: list[str] = []
    for place, index in enumerate(model.inputs):
        tensor = model.tensors[index]
        if tensor.type != "FLOAT32":
            continue
        users = [o for o in model.operators if index in o.inputs]
        made = [model.tensors[o.outputs[0]] for o in users if o.name == "QUANTIZE" and o.outputs]
        if len(users) != 1 or len(made) != 1 or made[0].type not in ("INT8", "UINT8") or len(made[0].scales) != 1:
            names = ", ".join(sorted({o.name for o in users})) or "nothing"
            kept.append(
                f"the float input {tensor.name!r} goes to {names}, not to one QUANTIZE: the model is not quantized"
            )
            continue
        zero_point = (made[0].zero_points or (0,))[0] + (_SHIFT if made[0].type == "INT8" else 0)
        ends.append(ChangedEnd(place, made[0].scales[0], zero_point))
        model = model.with_tensor(
            index, type="UINT8", scales=made[0].scales, zero_points=(zero_point,), axis=0, minimum=(), maximum=()
        )
        changes.append(
            f"float input {tensor.name!r} -> uint8, a value q standing for (q - {zero_point}) * {made[0].scales[0]:.6g}"
        )
    return model, ends, changes, kept


def with_uint8_pictures(model: EditedModel) -> tuple[EditedModel, list[ChangedEnd], list[str]]:
    """Return an SSD with uint8 pictures in place of int8 ones, these ends, and the changes.

    Frigate 0.15 and 0.16 and pycoral's examples give an SSD uint8. A QUANTIZE makes int8 of it without any loss: it
    takes off 128, and the Edge TPU has it from runtime 12 on.
    """
    ends: list[ChangedEnd] = []
    changes: list[str] = []
    if not any(operator.name == POST_PROCESS for operator in model.operators):
        return model, ends, changes
    for place, index in enumerate(model.inputs):
        tensor = model.tensors[index]
        if tensor.type != "INT8" or len(tensor.shape) != _PICTURE_RANK or len(tensor.scales) != 1:
            continue
        zero_point = (tensor.zero_points or (0,))[0] + _SHIFT
        model = _with_quantize(model, place, zero_point)
        ends.append(ChangedEnd(place, tensor.scales[0], zero_point, was_int8=True))
        changes.append(f"int8 input {tensor.name!r} -> uint8, 128 more, and a QUANTIZE that takes them off")
    return model, ends, changes


def _with_quantize(model: EditedModel, place: int, zero_point: int) -> EditedModel:
    """Return the model whose int8 input is made of a uint8 one, which has its name and its place."""
    index, new = model.inputs[place], len(model.tensors)
    given = replace(model.tensors[index], type="UINT8", zero_points=(zero_point,), minimum=(), maximum=())
    model = model.with_tensor(index, name=f"{given.name}/int8")
    quantize = EditedOperator(name="QUANTIZE", version=1, inputs=(new,), outputs=(index,))
    signatures = tuple(
        replace(one, inputs=tuple((name, new if tensor == index else tensor) for name, tensor in one.inputs))
        for one in model.signatures
    )
    return replace(
        model,
        tensors=(*model.tensors, given),
        operators=(quantize, *model.operators),
        inputs=(*model.inputs[:place], new, *model.inputs[place + 1 :]),
        signatures=signatures,
    )


def in_coral_order(model: EditedModel) -> tuple[EditedModel, list[str]]:
    """Return the model with the outputs of its post-processing as boxes, classes, scores, count, and the change."""
    last = [operator for operator in model.operators if operator.name == POST_PROCESS]
    if len(last) != 1 or len(last[0].outputs) != len(SSD_ORDER):
        return model, []
    order = last[0].outputs
    rest = [place for place in model.outputs if place not in order]
    outputs = (*order, *rest)
    if outputs == model.outputs or set(order) - set(model.outputs):
        return model, []
    names = dict(zip(order, SSD_ORDER))
    before = ", ".join(names.get(place, "another") for place in model.outputs)
    return replace(model, outputs=outputs), [f"outputs {before} -> {', '.join(SSD_ORDER)}"]
