"""How a change alters what a dataset holds: pictures and boxes of each class, before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, SPLIT_NAMES
from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.git.changes import GitChanges
from edgetrain.core.git.program import read_blobs
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.review.output.summary import Contents
from edgetrain.review.reviewed import BOX_VALUES, CLASS_NAME, ReviewedSet


def contents_before(
    root: Path, changes: GitChanges, reviewed: ReviewedSet, now: Contents, choice: ClassChoice | None = None
) -> Contents:
    """Return what a dataset held before a change.

    Only what changed is read: its annotations of then are added to the present counts, those of now taken away.

    Args:
        root: the dataset.
        changes: what git says changed, all files or more.
        reviewed: the dataset's annotations as they are.
        now: what it holds.
        choice: which classes are looked at (default: all).

    Raises:
        ToolError: git fails.
    """
    then = annotations_among(changes.before, (name for name in reviewed.names if name not in changes.names))
    blobs = read_blobs(root, {name: changes.before[name] for name in then})
    removed = _contents(blobs.values(), choice or ClassChoice())
    added = _present(reviewed, changes.names)
    classes = Counter(now.classes)
    classes.update(removed.classes)
    classes.subtract(added.classes)
    return Contents(now.pictures + removed.pictures - added.pictures, dict(sorted((+classes).items())))


def annotations_among(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return those of some file names that are annotations, by where they lie.

    Args:
        names: files of a dataset, relative to it, with forward slashes.
        others: annotations that the dataset has beside them.
    """
    homes = {name: home for name in names if (home := _home(name))}
    if all(is_own for _, is_own in homes.values()):
        return sorted(homes)
    # Files beside a folder of annotations are none.
    settled = {part for part, is_own in (*homes.values(), *filter(None, map(_home, others))) if is_own}
    return sorted(name for name, (part, is_own) in homes.items() if is_own or part not in settled)


def _home(name: str) -> tuple[str, bool] | None:
    """Return the split's folder an XML file is in (empty: none), and whether in a folder of annotations there.

    ``None`` stands for a file that lies where no dataset has annotations.
    """
    steps = name.split("/")
    if not steps[-1].lower().endswith(".xml") or any(step.startswith(".") for step in steps):
        return None
    part = steps.pop(0) if len(steps) > 1 and steps[0].lower() in SPLIT_NAMES else ""
    is_own = len(steps) > 1 and steps[0].lower() in ANNOTATIONS_NAMES
    return (part, is_own) if is_own or len(steps) == 1 else None


def _present(reviewed: ReviewedSet, names: Collection[str]) -> Contents:
    """Return what the annotations hold that have one of some names; a file that cannot be read is a picture, too."""
    pictures, classes = 0, Counter[str]()
    for name, boxes in zip(reviewed.names, reviewed.boxes):
        if name in names:
            pictures += 1
            classes.update(boxes[CLASS_NAME::BOX_VALUES])
    return Contents(pictures, classes)


def _contents(files: Iterable[bytes], choice: ClassChoice) -> Contents:
    pictures, classes = 0, Counter[str]()
    for data in files:
        annotation, _ = parse_annotation(data, Path())
        pictures += 1
        if annotation:
            classes.update(box.class_name for box in choice.of(annotation).boxes)
    return Contents(pictures, classes)
