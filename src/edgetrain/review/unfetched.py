"""What could not be judged, since it is not in this clone: one finding for the whole set, with the command to run.

A pointer is no damaged picture, and what DVC or a submodule has not brought is not missing: the advice to remove such a
picture and its annotation would destroy labels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGE_SUFFIXES, IMAGES_NAMES, SPLIT_NAMES
from edgetrain.core.findings import Finding
from edgetrain.core.system.pointers import COMMANDS, DVC
from edgetrain.core.wording import counted
from edgetrain.dataset.folder import LABEL_MAP_NAME, DatasetFolder
from edgetrain.dataset.layout import base_name, stem_of
from edgetrain.dataset.unfetched import UnfetchedPath, fetch_advice, find_unfetched, is_dvc_file, is_of_pictures
from edgetrain.review.reviewed import Reviewed, ReviewedSet

_RULE, _MISSING = "data-unfetched", "image-missing"
_MOST_NAMED = 3


def pointer_finding(name: str, tool: str) -> Finding:
    """Return the finding of a single file in whose place there is a pointer; :class:`Unfetched` gathers them."""
    return Finding.of((name, 1), _RULE, tool, COMMANDS[tool])


@dataclass(frozen=True)
class Unfetched:
    """What of some reviews is not in this clone, and the tools that keep it.

    ``pictures`` are named by their pointers, or by their annotations where there is nothing at all. ``paths`` are files
    and folders of which only the repository tells.
    """

    annotations: tuple[str, ...]
    pictures: tuple[str, ...]
    paths: tuple[str, ...]
    tools: tuple[str, ...]
    judged: int
    is_of_change: bool
    absent: tuple[UnfetchedPath, ...] = ()

    def explains(self, finding: Finding, one: Reviewed) -> bool:
        """Return whether a finding of a review only says that something is not in this clone."""
        return finding.rule == _RULE or _is_explained(finding, one, self.absent)

    def finding(self) -> Iterator[Finding]:
        """Yield the one finding, if anything is absent."""
        names = (*self.annotations, *self.pictures, *self.paths)
        if not names:
            return
        counts = [(len(self.annotations), "annotation"), (len(self.pictures), "picture")]
        start = " and ".join(counted(count, noun) for count, noun in counts if count)
        if start:
            start += f" (of {self.judged} {'that changed' if self.is_of_change else 'in all'}) could not be checked: "
        left = len(self.paths) - _MOST_NAMED
        listed = ", ".join(self.paths[:_MOST_NAMED]) + (f" and {left} more" if left > 0 else "")
        message = (
            f"{start}the content in {' and '.join(self.tools)} is not in this clone{f' ({listed})' if listed else ''}."
        )
        yield Finding.of((min(names[: self.count] or names), 1), _RULE, message, fetch_advice(self.tools))

    @property
    def count(self) -> int:
        """Number of annotated pictures that could not be judged."""
        return len(self.annotations) + len(self.pictures)


def unfetched(
    folder: DatasetFolder,
    reviewed: ReviewedSet,
    asked_for: Callable[[Reviewed], bool] | None,
    changed: Collection[str] = (),
) -> Unfetched:
    """Return what is not in this clone.

    Args:
        folder: the dataset.
        reviewed: all of its annotations.
        asked_for: tells whether a review is asked for; ``None``: all are.
        changed: names of changed files. Where a submodule, or a file of DVC, is among them, so are its pictures.
    """
    absent = [one for one in find_unfetched(folder.root) if _is_of_dataset(one, folder)]
    tools = {one.tool for one in absent}
    concerns = None if asked_for is None else _with_stores(asked_for, [one for one in absent if _is_new(one, changed)])
    annotations: list[str] = []
    pictures: list[str] = []
    for one in reviewed.faulty():
        if concerns and not concerns(one):
            continue
        for finding in one.findings:
            if finding.rule == _RULE:
                tools.add(finding.message)
                (pictures if one.is_read else annotations).append(finding.file)
            elif _is_explained(finding, one, absent):
                pictures.append(one.name)
    if concerns and not (annotations or pictures):  # what the change does not touch need not be there
        absent = [one for one in absent if not is_of_pictures(one.path)]
        tools = {one.tool for one in absent}
    judged = len(reviewed)
    if concerns and (annotations or pictures):  # else nobody asks, and all reviews would be made for it
        judged = sum(map(concerns, reviewed))
    return Unfetched(
        tuple(annotations),
        tuple(pictures),
        tuple(one.path for one in absent),
        tuple(sorted(tools)),
        judged,
        concerns is not None,
        tuple(absent),
    )


def _is_new(one: UnfetchedPath, changed: Collection[str]) -> bool:
    """Return whether a change brings other content for an absent path: another commit of it, or another list of DVC."""
    return one.path in changed or (one.tool == DVC and any(map(is_dvc_file, map(base_name, changed))))


def _with_stores(asked_for: Callable[[Reviewed], bool], absent: Sequence[UnfetchedPath]) -> Callable[[Reviewed], bool]:
    """Return what tells whether a review is asked for, or its picture is in one of some absent paths."""
    if not absent:
        return asked_for
    return lambda one: asked_for(one) or any(_is_explained(finding, one, absent) for finding in one.findings)


def _is_explained(finding: Finding, one: Reviewed, absent: Sequence[UnfetchedPath]) -> bool:
    """Return whether a picture is missing only because it is not in this clone."""
    return finding.rule == _MISSING and any(_may_hold(path.path, one) for path in absent)


def _may_hold(path: str, one: Reviewed) -> bool:
    """Return whether an absent file or folder may be, or hold, the picture of an annotation."""
    steps = path.lower().split("/")
    if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES:
        return base_name(path) == base_name(one.filename) or stem_of(path) == stem_of(one.name)
    if steps[0] in SPLIT_NAMES and steps[0] != one.name.partition("/")[0].lower():
        return False
    return path == "." or steps[-1] in SPLIT_NAMES or any(step in IMAGES_NAMES for step in steps)


def _is_of_dataset(one: UnfetchedPath, folder: DatasetFolder) -> bool:
    """Return whether an absent path is where annotations, pictures or the label map lie; a model, say, is not."""
    path = PurePosixPath(one.path)
    homes = {folder.relative_name(home) for part in folder.parts for home in (part.annotations_dir, *part.image_dirs)}
    steps = {step.lower() for step in path.parts}
    return (
        one.path in {".", LABEL_MAP_NAME}
        or bool(steps.intersection((*ANNOTATIONS_NAMES, *IMAGES_NAMES, *SPLIT_NAMES)))
        or path.suffix.lower() in {".xml", *IMAGE_SUFFIXES}
        or any(home != "." and PurePosixPath(home) in path.parents for home in homes)
    )
