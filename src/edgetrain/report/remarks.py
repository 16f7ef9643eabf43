"""What the page says first: what failed, what is proven and what is not, and why to doubt the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetrain.core.splits import Split
from edgetrain.core.wording import UNKNOWN, counted, finite_number
from edgetrain.core.workspace.reports import DATASET_TREE
from edgetrain.core.workspace.stage_reports import Records, as_list, as_text, value_of
from edgetrain.edgetpu.compiler.provenance import STAND_IN

_FEW_BOXES = 100
_INPUT_NAMES = {DATASET_TREE: "dataset"}


@dataclass(frozen=True)
class StageLine:
    """One stage of the flow: ``status`` is ``done``, ``rehearsed``, ``failed`` or ``no result``."""

    name: str
    status: str
    summary: str
    seconds: str


Remark = tuple[str, str]  # kind ("failed", "unproven", "caution" or "proven") and sentence


def is_rehearsal(records: Records, stage: str) -> bool:
    """Return whether a stand-in did the stage's work, so that it proves nothing."""
    is_stand_in = stage == "compile" and value_of(records, stage, "provenance") == STAND_IN
    return is_stand_in or (stage == "hardware" and value_of(records, stage, "is_rehearsal") is True)


def remarks_of(records: Records, stages: Sequence[StageLine]) -> Iterator[Remark]:
    """Yield what failed, what was proven and what was not, and why to doubt the figures."""
    for line in stages:
        if line.status == "failed":
            missed = [f"{as_text(limit)}; " for limit in as_list(value_of(records, line.name, "missed_limits"))]
            yield ("failed", f"{line.name} failed: {''.join(missed)}{line.summary}")
    if "evaluate" not in records:
        yield ("unproven", "no model was judged: its accuracy is unproven")
    yield _compile_remark(records)
    yield _hardware_remark(records)
    if "promote" in records and records["promote"].fingerprint:
        yield ("proven", f"promote: {records['promote'].outcome.summary}")
    if "evaluate" in records:
        yield from _doubts(records, stages)
    yield from _stale(records)


def _compile_remark(records: Records) -> Remark:
    missing = "not compiled for the Edge TPU: unproven"
    record = records.get("compile")
    if record is None or not record.fingerprint:
        return ("unproven", missing)
    if value_of(records, "compile", "provenance") == STAND_IN:
        return ("unproven", f"{missing} (a stand-in played the compiler: {record.outcome.summary})")
    return ("proven", f"compiled for the Edge TPU: {record.outcome.summary}")


def _hardware_remark(records: Records) -> Remark:
    record = records.get("hardware")
    if record is not None and value_of(records, "hardware", "is_hardware_pass") is True and record.fingerprint:
        return ("proven", f"run on a Coral: {record.outcome.summary}")
    more = f" ({record.outcome.summary})" if record else ""
    return ("unproven", f"not run on a Coral: unproven{more}")


def _doubts(records: Records, stages: Sequence[StageLine]) -> Iterator[Remark]:
    split, boxes = value_of(records, "evaluate", "split"), finite_number(value_of(records, "evaluate", "boxes"))
    before = stages[: [line.name for line in stages].index("evaluate")]
    missing = ", ".join(line.name for line in before if line.status != "done")
    if missing:
        yield ("caution", f"the figures may be of an earlier model, since there is no result of {missing}")
    if split != Split.TEST.value:
        yield ("caution", f"judged on the {split or UNKNOWN} pictures: this says little about new ones")
    if boxes is not None and boxes < _FEW_BOXES:
        yield ("caution", f"only {counted(int(boxes), 'labelled box')} to judge by: small differences may be chance")


def _stale(records: Records) -> Iterator[Remark]:
    """Yield the stages whose inputs are not what the other stages left behind."""
    made: dict[str, tuple[str, str | None]] = {}
    for stage, record in records.items():
        for name in {"dataset", DATASET_TREE} & set(record.inputs):
            made.setdefault(name, (stage, record.inputs[name]))
        made |= {name: (stage, digest) for name, digest in record.outputs.items() if digest}
    for stage, record in records.items():
        for name, digest in record.inputs.items():
            maker, newest = made.get(name, ("", digest))
            # In another clone all times of change are others: git tells whether it holds the same.
            is_told_by_git = name == "dataset" and {DATASET_TREE} <= {*record.inputs} & {*records[maker].inputs}
            if digest != newest and not is_told_by_git:
                text = f"{stage} used another state of {_INPUT_NAMES.get(name, name)} than that of {maker}"
                yield ("caution", f"{text}: run the pipeline again")
