"""Review the dataset: every fault of every annotation and picture, at its line, before anything is made of it.

Reads each file once. Writes the note of the workspace that says which dataset it belongs to; the findings are in the
report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain

from edgetrain.core.findings import Finding, Severity, count_by_rule, count_by_severity, count_text, judged
from edgetrain.core.git.changes import GitChanges, asked_changes
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.workers import gc_paused
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.claim import claim_workspace
from edgetrain.review.class_changes import contents_before
from edgetrain.review.output.summary import Contents
from edgetrain.review.review import review_dataset
from edgetrain.review.reviewed import BOX_VALUES, CLASS_NAME, Reviewed, ReviewedSet
from edgetrain.review.rules import pixels as pixel_rules
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.set_findings import committed_label_map, set_findings
from edgetrain.review.unfetched import unfetched

_SHOWN = 50


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Review the dataset; it is not good if it has errors, or warnings where ``validate.strict`` is set.

    Raises:
        DatasetError: there is no dataset, or the workspace belongs to another one.
    """
    with gc_paused():
        findings, outcome = check(settings, workspace)
    is_bad = any(finding.severity == Severity.ERROR.value for finding in findings)
    if is_bad or (findings and settings.validate.strict):
        return replace(outcome, failure=_failure(findings, outcome, workspace))
    return outcome


def check(settings: Settings, workspace: Workspace) -> tuple[list[Finding], Outcome]:
    """Return all findings, sorted, and the outcome; see :func:`run` for the errors."""
    root, chosen, network = settings.dataset.root, settings.validate, settings.network
    limits = BoxLimits(network.image_size, chosen.min_box_side, network.max_boxes)
    with asked_changes(root, chosen.since) if chosen.since else nullcontext() as asked:
        folder, reviewed = review_dataset(
            root,
            limits,
            workspace.review_cache_path,
            settings.dataset.classes,
            follow_links=settings.dataset.follow_links,
        )
        changes = asked.answer() if asked else None
    label_map, map_findings = committed_label_map(folder, reviewed)
    images = {name: key for name, key in zip(reviewed.image_names, reviewed.image_keys) if key}
    claim_workspace(root, images, workspace)
    facts = pixel_rules.decoded(root, reviewed, workspace.pixel_cache_path) if chosen.pixels else {}
    if any(known.error for known in facts.values()):
        reviewed = ReviewedSet.of(pixel_rules.with_damage(reviewed, facts))
    absent = unfetched(
        folder, reviewed, partial(_concerns, changes) if changes else None, changes.names if changes else ()
    )
    own = (one for one in reviewed.faulty() if _concerns(changes, one))
    found = [finding for one in own for finding in one.findings if not absent.explains(finding, one)]
    found += [*absent.finding(), *map_findings]
    found += set_findings(folder, reviewed, label_map, facts=facts, min_boxes=chosen.min_class_boxes)
    findings = judged(found, chosen.rules)
    outcome = _outcome(reviewed, findings, changes, unjudged=absent.count, most=settings.export.max_detections)
    if changes:
        now = Contents(len(reviewed), outcome.results["classes"])  # type: ignore[arg-type]
        before = contents_before(root, changes, reviewed, now, folder.classes)
        outcome = replace(outcome, results={**outcome.results, "before": before})
    return findings, outcome


def _concerns(changes: GitChanges | None, one: Reviewed) -> bool:
    """Return whether the faults of a single file are asked for."""
    return changes is None or changes.concern(one.name, one.image_name, one.filename)


def _outcome(
    reviewed: ReviewedSet, findings: Sequence[Finding], changes: GitChanges | None, *, unjudged: int, most: int
) -> Outcome:
    classes = Counter(chain.from_iterable(boxes[CLASS_NAME::BOX_VALUES] for boxes in reviewed.boxes))
    boxes = sum(classes.values())
    results: dict[str, object] = {
        "findings": findings,
        "counts": count_by_severity(findings),
        "rules": count_by_rule(findings),
        "images": len(reviewed),
        "boxes": boxes,
        "most_boxes": max(map(len, reviewed.boxes), default=0) // BOX_VALUES,
        "classes": dict(sorted(classes.items())),
        "negatives": sum(is_read and not boxes for is_read, boxes in zip(reviewed.is_read, reviewed.boxes)),
    }
    if unjudged:
        results["unjudged"] = unjudged
    if changes is not None:
        results["changed"] = sorted(changes.names)
    figures = (counted(len(reviewed), "picture"), counted(boxes, "box"), counted(len(classes), "class"))
    left = f" ({unjudged} of them not checked, because they are not in this clone)" if unjudged else ""
    summary = f"{', '.join(figures)}{left}: {count_text(findings)}"
    return Outcome(summary, results, tuple(_notes(reviewed, most)))


def _notes(reviewed: ReviewedSet, max_detections: int) -> Iterator[str]:
    crowded = [name for name, boxes in zip(reviewed.names, reviewed.boxes) if len(boxes) > max_detections * BOX_VALUES]
    if crowded:
        count = f"{counted(len(crowded), 'picture')} hold{'s' if len(crowded) == 1 else ''}"
        text = f"{count} more boxes than the {max_detections} that the model will report (first {crowded[0]})"
        yield f"{text}: raise export.max_detections, or the model never reports the others"


def _failure(findings: Sequence[Finding], outcome: Outcome, workspace: Workspace) -> str:
    lines = [f"{outcome.summary}.", *map(str, findings[:_SHOWN])]
    if len(findings) > _SHOWN:
        name = workspace.relative(workspace.report_path("validate"))
        lines.append(f"… and {len(findings) - _SHOWN} more in {name}")
    return "\n".join([*lines, f'{count_text(findings)}. Correct the dataset, then run "ci/inv validate" again.'])
