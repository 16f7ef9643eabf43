"""Which reviews are out of date: a file changed since, or another picture is found for the annotation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetrain.core.system.files import changed_at
from edgetrain.core.system.workers import HelperProcess, forking_cores
from edgetrain.dataset.folder import DatasetFolder
from edgetrain.review.cache import Files, KnownReviews

# Below this, starting a process costs more than it saves.
_LEAST_FOR_PROCESSES = 5000
# Listing the folders meanwhile takes this process nearly as long as that one takes for looking at their files.
_SHARE_OF_HELPER = 0.92


@contextmanager
def asked_for_changes(root: Path, files: Files) -> Iterator[Callable[[], list[int]]]:
    """Give a function that returns the places of the reviews whose files changed, ascending.

    Where there are many files, another process looks at them until the answer is needed.

    Args:
        root: the dataset's folder.
        files: those of each review.
    """
    total = len(files[0])
    if total < _LEAST_FOR_PROCESSES or forking_cores() == 1:
        yield lambda: _changed(root, files, 0, total)
        return
    share = int(total * _SHARE_OF_HELPER)
    helper = HelperProcess(lambda: _changed(root, files, 0, share))

    def answer() -> list[int]:
        own = _changed(root, files, share, total)
        return [*helper.result(), *own]

    try:
        yield answer
    finally:
        helper.end()


def stale_places(folder: DatasetFolder, known: KnownReviews) -> list[int]:
    """Return the places of the items of which nothing is known, or for which another picture is found, ascending.

    Args:
        folder: the dataset.
        known: reviews of its items, in their order.
    """
    reviewed = known.reviewed
    rows = zip(folder.items, known.annotation_times, reviewed.is_read, reviewed.filenames, reviewed.image_names)
    return [
        place
        for place, (item, time, is_read, filename, image_name) in enumerate(rows)
        if not time or (is_read and (item.image_name_of(filename) or "") != image_name)
    ]


def _changed(root: Path, files: Files, first: int, end: int) -> list[int]:
    """Return those places, from ``first`` to before ``end``, whose files changed."""
    start = f"{root}{os.sep}"
    rows = zip(range(first, end), *(column[first:end] for column in files))
    return [
        place
        for place, name, image_name, time, size, image_time, image_size in rows
        if not _is_same(start + name, time, size)
        or not (_is_same(start + image_name, image_time, image_size) if image_name else not image_time)
    ]


def _is_same(path: str, time: int, size: int) -> bool:
    """Return whether a file has a time of change and a size."""
    try:
        state = os.stat(path)  # noqa: PTH116 - a Path takes as long as the question
    except OSError:
        return False
    return state.st_size == size and changed_at(state) == time
