"""Repair what has one right answer in annotations and pictures: shown as a diff, written where that is asked for.

The only stage that writes into the dataset. At any moment each file is either as it was or repaired, and a run that was
cut is completed by the next. What git holds can be had back from git; every other file that changes is copied into the
workspace first. A tracked file with changes that are not committed is never touched.
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.findings import Severity, judged
from edgetrain.core.git.program import git_files
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import replacing_dir
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.folder import find_dataset
from edgetrain.review.repair.annotation import Change
from edgetrain.review.repair.dataset import FileRepair, apply_repairs, plan_repairs
from edgetrain.review.review import review_dataset
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.set_findings import committed_label_map, set_findings

_SHOWN = 20


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Plan all repairs, and with ``fix.apply`` write them.

    Raises:
        DatasetError: there is no dataset, or git knows of uncommitted changes in a file that would be written.
        StorageError: a file cannot be written; those before it are repaired, those behind it are as they were.
    """
    folder = find_dataset(settings.dataset.root, follow_links=settings.dataset.follow_links)
    repairs, left = plan_repairs(folder)
    changes = sorted(change for one in repairs for change in one.repair.changes)
    # Before anything is written: the diff compares with the files as they are.
    diff = [line for one in repairs for line in one.diff()]
    backup_dir = None
    if settings.fix.apply and repairs:
        backup_dir = _back_up(folder.root, repairs, workspace)
        left += apply_repairs(folder.root, repairs)
    left += _unrepaired(settings, workspace, changes, left)
    left.sort()
    is_applied = settings.fix.apply
    summary = f"{counted(len(changes), 'change')} {'made' if is_applied else 'to make'}, {len(left)} to fix by hand"
    closing = [f"{summary}.", _what_next(is_applied=is_applied, backup_dir=backup_dir)] if changes else [f"{summary}."]
    results: dict[str, object] = {
        "is_applied": is_applied,
        "changes": [vars(change) for change in changes],
        "left": [vars(change) for change in left],
        "rules": dict(sorted(Counter(change.rule for change in changes).items())),
        "left_rules": dict(sorted(Counter(change.rule for change in left).items())),
        "text": "\n".join([*diff, *_listed("Changes", changes), *_by_rule(left), "", *closing]).lstrip("\n"),
    }
    return Outcome(summary, results)


def _listed(title: str, changes: Sequence[Change]) -> list[str]:
    return ["", f"{title}:", *(f"  {change}" for change in changes)] if changes else []


def _by_rule(left: Sequence[Change]) -> list[str]:
    """Return what is left, the rules with the most first, each with its places."""
    lines = ["", "To fix by hand:"] if left else []
    counts = Counter(change.rule for change in left)
    for rule, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        own = [change for change in left if change.rule == rule]
        lines += [
            f"  {rule} ({count}):",
            *(f"    {change.file}:{change.line}: {change.text}" for change in own[:_SHOWN]),
        ]
        lines += [f"    … and {count - _SHOWN} more"] if count > _SHOWN else []
    return lines


def _unrepaired(
    settings: Settings, workspace: Workspace, changes: Sequence[Change], left: Sequence[Change]
) -> list[Change]:
    """Return the errors of ``validate`` about which nothing is done: people take a count of 0 for a sound dataset."""
    chosen, network = settings.validate, settings.network
    limits = BoxLimits(network.image_size, chosen.min_box_side, network.max_boxes)
    dataset = settings.dataset
    folder, reviewed = review_dataset(
        dataset.root, limits, workspace.review_cache_path, dataset.classes, follow_links=dataset.follow_links
    )
    label_map, map_findings = committed_label_map(folder, reviewed)
    found = [*map_findings, *(finding for one in reviewed.faulty() for finding in one.findings)]
    found += set_findings(folder, reviewed, label_map, facts={}, min_boxes=chosen.min_class_boxes)
    owners = dict(zip(reviewed.image_names, reviewed.names))
    known = {(change.file, change.rule) for change in (*changes, *left)}
    errors = (one for one in judged(found, chosen.rules) if one.severity == Severity.ERROR.value)
    return [
        Change(one.file, one.line, one.rule, f"{one.message} {one.fix}")
        for one in errors
        if not {(one.file, one.rule), (owners.get(one.file, ""), one.rule)} & known
    ]


def _what_next(*, is_applied: bool, backup_dir: Path | None) -> str:
    if not is_applied:
        return 'Nothing was written. "ci/inv fix --apply" writes the changes.'
    if backup_dir is None:
        return "git has the files as they were."
    return f"The files that git does not have are kept in {backup_dir} as they were."


def _back_up(root: Path, repairs: Sequence[FileRepair], workspace: Workspace) -> Path | None:
    """Copy every file that will change and that git does not hold; return where they are, ``None`` if git holds all.

    Raises:
        DatasetError: a file has changes that are not committed.
    """
    touched = [name for one in repairs for name in one.touched()]
    known = git_files(root)
    changed = [name for name in touched if name in known.changed]
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise DatasetError(
            f"{changed[0]}{more}: changed since the last commit, so git could not restore it. "
            'Commit or stash the changes, then run "ci/inv fix --apply" again.'
        )
    names = [name for name in touched if name not in known.held]
    if not names:
        return None
    backup_dir = next(path for n in itertools.count(1) if not (path := workspace.fix_backup_dir(n)).exists())
    with replacing_dir(backup_dir) as temporary:
        for name in names:
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, temporary / name)
    return backup_dir
