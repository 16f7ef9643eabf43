"""Review the dataset: every fault of every annotation and picture, at its line, before anything is made of it.

Reads each file once. Writes the note of the workspace that says which dataset it belongs to; the findings are in the
report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from itertools import chain

from edgetrain.core.errors import DatasetError, LabelMapError, MissingInputError, UnfetchedError
from edgetrain.core.findings import Finding, Severity, count_by_rule, count_by_severity, count_text, judged
from edgetrain.core.git.changes import GitChanges, asked_changes
from edgetrain.core.label_map import LabelMap
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.workers import collector_at_rest
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.claim import claim_workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset.folder import DatasetFolder
from edgetrain.dataset.unfetched import fetch_advice
from edgetrain.images.pixel_facts import PixelFacts
from edgetrain.review.class_changes import contents_before
from edgetrain.review.output.summary import Contents
from edgetrain.review.review import review_dataset
from edgetrain.review.reviewed import BOX_VALUES, CLASS_NAME, Reviewed, ReviewedSet
from edgetrain.review.rules import pixels as pixel_rules
from edgetrain.review.rules import whole_set as set_rules
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.rules.classes import class_findings
from edgetrain.review.unfetched import unfetched

_SHOWN = 50


class FindingsError(DatasetError):
    """The dataset has errors; ``report`` holds all findings."""


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Review the dataset.

    Raises:
        FindingsError: it has errors, or warnings where ``validate.strict`` is set.
        DatasetError: there is no dataset, or the workspace belongs to another one.
    """
    with collector_at_rest():
        findings, report = check(settings, workspace)
    is_bad = any(finding.severity == Severity.ERROR.value for finding in findings)
    if is_bad or (findings and settings.validate.strict):
        raise FindingsError(_failure(findings, report, workspace), report)
    return report


def check(settings: Settings, workspace: Workspace) -> tuple[list[Finding], Outcome]:
    """Return all findings, sorted, and the report; see :func:`run` for the errors."""
    root, chosen, network = settings.dataset.root, settings.validate, settings.network
    limits = BoxLimits(network.image_size, chosen.min_box_side, network.max_boxes)
    with asked_changes(root, chosen.since) if chosen.since else nullcontext() as asked:
        follow_links = settings.dataset.follow_links
        folder, reviewed = review_dataset(root, limits, workspace.review_cache_path, follow_links=follow_links)
        changes = asked.answer() if asked else None
    label_map, map_findings = _label_map(folder)
    images = {name: key for name, key in zip(reviewed.image_names, reviewed.image_keys) if key}
    claim_workspace(root, images, workspace)
    facts = pixel_rules.decoded(root, reviewed, workspace.pixel_cache_path) if chosen.pixels else {}
    if any(known.error for known in facts.values()):
        reviewed = ReviewedSet.of(pixel_rules.with_damage(reviewed, facts))
    absent = unfetched(folder, reviewed, partial(_concerns, changes) if changes else None)
    own = (one for one in reviewed.faulty() if _concerns(changes, one))
    found = [finding for one in own for finding in one.findings if not absent.explains(finding, one)]
    found += [*absent.finding(), *map_findings]
    found += _set_findings(folder, reviewed, label_map, facts=facts, min_boxes=chosen.min_class_boxes)
    findings = judged(found, chosen.rules)
    report = _report(reviewed, findings, changes, unjudged=absent.count)
    if changes:
        now = Contents(len(reviewed), report.results["classes"])  # type: ignore[arg-type]
        before = asdict(contents_before(root, changes, reviewed, now))
        report = replace(report, results={**report.results, "before": before})
    return findings, report


def _concerns(changes: GitChanges | None, one: Reviewed) -> bool:
    """Return whether the faults of a single file are asked for."""
    return changes is None or changes.concern(one.name, one.image_name, one.filename)


def _set_findings(
    folder: DatasetFolder,
    reviewed: ReviewedSet,
    label_map: LabelMap | None,
    *,
    facts: Mapping[str, PixelFacts],
    min_boxes: int,
) -> Iterator[Finding]:
    """Yield what only the whole dataset tells."""
    splits = {item.name: item.split for item in folder.items if item.split is not None} if folder.divided else {}
    twins = set_rules.identical_pictures(reviewed)
    yield from folder.findings
    yield from set_rules.shared_findings(reviewed)
    yield from set_rules.twin_findings(reviewed, twins)
    yield from set_rules.split_twin_findings(reviewed, twins, splits)
    if facts:
        near = pixel_rules.near_pictures(reviewed, facts, ([reviewed[place] for place in group] for group in twins))
        yield from pixel_rules.near_twin_findings(near)
        yield from pixel_rules.split_near_twin_findings(near, splits)
    yield from set_rules.orphan_findings(reviewed, folder.image_names)
    yield from set_rules.habit_findings(reviewed)
    yield from class_findings(reviewed, label_map=label_map, min_boxes=min_boxes, splits=splits, divided=folder.divided)


def _label_map(folder: DatasetFolder) -> tuple[LabelMap | None, list[Finding]]:
    """Return the committed label map, and what is wrong with it: that hides no other finding."""
    path = folder.label_map_path
    if not path.exists() and not path.is_symlink():
        return None, []
    try:
        return read_label_map(path, within=folder.fence.within), []
    except UnfetchedError as error:
        advice = fetch_advice([error.tool])
        return None, [Finding.of((path.name, 1), "data-unfetched", "the label map is not in this clone.", advice)]
    except MissingInputError:
        return None, [Finding.of((path.name, 1), "label-map-malformed", "it is a link to nothing.", "Mend the link.")]
    except LabelMapError as error:
        return None, [Finding.of((path.name, error.line), "label-map-malformed", f"{error.reason}.", error.fix)]


def _report(
    reviewed: ReviewedSet, findings: Sequence[Finding], changes: GitChanges | None, *, unjudged: int
) -> Outcome:
    classes = Counter(chain.from_iterable(boxes[CLASS_NAME::BOX_VALUES] for boxes in reviewed.boxes))
    boxes = sum(classes.values())
    results: dict[str, object] = {
        "findings": [finding.to_json() for finding in findings],
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
    left = f" ({unjudged} of them not judged, since they are not in this clone)" if unjudged else ""
    summary = f"{', '.join(figures)}{left}: {count_text(findings)}"
    notes = (f'{count_text(findings)}: "ci/inv validate" lists them',) if findings else ()
    return Outcome(summary, results, notes)


def _failure(findings: Sequence[Finding], report: Outcome, workspace: Workspace) -> str:
    lines = [f"{report.summary}.", *map(str, findings[:_SHOWN])]
    if len(findings) > _SHOWN:
        name = workspace.relative(workspace.report_path("validate"))
        lines.append(f"… and {len(findings) - _SHOWN} more in {name}")
    return "\n".join([*lines, f'{count_text(findings)}. Correct the dataset, then run "ci/inv validate" again.'])
