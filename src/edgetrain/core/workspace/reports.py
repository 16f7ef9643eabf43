"""What each stage leaves behind for people, for the next run and for the HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import MissingInputError
from edgetrain.core.outcome import Outcome
from edgetrain.core.system.files import write_json

# The input's name for git's id of the dataset's folder, beside "dataset", its state on this machine.
DATASET_TREE = "dataset, git tree"


@dataclass(frozen=True)
class StageRecord:
    """An outcome together with what it was made from: ``fingerprint`` covers inputs, settings and code."""

    stage: str
    outcome: Outcome
    fingerprint: str
    settings: Mapping[str, object]
    inputs: Mapping[str, str | None]
    outputs: Mapping[str, str | None]
    seconds: float
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """Return the record as its file has it: the results at the top level, and how they came about."""
        return {
            **self.outcome.results,
            "stage": self.stage,
            "summary": self.outcome.summary,
            "notes": list(self.outcome.notes),
            "made_from": {
                "fingerprint": self.fingerprint,
                "settings": self.settings,
                "inputs": self.inputs,
                "outputs": self.outputs,
                "versions": self.versions,
                "seconds": round(self.seconds, 1),
            },
        }


def write_record(path: Path, record: StageRecord) -> None:
    """Write a stage's JSON, whole or not at all."""
    write_json(path, record.to_json())


def read_report(path: Path) -> dict[str, object] | None:
    """Return a stage's JSON as written, or ``None`` if there is none or it is not readable."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def require_report(path: Path, stage: str) -> dict[str, object]:
    """Return a stage's JSON.

    Raises:
        MissingInputError: the stage was not run.
    """
    value = read_report(path)
    if value is None:
        raise MissingInputError(f'{path}: no report of "{stage}". Run "ci/inv {stage}" first.')
    return value
