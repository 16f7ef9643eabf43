"""The review of every annotation with its picture: the rules for single files, on all cores where there are many.

A picture is opened for its first and last bytes only. What was found in a file is kept with the file's size and time of
change, and used again while these stay the same.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.errors import UnfetchedError
from edgetrain.core.findings import Finding, thinned
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.core.settings.exchange import EmptiedPictures
from edgetrain.core.system import progress
from edgetrain.core.system.files import OutsideLinkError, changed_at, file_digest, open_regular
from edgetrain.core.system.pointers import pointer_tool
from edgetrain.core.system.workers import HelperProcess, forking_cores
from edgetrain.dataset.fence import LINK_FIX
from edgetrain.dataset.folder import DatasetFolder, DatasetItem, survey_dataset
from edgetrain.images.image_file import Glance, glance
from edgetrain.review.cache import Entry, Stamp, read_cache, write_cache
from edgetrain.review.extent import EXCESS_FIX, excess
from edgetrain.review.reviewed import Reviewed, ReviewedBox, ReviewedSet, Row
from edgetrain.review.rules import boxes as box_rules
from edgetrain.review.rules import classes as class_rules
from edgetrain.review.rules import names as name_rules
from edgetrain.review.rules import pictures as image_rules
from edgetrain.review.rules import pictures as rules
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.stale_reviews import asked_for_changes, stale_places
from edgetrain.review.unfetched import pointer_finding

# Below this, starting a process costs more than it saves.
_LEAST_FOR_PROCESSES = 1000
# Making a path costs as much as a tenth of the parsing, and the item knows where its annotation is.
_NOWHERE = Path()
_PROGRESS_EVERY = 200
# A file may change again within the clock's tick without another time of change.
_SETTLED_NANOSECONDS = 1_000_000_000
# Reviewing a file anew costs as much as writing down what is known of so many.
_WORTH_WRITING = 20


@dataclass(frozen=True)
class Reviewer:
    """Reviews the items of a dataset by the limits of the network."""

    folder: DatasetFolder
    limits: BoxLimits

    def review(self, item: DatasetItem) -> Entry:
        """Return what is in one annotation and its picture, with all faults that these have by themselves."""
        name = item.name
        try:
            data, changed = _read_annotation(f"{self.folder.root}{os.sep}{name}", self.folder.fence.within)
        except (UnfetchedError, OSError) as error:
            return _unread(name, Stamp(), _unread_finding(name, error))
        refusal = _refusal(name, data)
        if refusal:
            return _unread(name, Stamp(changed, len(data)), refusal)
        annotation, problems = parse_annotation(data, _NOWHERE)
        findings = [rules.of_problem(name, problem) for problem in problems]
        if annotation is None:
            return Entry(Stamp(changed, len(data)), Reviewed(name, is_read=False, findings=tuple(thinned(findings))))
        classes = self.folder.classes
        if not classes.is_of_all:
            if classes.emptied is EmptiedPictures.STOP and classes.empties(annotation):
                findings.append(class_rules.emptied_finding(name, annotation))
            annotation = classes.of(annotation)
        findings += box_rules.count_findings(name, annotation, self.limits.most)
        findings += box_rules.repeat_findings(name, annotation)
        findings += image_rules.negative_findings(name, annotation)
        findings += name_rules.path_findings(name, annotation)
        image_name = item.image_name_of(annotation.filename or "") or ""
        seen = self._look(item, annotation, image_name, findings)
        width, height = (seen.info.size.width, seen.info.size.height) if seen.info else (0, 0)
        reviewed = Reviewed(
            name=name,
            is_read=True,
            filename=annotation.filename or "",
            filename_line=annotation.filename_line,
            boxes=tuple(map(_reviewed_box, annotation.boxes)),
            image_name=image_name,
            image_key=seen.key if seen.info else "",
            width=width,
            height=height,
            findings=tuple(thinned(findings)),
        )
        return Entry(Stamp(changed, len(data), seen.changed, seen.size_bytes), reviewed)

    def _look(self, item: DatasetItem, annotation: Annotation, image_name: str, findings: list[Finding]) -> Glance:
        """Return what an annotation's picture says about itself, and add what is wrong with the two together."""
        name = item.name
        if not image_name:
            findings.append(image_rules.image_missing(name, annotation, self.folder.places_of(item.part)))
            findings += box_rules.box_findings(name, annotation, annotation.size)
            return Glance()
        findings += name_rules.name_findings(name, annotation, image_name)
        seen = glance(f"{self.folder.root}{os.sep}{image_name}", within=self.folder.fence.within)
        if seen.info is None:
            if seen.tool:
                findings.append(pointer_finding(image_name, seen.tool))
            elif seen.is_outside:
                findings.append(Finding.of((image_name, 1), "link-outside", f"{seen.reason}.", LINK_FIX))
            else:
                findings.append(image_rules.image_unreadable(image_name, seen.reason))
            findings += box_rules.box_findings(name, annotation, annotation.size)
        else:
            findings += rules.picture_findings(name, annotation, image_name, seen.info, limits=self.limits)
        return seen

    def review_all(self, items: Sequence[DatasetItem]) -> Iterator[Row]:
        """Yield the review of each item, in no particular order; all cores work where there are many items."""
        jobs = forking_cores() if len(items) >= _LEAST_FOR_PROCESSES else 1
        # Every job-th file, not blocks: files of one folder are alike, and blocks would take unlike times.
        shares = [items[job::jobs] for job in range(jobs)]
        helpers = [HelperProcess(partial(self._review_share, share)) for share in shares[1:]]
        try:
            for done, item in enumerate(shares[0], start=1):
                yield self.review(item).to_row()
                if done % _PROGRESS_EVERY == 0:
                    progress.listener().advanced(min(done * jobs, len(items)), len(items), "annotations")
            for helper in helpers:
                yield from helper.result()
        finally:
            for helper in helpers:
                helper.end()
        progress.listener().advanced(len(items), len(items), "annotations")

    def _review_share(self, items: Sequence[DatasetItem]) -> list[Row]:
        return [self.review(item).to_row() for item in items]


def review_dataset(
    root: Path,
    limits: BoxLimits,
    cache_path: Path,
    classes: ClassChoice | None = None,
    *,
    follow_links: bool = False,
) -> tuple[DatasetFolder, ReviewedSet]:
    """Return a dataset and the review of every annotation, sorted by name.

    Args:
        root: the dataset's folder.
        limits: by what it is reviewed.
        cache_path: where the reviews of unchanged files are kept; need not exist.
        classes: which classes are looked at (default: all).
        follow_links: whether links may lead out of the dataset; if not, those are findings.

    Raises:
        DatasetError: there is no dataset; see :func:`survey_dataset`.
        StorageError: the reviews cannot be kept.
    """
    settled = time.time_ns() - _SETTLED_NANOSECONDS
    chosen = classes or ClassChoice()
    # What is found depends on these; by default the key is the limits alone, as before there was a choice.
    key = str(limits) if chosen == ClassChoice() and not follow_links else f"{limits} {chosen} {follow_links}"
    cache = read_cache(cache_path, key)
    with asked_for_changes(root, cache.files()) as changed_places:
        known, folder = cache.known(), survey_dataset(root, classes, follow_links=follow_links)
        known.forget(changed_places())
    items = folder.items
    known = known.arranged([item.found.path for item in items])
    stale = stale_places(folder, known)
    rows = {row["name"]: row for row in Reviewer(folder, limits).review_all([items[place] for place in stale])}
    known.put(stale, (rows[items[place].found.path] for place in stale))
    new = len(stale) + _read_digests(root, known.reviewed)
    if new * _WORTH_WRITING >= len(items):
        write_cache(cache_path, key, known.settled(settled))
    return folder, known.reviewed


def _read_digests(root: Path, reviewed: ReviewedSet) -> int:
    """Read the pictures of which another one has the same key, unless their digests are known; return how many."""
    keys = Counter(key for key in reviewed.image_keys if key)
    unread = [
        place
        for place, (key, digest) in enumerate(zip(reviewed.image_keys, reviewed.image_digests))
        if not digest and keys[key] > 1
    ]
    digests: dict[tuple[int, int], str] = {}
    for place in unread:
        reviewed.image_digests[place] = _digest(root / reviewed.image_names[place], digests)
    return len(unread)


def _digest(path: Path, known: dict[tuple[int, int], str]) -> str:
    """Return the digest of a file's content, empty if it cannot be read; of files linked to each other one is read."""
    try:
        state = path.stat()
        key = state.st_dev, state.st_ino
        return known.get(key) or known.setdefault(key, file_digest(path))
    except OSError:
        return ""


def _unread(name: str, stamp: Stamp, finding: Finding) -> Entry:
    return Entry(stamp, Reviewed(name, is_read=False, findings=(finding,)))


def _unread_finding(name: str, error: UnfetchedError | OSError) -> Finding:
    """Return the finding of an annotation that could not be read."""
    if isinstance(error, UnfetchedError):
        return pointer_finding(name, error.tool)
    if isinstance(error, OutsideLinkError):
        return Finding.of((name, 1), "link-outside", f"{error.strerror}.", LINK_FIX)
    return Finding.of((name, 1), "xml-malformed", f"the file cannot be read ({error.strerror}).", "Fix the file.")


def _refusal(name: str, data: bytes) -> Finding | None:
    """Return the finding of an annotation that must not be parsed: a pointer, or one that holds too much."""
    tool = pointer_tool(data)
    if tool:
        return pointer_finding(name, tool)
    extent = excess(data)
    return Finding.of((name, 1), "file-excessive", extent, EXCESS_FIX) if extent else None


def _read_annotation(path: str, within: Path | None) -> tuple[bytes, int]:
    """Return the content of a file, and when it changed last."""
    descriptor, state = open_regular(path, within=within)
    try:
        return os.read(descriptor, state.st_size + 1), changed_at(state)
    finally:
        os.close(descriptor)


def _reviewed_box(one: LabelledBox) -> ReviewedBox:
    box = one.box
    return ReviewedBox(one.class_name, one.line, one.line_of("class_name"), box.xmin, box.ymin, box.xmax, box.ymax)
