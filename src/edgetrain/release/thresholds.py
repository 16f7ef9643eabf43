"""The score thresholds that go into a bundle: those that ``evaluate`` chose for this very model, or none."""

from __future__ import annotations

from dataclasses import dataclass

from edgetrain.core.system.folders import tree_digest
from edgetrain.core.wording import finite_number
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, value_of


@dataclass(frozen=True)
class ClassThreshold:
    """A class, its threshold (0 to 1), and what that buys on the pictures that judged the model."""

    class_name: str
    value: float
    reason: str
    boxes: int
    right: int
    wrong: int


def chosen_thresholds(
    workspace: Workspace, records: Records, class_names: tuple[str, ...]
) -> tuple[tuple[ClassThreshold, ...], str]:
    """Return the threshold of each class, and why there are none where there are none.

    Args:
        workspace: has the compiled model.
        records: the stages' reports.
        class_names: the model's classes, every one of which must have a threshold.
    """
    chosen = as_object(as_object(value_of(records, "evaluate", "thresholds")).get("classes"))
    if not chosen:
        return (), 'no thresholds: run "ci/inv evaluate" first'
    name, compiled = (workspace.relative(path) for path in (workspace.model_path, workspace.compiled_model_path))
    judged, made = records["evaluate"], records.get("compile")
    is_same = made is not None and made.outputs.get(compiled) == tree_digest(workspace.compiled_model_path)
    if made is None or not is_same or not made.inputs.get(name) or made.inputs.get(name) != judged.inputs.get(name):
        return (), 'no thresholds: reports/evaluate.json is of another model. Run "ci/inv evaluate" again'
    found = [_threshold(name, as_object(chosen.get(name))) for name in class_names]
    if None in found:
        return (), 'no thresholds: reports/evaluate.json has other classes. Run "ci/inv evaluate" again'
    return tuple(one for one in found if one is not None), ""


def _threshold(name: str, one: dict[str, object]) -> ClassThreshold | None:
    value = finite_number(one.get("threshold"))
    judged = as_object(one.get("judged"))
    counts = [int(finite_number(judged.get(key)) or 0) for key in ("boxes", "right", "wrong")]
    return None if value is None else ClassThreshold(name, value, as_text(one.get("reason")), *counts)
