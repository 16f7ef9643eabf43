"""How a change alters what a dataset holds: pictures and boxes of each class, before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from edgetrain.formats.git_objects import files_at
from edgetrain.formats.review_summary import Contents
from edgetrain.formats.voc import parse_annotation


def contents_before(root: Path, since: str, changed: Collection[str], now: Contents) -> Contents:
    """Return what a dataset held where its branch parted from a revision.

    Only what changed is read: its annotations of then are added to the present counts, those of now taken away.

    Args:
        root: the dataset.
        since: the revision.
        changed: names of all files that differ, relative to the dataset.
        now: what it holds.

    Raises:
        ToolError: git fails.
    """
    names = {name for name in changed if name.lower().endswith(".xml")}
    then = _contents(files_at(root, since, names))
    present = _contents(dict(_present(root, names)))
    classes = Counter(now.classes)
    classes.update(then.classes)
    classes.subtract(present.classes)
    return Contents(now.pictures + then.pictures - present.pictures, dict(+classes))


def _present(root: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        try:
            yield name, (root / name).read_bytes()
        except OSError:
            continue  # removed, or a folder


def _contents(files: Mapping[str, bytes]) -> Contents:
    pictures, classes = 0, Counter[str]()
    for name, data in files.items():
        annotation, _ = parse_annotation(data, Path(name))
        pictures += 1
        if annotation:
            classes.update(box.class_name for box in annotation.boxes)
    return Contents(pictures, classes)
