"""The ends of a model: a float input as uint8, and the outputs of TensorFlow 2 in the order of TensorFlow 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgetrain.tflite.editing import EditedModel
from edgetrain.tflite.file import POST_PROCESS
from edgetrain.tflite.model_kind import SSD_ORDER

_SHIFT = 128  # uint8 begins 128 above int8


@dataclass(frozen=True)
class FloatEnd:
    """An input that took floats, at a place among the inputs: now ``q`` stands for ``(q - zero_point) * scale``."""

    place: int
    scale: float
    zero_point: int


def with_uint8_inputs(model: EditedModel) -> tuple[EditedModel, list[FloatEnd], list[str], list[str]]:
    """Return the model with uint8 inputs where it quantized floats, these ends, the changes, and what stays and why.

    The QUANTIZE that made int8 of floats makes it of uint8 then, without any loss: both have the same scale.
    """
    ends: list[FloatEnd] = []
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
        ends.append(FloatEnd(place, made[0].scales[0], zero_point))
        model = model.with_tensor(
            index, type="UINT8", scales=made[0].scales, zero_points=(zero_point,), axis=0, minimum=(), maximum=()
        )
        changes.append(
            f"float input {tensor.name!r} -> uint8, a value q standing for (q - {zero_point}) * {made[0].scales[0]:.6g}"
        )
    return model, ends, changes, kept


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
