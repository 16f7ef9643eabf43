"""The review of a dataset as text: its findings in a format, and what a change does to each class.

Apart from ``flow``, since it reads annotations: that needs lxml, which the profiles of the Edge TPU do not have.
"""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.files import append_text
from edgetrain.core.findings import findings_of
from edgetrain.core.reports import require_report
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.flow import run_stage
from edgetrain.formats.class_changes import Contents, contents_before
from edgetrain.formats.finding_formats import Review, render_review, repository_prefix, require_format
from edgetrain.formats.review_summary import render_summary


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
        root, since = settings.dataset.root, settings.validate.since
        before = contents_before(root, since, shown.changed, now) if since else None
        append_text(summary_path, render_summary(shown, now, before))
    return render_review(shown, output_format), is_good
