"""What the tasks print: a stage is run and its report told as text, with a verdict for the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from edgetrain.core.errors import DatasetError, GateError, SettingsError
from edgetrain.core.findings import findings_of
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import append_text
from edgetrain.core.wording import suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import require_report
from edgetrain.pipeline.flow import run_stage
from edgetrain.review.output.formats import Review, render_review, repository_prefix, require_format
from edgetrain.review.output.summary import Contents, render_summary

_PREFLIGHT_FORMATS = ("text", "json")


def review(settings: Settings, output_format: str, summary_path: Path | None = None) -> tuple[str, bool]:
    """Run ``validate`` and return its findings in a format, and whether the dataset may be used.

    With ``summary_path`` they are appended to that file, as Markdown and with what the change does to each class.

    Raises:
        EdgetrainError: the format is unknown, or there is no dataset to review.
    """
    require_format(output_format)
    is_good = True
    try:
        run_stage("validate", settings)
    except DatasetError as error:
        if error.report is None:
            raise
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path("validate"), "validate")
    shown = Review(
        findings=findings_of(report),
        is_good=is_good,
        changed=report.get("changed", ()),  # type: ignore[arg-type]
        prefix=repository_prefix(settings.dataset.root),
    )
    if summary_path:
        now = Contents(report["images"], report["classes"])  # type: ignore[arg-type]
        before = Contents(**report["before"]) if "before" in report else None  # type: ignore[arg-type]
        append_text(summary_path, render_summary(shown, now, before))
    return render_review(shown, output_format), is_good


def report_text(name: str, settings: Settings) -> str:
    """Run a stage or tool and return the text of its report, for a terminal.

    Raises:
        EdgetrainError: the stage failed.
    """
    run_stage(name, settings)
    report = require_report(Workspace(settings.workspace.root).report_path(name), name)
    return str(report["text"])


def verify_records(settings: Settings) -> tuple[str, bool]:
    """Read the finished records back; return every fault as text, and whether training may use them.

    Raises:
        EdgetrainError: there are no records, or no label map.
    """
    is_good = True
    try:
        run_stage("records-verify", settings)
    except DatasetError as error:
        if error.report is None:
            raise
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path("records-verify"), "records --verify")
    return str(report["text"]), is_good


def preflight(settings: Settings, output_format: str, *, untrained: bool) -> tuple[str, bool]:
    """Judge the workspace's model, ``preflight.model`` or an untrained model; return the verdict and if it is good.

    Raises:
        EdgetrainError: the format is unknown, or there is no model to judge.
    """
    if output_format not in _PREFLIGHT_FORMATS:
        raise SettingsError(
            f"--format {output_format}: no such format. It is one of: {', '.join(_PREFLIGHT_FORMATS)}."
            f"{suggestion(output_format, _PREFLIGHT_FORMATS)}"
        )
    name = "preflight-untrained" if untrained else "preflight-file" if settings.preflight.model else "preflight"
    is_good = True
    try:
        run_stage(name, settings)
    except GateError:
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path(name), name)
    if output_format == "json":
        return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False), is_good
    return str(report["text"]), is_good
