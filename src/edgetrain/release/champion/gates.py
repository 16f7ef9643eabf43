"""What the reports of a model say for or against it, before any comparison: they must be of these very files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgetrain.core.errors import MissingInputError, ModelError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import combined_digest
from edgetrain.core.system.folders import tree_digest, visible_files
from edgetrain.core.wording import UNKNOWN, finite_number
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, value_of
from edgetrain.edgetpu.compiler.provenance import STAND_IN, require_compiled_model
from edgetrain.edgetpu.hardware_pass import hardware_result, hardware_state, is_proven
from edgetrain.records.tfrecord import records_digest
from edgetrain.release.champion.decision import Reason, quantization_reason


def report_reasons(workspace: Workspace, records: Records, *, max_ap_drop: float) -> Iterator[Reason]:
    """Yield whether a device passed the model, Google's compiler made it, and how well it was evaluated.

    Args:
        workspace: has the models.
        records: the reports.
        max_ap_drop: AP that int8 may lose against float32.
    """
    yield _compiled(workspace, records)
    digest = tree_digest(workspace.compiled_model_path) or ""
    if hardware_result(records, digest):
        yield Reason("hardware pass", records["hardware"].outcome.summary, is_passed=True)
    else:
        is_damaged = is_proven(records, digest)
        state = "the report of the test has no latency" if is_damaged else hardware_state(records, digest)
        text = f'no hardware pass: {state}. Run "ci/inv hardware" on a machine with a Coral'
        yield Reason("hardware pass", text, is_passed=False)
    yield from _evaluated(workspace, records, max_ap_drop)


def _compiled(workspace: Workspace, records: Records) -> Reason:
    """Return whether the compiled model was made of this int8 model by Google's compiler."""
    name = "compiled model"
    try:
        require_compiled_model(workspace, "a champion")
    except (MissingInputError, ModelError) as error:
        return Reason(name, str(error).rstrip("."), is_passed=False)
    if "compile" not in records or not records["compile"].fingerprint:
        return Reason(name, 'there is no good report of it. Run "ci/inv compile"', is_passed=False)
    provenance = as_text(value_of(records, "compile", "provenance"))
    record, paths = records["compile"], (workspace.model_path, workspace.compiled_model_path)
    used = [record.inputs.get(workspace.relative(paths[0])), record.outputs.get(workspace.relative(paths[1]))]
    if used != [tree_digest(path) for path in paths]:
        return Reason(name, 'reports/compile.json is of another model. Run "ci/inv compile" again', is_passed=False)
    return Reason(name, f"by {provenance or UNKNOWN}", is_passed=bool(provenance) and provenance != STAND_IN)


def _evaluated(workspace: Workspace, records: Records, max_ap_drop: float) -> Iterator[Reason]:
    """Yield whether the evaluation was of this model and passed, and what quantization cost."""
    name, remedy = "evaluation", 'Run "ci/inv evaluate" again'
    record = records.get("evaluate")
    results = as_object(value_of(records, "evaluate", "results"))
    figures = [finite_number(as_object(results.get(key)).get("mean_average_precision")) for key in ("float32", "int8")]
    paths = (workspace.model_path, workspace.records_dir, workspace.label_map_path)
    other = [
        workspace.relative(path)
        for path in paths
        if record is None or record.inputs.get(workspace.relative(path)) != _digest(workspace, path)
    ]
    split = value_of(records, "evaluate", "split")
    if record is None or None in figures:
        yield Reason(name, f"the model was not evaluated. {remedy.removesuffix(' again')}", is_passed=False)
    elif other:
        yield Reason(name, f"reports/evaluate.json is of another {', '.join(other)}. {remedy}", is_passed=False)
    elif split != Split.TEST.value:
        yield Reason(name, f"it was of the {split or UNKNOWN} pictures, not of test. {remedy}", is_passed=False)
    elif not record.fingerprint:
        yield Reason(name, f"it failed: {record.outcome.summary}", is_passed=False)
    else:
        yield Reason(name, record.outcome.summary, is_passed=True)
        yield quantization_reason(figures[0] or 0.0, figures[1] or 0.0, max_ap_drop)


def _digest(workspace: Workspace, path: Path) -> str | None:
    """Return the digest of a path as reports have it: that of TFRecords is made of the checksums in them."""
    if path != workspace.records_dir:
        return tree_digest(path)
    return combined_digest((shard.name, records_digest(shard)) for shard in visible_files(path))
