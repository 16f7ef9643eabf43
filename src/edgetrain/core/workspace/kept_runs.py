"""The reports of former runs: each evaluated model's are kept below ``runs``, a few hundred kilobytes each.

They are copied when a model has been evaluated: only then do all reports tell of the same run. A model that is
evaluated again replaces its own copy. Models, pictures and weights are not kept.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgetrain.core.system.files import replacing_dir
from edgetrain.core.workspace.paths import Workspace
from edgetrain.core.workspace.reports import read_report

MOST_RUNS = 30
_NAME = re.compile(r"run-([1-9][0-9]{0,5})")
# Those of the other stages tell how the model was made; these would tell of an earlier one.
_LATER = {"compile", "hardware", "bundle", "promote", "report"}


def kept_runs(workspace: Workspace) -> dict[str, Path]:
    """Return the folders with the reports of former runs by name, the oldest first."""
    found = [(int(named[1]), path) for path in _folders(workspace.runs_dir) if (named := _NAME.fullmatch(path.name))]
    return {path.name: path for _, path in sorted(found)}


def keep_run(workspace: Workspace) -> str:
    """Keep the reports of the model that was evaluated last, and return the name of its run; empty if there is none.

    Raises:
        StorageError: the folder cannot be written.
    """
    model = _model_of(workspace.reports_dir, workspace)
    if not model:
        return ""
    runs = kept_runs(workspace)
    same = [name for name, path in runs.items() if _model_of(path, workspace) == model]
    last = max((int(name.partition("-")[2]) for name in runs), default=0)
    name = same[-1] if same else f"run-{last + 1}"
    with replacing_dir(workspace.runs_dir / name) as folder:
        for path in _worth_keeping(workspace):
            shutil.copyfile(path, folder / path.name)
    for old in [one for one in runs if one != name][: -(MOST_RUNS - 1)]:
        shutil.rmtree(runs[old], ignore_errors=True)
    return name


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _worth_keeping(workspace: Workspace) -> list[Path]:
    reports = [path for path in sorted(workspace.reports_dir.glob("*.json")) if path.stem not in _LATER]
    others = [path for path in (workspace.detections_path, workspace.history_path) if path.is_file()]
    return [*reports, *others]


def _model_of(reports_dir: Path, workspace: Workspace) -> str:
    """Return the digest of the model that an evaluation judged."""
    report = read_report(reports_dir / "evaluate.json") or {}
    made_from = report.get("made_from")
    inputs = made_from.get("inputs") if isinstance(made_from, Mapping) else None
    digest = inputs.get(workspace.relative(workspace.model_path)) if isinstance(inputs, Mapping) else None
    return digest if isinstance(digest, str) else ""
