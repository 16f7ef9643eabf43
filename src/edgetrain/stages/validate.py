"""Review the dataset: every fault of every annotation and picture, at its line, before anything is made of it.

Reads each file once. Writes the note of the workspace that says which dataset it belongs to; the findings are in the
report.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from edgetrain.core import progress
from edgetrain.core.errors import DatasetError
from edgetrain.core.findings import Finding, Severity, count_by_severity, count_text, counted
from edgetrain.core.label_map import LabelMap
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.formats import dataset_rules as rules
from edgetrain.formats.dataset_folder import DatasetFolder, DatasetItem, find_dataset
from edgetrain.formats.dataset_rules import Reviewed
from edgetrain.formats.image_file import UnreadableImageError, probe_bytes, read_image
from edgetrain.formats.pbtxt import read_label_map
from edgetrain.formats.voc import Problem, parse_annotation
from edgetrain.formats.workspace_claim import claim_workspace

_SHOWN = 50


class FindingsError(DatasetError):
    """The dataset has errors; ``report`` holds all findings."""

    def __init__(self, message: str, report: Report) -> None:
        """Keep the report beside the message."""
        super().__init__(message)
        self.report = report


def run(settings: Settings, workspace: Workspace) -> Report:
    """Review the dataset.

    Raises:
        FindingsError: it has errors, or warnings where ``validate.strict`` is set.
        DatasetError: there is no dataset, or the workspace belongs to another one.
        LabelMapError: the committed label map is malformed.
    """
    findings, report = check(settings, workspace)
    is_bad = any(finding.severity == Severity.ERROR.value for finding in findings)
    if is_bad or (findings and settings.validate.strict):
        raise FindingsError(_failure(findings, report, workspace), report)
    return report


def check(settings: Settings, workspace: Workspace) -> tuple[list[Finding], Report]:
    """Return all findings, sorted, and the report; see :func:`run` for the errors."""
    folder = find_dataset(settings.dataset.root)
    label_map = read_label_map(folder.label_map_path) if folder.label_map_path.is_file() else None
    reviewed = []
    for done, item in enumerate(folder.items, start=1):
        reviewed.append(_review(folder, item, label_map, settings.network.max_boxes))
        progress.listener().advanced(done, len(folder.items), "annotations")
    claim_workspace(folder.root, {one.image_name: one.digest for one in reviewed if one.digest}, workspace)
    findings = [finding for one in reviewed for finding in one.findings]
    findings += [*folder.findings, *rules.shared_findings(reviewed), *rules.twin_findings(reviewed)]
    findings += rules.orphan_findings(reviewed, [folder.relative_name(path) for path in folder.image_paths])
    findings.sort()
    return findings, _report(reviewed, findings)


def _report(reviewed: Sequence[Reviewed], findings: Sequence[Finding]) -> Report:
    annotations = [one.annotation for one in reviewed if one.annotation is not None]
    classes = Counter(box.class_name for annotation in annotations for box in annotation.boxes)
    boxes = sum(classes.values())
    results: dict[str, object] = {
        "findings": [finding.to_json() for finding in findings],
        "counts": count_by_severity(findings),
        "images": len(reviewed),
        "boxes": boxes,
        "most_boxes": max((len(annotation.boxes) for annotation in annotations), default=0),
        "classes": dict(sorted(classes.items())),
        "negatives": sum(not annotation.boxes for annotation in annotations),
    }
    figures = (counted(len(reviewed), "picture"), counted(boxes, "box"), counted(len(classes), "class"))
    summary = f"{', '.join(figures)}: {count_text(findings)}"
    notes = (f'{count_text(findings)}: "ci/inv validate" lists them',) if findings else ()
    return Report(summary, results, notes)


def _failure(findings: Sequence[Finding], report: Report, workspace: Workspace) -> str:
    lines = [f"{report.summary}.", *map(str, findings[:_SHOWN])]
    if len(findings) > _SHOWN:
        name = workspace.relative(workspace.report_path("validate"))
        lines.append(f"… and {len(findings) - _SHOWN} more in {name}")
    return "\n".join([*lines, f'{count_text(findings)}. Correct the dataset, then run "ci/inv validate" again.'])


def _review(folder: DatasetFolder, item: DatasetItem, label_map: LabelMap | None, most_boxes: int) -> Reviewed:
    """Return one annotation and its picture with all their faults."""
    try:
        data = item.annotation_path.read_bytes()
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror})."
        problem = Problem(1, "xml-malformed", reason, "Mend or remove the file.")
        return Reviewed(item.name, None, findings=(rules.of_problem(item.name, problem),))
    annotation, problems = parse_annotation(data, item.annotation_path)
    findings = [rules.of_problem(item.name, problem) for problem in problems]
    if annotation is None:
        return Reviewed(item.name, None, findings=tuple(findings))
    findings += rules.count_findings(item.name, annotation, most_boxes)
    if label_map is not None:
        findings += rules.class_findings(item.name, annotation, label_map)
    image_path = folder.image_of(annotation)
    if image_path is None:
        places = folder.image_dirs_of(annotation)
        findings.append(rules.image_missing(item.name, annotation, places))
        findings += rules.box_findings(item.name, annotation, annotation.size)
        return Reviewed(item.name, annotation, findings=tuple(findings))
    image_name = folder.relative_name(image_path)
    findings += rules.name_findings(item.name, annotation, image_name)
    try:
        image = read_image(image_path, image_name)
        info = probe_bytes(image, image_name)
    except UnreadableImageError as error:
        findings.append(rules.image_unreadable(image_name, error))
        findings += rules.box_findings(item.name, annotation, annotation.size)
        return Reviewed(item.name, annotation, image_name, findings=tuple(findings))
    findings += rules.picture_findings(item.name, annotation, image_name, info)
    return Reviewed(item.name, annotation, image_name, hashlib.sha256(image).hexdigest(), tuple(findings))
