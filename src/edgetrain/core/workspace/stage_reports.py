"""The reports of all stages as values fit to be shown: whatever they hold counts as hostile text.

Accepted: any JSON object; what is missing or of another type is empty. Passwords and query tokens of URLs, invisible
letters and the end of very long texts are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgetrain.core.outcome import Outcome
from edgetrain.core.redaction import clean_text
from edgetrain.core.wording import UNKNOWN, finite_number
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import StageRecord, read_report

# fmt: off
STAGES = (
    "validate", "split", "tabulate", "label-map", "records", "checkpoint", "configure", "preflight-untrained", "train",
    "export", "quantize", "preflight", "evaluate", "compile", "hardware", "bundle", "promote",
)
# fmt: on
_NOT_SHOWN = ("report", "preflight-file", "adapt")

Records = Mapping[str, StageRecord]


def read_records_of(workspace: Workspace) -> dict[str, StageRecord]:
    """Return the reports that exist, in the order of the flow, unknown stages last."""
    return read_records_in(workspace.reports_dir)


def read_records_in(folder: Path) -> dict[str, StageRecord]:
    """Return the reports of a folder, in the order of the flow, unknown stages last."""
    names = [path.stem for path in sorted(folder.glob("*.json")) if path.stem not in _NOT_SHOWN]
    ordered = [*(name for name in STAGES if name in names), *(name for name in names if name not in STAGES)]
    found = {name: read_report(folder / f"{name}.json") for name in ordered}
    return {clean_text(name): _record(name, value) for name, value in found.items() if value is not None}


def _record(name: str, value: Mapping[str, object]) -> StageRecord:
    """Return a stage's JSON as a value; what is missing is empty, a report without origin counts as done."""
    clean = as_object(_clean(value))
    made_from = as_object(clean.get("made_from"))
    return StageRecord(
        stage=name,
        outcome=Outcome(as_text(clean.get("summary")), clean, tuple(map(str, as_list(clean.get("notes"))))),
        fingerprint=as_text(made_from.get("fingerprint", UNKNOWN)),
        settings=as_object(made_from.get("settings")),
        inputs={key: as_text(digest) or None for key, digest in as_object(made_from.get("inputs")).items()},
        outputs={key: as_text(digest) or None for key, digest in as_object(made_from.get("outputs")).items()},
        seconds=finite_number(made_from.get("seconds")) or 0.0,
        versions={key: as_text(version) for key, version in as_object(made_from.get("versions")).items()},
    )


def _clean(value: object) -> object:
    """Return a JSON value with all texts fit to be shown and sent around."""
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    return clean_text(value) if isinstance(value, str) else value


def value_of(records: Records, stage: str, key: str) -> object:
    """Return a result of a stage, or else a setting that it used; ``None`` if it is not known."""
    if stage not in records:
        return None
    return records[stage].outcome.results.get(key, records[stage].settings.get(key))


def as_object(value: object) -> dict[str, object]:
    """Return a JSON object, empty if the value is none."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """Return a JSON array, empty if the value is none."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a JSON string, empty if the value is none."""
    return value if isinstance(value, str) else ""


def setting_text(value: object) -> str:
    """Return a setting as the reader would write it."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "not set" if value in (None, "") else str(value)
