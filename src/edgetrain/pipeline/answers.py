"""What the tasks print: a stage is run and what came of it told as text, with a verdict for the exit code."""

from __future__ import annotations

import importlib
from pathlib import Path

from edgetrain.core.errors import SettingsError
from edgetrain.core.json_text import json_text
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import append_text
from edgetrain.core.wording import printable_lines, suggestion
from edgetrain.pipeline.flow import require_good, run_stage
from edgetrain.review.output.formats import Review, render_review, repository_prefix, require_format
from edgetrain.review.output.summary import contents_of, render_summary

_PREFLIGHT_FORMATS = ("text", "json")


def review(
    settings: Settings, output_format: str, summary_path: Path | None = None, html_path: Path | None = None
) -> tuple[str, bool]:
    """Run ``validate`` and return its findings in a format, and whether the dataset may be used.

    With ``summary_path`` they are appended to that file, as Markdown and with what the change does to each class; with
    ``html_path`` they are written to that file, as a page with pictures.

    Raises:
        EdgetrainError: the format is unknown, or there is no dataset to review.
    """
    require_format(output_format)
    outcome = run_stage("validate", settings).outcome
    shown = Review.of(outcome, repository_prefix(settings.dataset.root), settings.dataset.root)
    if summary_path:
        text = render_summary(shown, *contents_of(outcome))
        append_text(summary_path, text, elsewhere="name another file with --summary")
    if html_path:
        # Loaded only for this: the page needs Jinja and Pillow.
        page = importlib.import_module("edgetrain.report.findings_page")
        page.write_findings_page(html_path, shown.findings, settings.dataset.root, is_good=outcome.is_good)
    return render_review(shown, output_format), outcome.is_good


def report_text(name: str, settings: Settings) -> str:
    """Run a stage or tool and return the text of its report, for a terminal.

    Raises:
        EdgetrainError: the stage failed.
    """
    outcome = run_stage(name, settings).outcome
    require_good(outcome)
    return printable_lines(str(outcome.results["text"]))


def verify_records(settings: Settings) -> tuple[str, bool]:
    """Read the finished records back; return every fault as text, and whether training may use them.

    Raises:
        EdgetrainError: there are no records, or no label map.
    """
    outcome = run_stage("records-verify", settings).outcome
    return printable_lines(str(outcome.results["text"])), outcome.is_good


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
    record = run_stage(name, settings)
    text = (
        json_text(record.to_json()) if output_format == "json" else printable_lines(str(record.outcome.results["text"]))
    )
    return text, record.outcome.is_good
