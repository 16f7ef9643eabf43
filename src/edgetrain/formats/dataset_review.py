"""The review of every annotation with its picture: the rules for single files, on all cores where there are many.

A picture is opened for its first and last bytes only. What was found in a file is kept with the file's size and time of
change, and used again while these stay the same.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edgetrain.core import progress
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.files import changed_at
from edgetrain.core.findings import Finding
from edgetrain.core.reviewed import Reviewed, ReviewedBox
from edgetrain.core.worker_pool import usable_cores
from edgetrain.formats import box_rules, image_rules, name_rules
from edgetrain.formats import dataset_rules as rules
from edgetrain.formats.box_rules import BoxLimits
from edgetrain.formats.dataset_folder import DatasetFolder, DatasetItem
from edgetrain.formats.image_file import Glance, glance
from edgetrain.formats.review_cache import Entry, Stamp, read_cache, stamp_of, write_cache
from edgetrain.formats.voc import parse_annotation

# Below this, starting a process costs more than it saves.
_LEAST_FOR_PROCESSES = 1000
# Making a path costs as much as a tenth of the parsing, and the item knows where its annotation is.
_NOWHERE = Path()
_PROGRESS_EVERY = 200
_MOST_ANNOTATION_BYTES = 32 << 20
# A file may change again within the clock's tick without another time of change.
_SETTLED_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Reviewer:
    """Reviews the items of a dataset by the limits of the network."""

    folder: DatasetFolder
    limits: BoxLimits

    def review(self, item: DatasetItem) -> Entry:
        """Return what is in one annotation and its picture, with all faults that these have by themselves."""
        name = item.name
        try:
            data, changed = _read_annotation(f"{self.folder.root}{os.sep}{name}")
        except OSError as error:
            message = f"the file cannot be read ({error.strerror})."
            finding = Finding.of((name, 1), "xml-malformed", message, "Mend or remove the file.")
            return Entry(Stamp(), Reviewed(name, is_read=False, findings=(finding,)))
        annotation, problems = parse_annotation(data, _NOWHERE)
        findings = [rules.of_problem(name, problem) for problem in problems]
        if annotation is None:
            return Entry(Stamp(changed, len(data)), Reviewed(name, is_read=False, findings=tuple(findings)))
        findings += box_rules.count_findings(name, annotation, self.limits.most)
        findings += box_rules.repeat_findings(name, annotation)
        findings += image_rules.negative_findings(name, annotation)
        findings += name_rules.path_findings(name, annotation)
        image_name = item.part.image_name_of(annotation.filename or "", item.found) or ""
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
            findings=tuple(findings),
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
        seen = glance(f"{self.folder.root}{os.sep}{image_name}")
        if seen.info is None:
            findings.append(image_rules.image_unreadable(image_name, seen.reason))
            findings += box_rules.box_findings(name, annotation, annotation.size)
        else:
            findings += rules.picture_findings(name, annotation, image_name, seen.info, limits=self.limits)
        return seen

    def review_all(self, items: Sequence[DatasetItem]) -> Iterator[Entry]:
        """Yield the review of each item, in no particular order; all cores work where there are many items."""
        jobs = _cores() if len(items) >= _LEAST_FOR_PROCESSES else 1
        shares = [items[job::jobs] for job in range(jobs)]
        helpers = [_Helper(self, share) for share in shares[1:]]
        for done, item in enumerate(shares[0], start=1):
            yield self.review(item)
            if done % _PROGRESS_EVERY == 0:
                progress.listener().advanced(min(done * jobs, len(items)), len(items), "annotations")
        for helper in helpers:
            yield from helper.entries()
        progress.listener().advanced(len(items), len(items), "annotations")


class _Helper:
    """A process that reviews a share of the items; where it dies, this one does its work."""

    def __init__(self, reviewer: Reviewer, share: Sequence[DatasetItem]) -> None:
        self._reviewer, self._share = reviewer, share
        context = multiprocessing.get_context("fork")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_send_reviews, args=(sender, reviewer, share), daemon=True)
        self._process.start()
        sender.close()

    def entries(self) -> Iterator[Entry]:
        """Yield the reviews, as soon as all are there."""
        try:
            rows = self._receiver.recv()
        except EOFError:
            rows = None
        self._process.join()
        if rows is None:
            yield from map(self._reviewer.review, self._share)
        else:
            yield from (Entry.of_row(row) for row in rows)


def review_dataset(reviewer: Reviewer, cache_path: Path) -> list[Reviewed]:
    """Return the review of every annotation, sorted by name.

    Args:
        reviewer: the dataset, and by what it is reviewed.
        cache_path: where the reviews of unchanged files are kept; need not exist.
    """
    folder, key = reviewer.folder, str(reviewer.limits)
    known = read_cache(cache_path, key)
    settled = time.time_ns() - _SETTLED_NANOSECONDS
    start = f"{folder.root}{os.sep}"
    entries: dict[str, Entry] = {}
    missing = []
    for item in folder.items:
        entry = known.get(item.found.path)
        if entry is not None and _is_current(start, item, entry):
            entries[item.found.path] = entry
        else:
            missing.append(item)
    entries.update((entry.reviewed.name, entry) for entry in reviewer.review_all(missing))
    if missing or len(known) != len(entries):
        write_cache(cache_path, key, [entry for entry in entries.values() if entry.stamp.is_before(settled)])
    return [entries[item.name].reviewed for item in folder.items]


def _is_current(start: str, item: DatasetItem, entry: Entry) -> bool:
    """Return whether what is known of an item is true still: same files, and the same picture is found for it.

    ``start`` is the dataset's folder with a separator at its end.
    """
    reviewed = entry.reviewed
    if reviewed.is_read and (item.part.image_name_of(reviewed.filename, item.found) or "") != reviewed.image_name:
        return False
    try:
        annotation = os.stat(start + item.found.path)  # noqa: PTH116
        picture = os.stat(start + reviewed.image_name) if reviewed.image_name else None  # noqa: PTH116
    except OSError:
        return False
    return entry.stamp == stamp_of(annotation, picture)


def _read_annotation(path: str) -> tuple[bytes, int]:
    """Return the content of a file, and when it changed last."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        state = os.fstat(descriptor)
        if state.st_size > _MOST_ANNOTATION_BYTES:
            raise OSError(0, f"it is larger than {_MOST_ANNOTATION_BYTES >> 20} MiB")
        return os.read(descriptor, state.st_size + 1), changed_at(state)
    finally:
        os.close(descriptor)


def _send_reviews(sender: Connection, reviewer: Reviewer, share: Sequence[DatasetItem]) -> None:
    sender.send([reviewer.review(item).to_row() for item in share])


def _reviewed_box(one: LabelledBox) -> ReviewedBox:
    box = one.box
    return ReviewedBox(one.class_name, one.line, one.line_of("class_name"), box.xmin, box.ymin, box.xmax, box.ymax)


def _cores() -> int:
    """Return the number of cores that this process may use; 1 where processes cannot be forked."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    return usable_cores()
