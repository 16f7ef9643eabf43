"""Which reviews are out of date: a file changed since, or another picture is found for the annotation."""

from __future__ import annotations

import os
from itertools import islice

from edgetrain.core.files import changed_at
from edgetrain.core.helper_process import HelperProcess, forking_cores
from edgetrain.formats.dataset_folder import DatasetFolder, DatasetItem
from edgetrain.formats.review_cache import KnownReviews

# Below this, starting a process costs more than it saves.
_LEAST_FOR_PROCESSES = 10_000


def stale_places(folder: DatasetFolder, known: KnownReviews) -> list[int]:
    """Return the places of the items of which nothing is known that is true still, ascending.

    Args:
        folder: the dataset.
        known: reviews of its items, in their order.
    """
    total = len(folder.items)
    if total < _LEAST_FOR_PROCESSES or forking_cores() == 1 or not any(known.stamps[0]):
        return _stale_of(folder, known, 0, total)
    middle = total // 2
    helper = HelperProcess(lambda: _stale_of(folder, known, middle, total))
    return _stale_of(folder, known, 0, middle) + helper.result()


def _stale_of(folder: DatasetFolder, known: KnownReviews, first: int, end: int) -> list[int]:
    """Return the stale ones of the places from ``first`` to before ``end``."""
    start, reviewed = f"{folder.root}{os.sep}", known.reviewed
    columns = (reviewed.is_read, reviewed.filenames, reviewed.names, reviewed.image_names, zip(*known.stamps))
    rows = zip(range(len(folder.items)), folder.items, *columns)
    return [
        place
        for place, item, is_read, filename, name, image_name, stamp in islice(rows, first, end)
        if (is_read and not _is_found(item, filename, image_name))
        or not _is_same(start + name, start + image_name if image_name else "", stamp)
    ]


def _is_found(item: DatasetItem, filename: str, image_name: str) -> bool:
    """Return whether a picture is still the one that is found for an annotation, or none is."""
    part, found = item.part, item.found
    # Most pictures have the very name that the annotation states: one look-up tells.
    by_name = part.images.by_name.get(found.place, {}).get(filename)
    return by_name == image_name or (part.image_name_of(filename, found) or "") == image_name


def _is_same(path: str, image_path: str, stamp: tuple[int, ...]) -> bool:
    """Return whether an annotation and its picture have the size and time of change of a stamp."""
    time, size, image_time, image_size = stamp
    try:
        state = os.stat(path)  # noqa: PTH116 - a Path takes as long as the question
        if not time or state.st_size != size or changed_at(state) != time:
            return False
        if not image_path:
            return not image_time
        state = os.stat(image_path)  # noqa: PTH116
    except OSError:
        return False
    return state.st_size == image_size and changed_at(state) == image_time
