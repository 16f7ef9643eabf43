"""Rewrite a TFLite file so that edgetpu_compiler 16.0 takes it, and prove that it computes the same.

Structural changes must give outputs equal to the bit under TFLite's reference kernels, or the file is not written.
Where a float input becomes uint8, an output may differ by one step of its quantization on the pictures that uint8 can
hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgetrain.core.errors import ModelError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import replacing_file
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.adapt.batch import with_batch_of_one
from edgetrain.edgetpu.adapt.ends import ChangedEnd, in_coral_order, with_uint8_inputs, with_uint8_pictures
from edgetrain.edgetpu.adapt.grouped import without_grouped
from edgetrain.edgetpu.adapt.proof import Proof, compare, computed
from edgetrain.edgetpu.adapt.versions import with_lower_versions
from edgetrain.edgetpu.compiler.package import is_compiled
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.tflite.editing import EditedModel, take_apart
from edgetrain.tflite.file import parse_tflite, read_tflite
from edgetrain.tflite.rendering import render


@dataclass(frozen=True)
class Adapted:
    """A rewritten model: the changes, what could not be changed and why, and the inputs that take uint8 now."""

    model: EditedModel
    changes: tuple[str, ...]
    kept: tuple[str, ...]
    ends: tuple[ChangedEnd, ...]


def run(settings: Settings, workspace: Workspace) -> Outcome:  # noqa: ARG001 - every stage is called alike
    """Write the adapted model; not good, and nothing written, if the compiler would refuse it still.

    Raises:
        SettingsError: no file is named, or both are the same.
        ModelError: the file is no TFLite model, does not run, or would be changed by the rewrite.
    """
    source, target = _paths(settings)
    if is_compiled(read_tflite(source)):
        raise ModelError(f"{source}: the model is compiled already. Name the file that was compiled.")
    data = source.read_bytes()
    adapted = rewrite(take_apart(data, str(source)))
    content = render(adapted.model) if adapted.changes else data
    prediction = predict(parse_tflite(content, str(target)), target, runtime=settings.compile.min_runtime_version)
    proof = _proven(data, content, adapted) if adapted.changes else None
    left = [*prediction.refusals, *adapted.kept]
    report = _report(source, target, adapted, proof, left)
    if prediction.refusals:
        lines = "\n".join(f"not repaired: {text}." for text in left)
        failure = f"adapt: {source.name} would still be refused; nothing was written.\n{lines}"
        return replace(report, failure=failure)
    with replacing_file(target, elsewhere="name another file with --out") as temporary:
        temporary.write_bytes(content)
    return report


def rewrite(model: EditedModel) -> Adapted:
    """Return a model with all that newer converters write made as the compiler takes it.

    Raises:
        ModelError: the model does not run, so that sizes of a batch of one are not known.
    """
    model, batch, unknown = with_batch_of_one(model, lambda one, wanted: computed(render(one), wanted))
    model, grouped, ungrouped = without_grouped(model)
    model, versions, newer = with_lower_versions(model)
    model, ends, floats, unquantized = with_uint8_inputs(model)
    model, pictures, integers = with_uint8_pictures(model)
    model, order = in_coral_order(model)
    return Adapted(
        model,
        (*batch, *grouped, *versions, *floats, *integers, *order),
        (*unknown, *ungrouped, *newer, *unquantized),
        (*ends, *pictures),
    )


def _paths(settings: Settings) -> tuple[Path, Path]:
    source, target = settings.adapt.model, settings.adapt.out
    if source is None or target is None:
        raise SettingsError("adapt.model or adapt.out is empty. Name both files: --model X.tflite --out Y.tflite.")
    if target.exists() and source.exists() and target.samefile(source):
        raise SettingsError(f"adapt.out {target}: this is the file to read. Name another one with --out.")
    if target.is_dir() or not target.parent.is_dir():
        raise SettingsError(
            f"adapt.out {target}: this is a folder, or lies in none. Name a file in a folder that exists."
        )
    return source, target


def _proven(before: bytes, after: bytes, adapted: Adapted) -> Proof:
    """Return the proof that both files compute the same.

    Raises:
        ModelError: they do not.
    """
    proof = compare(before, after, adapted.ends)
    allowed = {} if all(end.was_int8 for end in adapted.ends) else _steps(adapted.model)
    faults = [
        f"{name!r} by {difference:.6g}"
        for name, difference in proof.differences.items()
        if difference > allowed.get(name, 0.0)
    ]
    if faults or not proof.values:
        shown = ", ".join(faults) or "no output"
        raise ModelError(
            f"adapt: the rewritten model computes something else (largest differences: {shown}); nothing was written. "
            "Please report the model's converter and version."
        )
    return proof


def _steps(model: EditedModel) -> Mapping[str, float]:
    """Return one quantization step of each output: of floats that of the integers they are made of."""
    steps: dict[str, float] = {}
    for index in model.outputs:
        tensor = model.tensors[index]
        makers = [o for o in model.operators if index in o.outputs and o.name == "DEQUANTIZE"]
        if tensor.type in ("INT8", "UINT8"):
            steps[tensor.name] = 1.0
        elif makers:
            steps[tensor.name] = max(model.tensors[makers[0].inputs[0]].scales, default=0.0)
    return steps


def _report(source: Path, target: Path, adapted: Adapted, proof: Proof | None, left: Sequence[str]) -> Outcome:
    changes = counted(len(adapted.changes), "change")
    proven = "nothing to prove"
    if proof is not None:
        proven = f"{proof.values:,} output values of {proof.runs} runs are equal to the bit"
        if proof.differing:
            most = f"by at most {proof.largest_difference:.6g}"
            proven = f"{proof.differing:,} of {proof.values:,} output values differ, {most}"
    head = f"{source.name} -> {target.name}: {changes}; {proven}"
    lines = [head, *(f"  {text}." for text in adapted.changes), *(f"  not repaired: {text}." for text in left)]
    return Outcome(
        head,
        {
            "model": source.name,
            "out": target.name,
            "changes": list(adapted.changes),
            "not_repaired": list(left),
            "proof": asdict(proof) if proof else None,
            "text": "\n".join(lines),
        },
        tuple(f"not repaired: {text}" for text in left),
    )
