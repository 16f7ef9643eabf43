"""What the page is made of, each file of the workspace read once."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.redaction import clean_text
from edgetrain.core.splits import Split
from edgetrain.core.wording import finite_number
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import (
    Records,
    as_list,
    as_object,
    as_text,
    read_records_of,
    value_of,
)
from edgetrain.records.example import DetectionExample, read_examples
from edgetrain.report.mistakes import wanted_pictures
from edgetrain.report.placed_boxes import PlacedBox, placed_boxes
from edgetrain.training.history import HistoryRow, read_history

_MOST_OF_BATCH = 16


@dataclass(frozen=True)
class Material:
    """The reports of the stages, the course of the training, the judged pictures to be shown, the labelled boxes.

    ``pictures`` are JPEG or PNG by source id: those that the records of the judged split still hold. ``first_batch``
    are the first pictures of the training as the network saw them.
    """

    records: Records
    history: Sequence[HistoryRow]
    pictures: Mapping[str, bytes]
    boxes: Sequence[PlacedBox]
    first_batch: Sequence[DetectionExample] = ()


def read_material(workspace: Workspace) -> Material:
    """Return what a workspace has for the page.

    Raises:
        MissingInputError: no stage has left a report.
    """
    records = read_records_of(workspace)
    if not records:
        raise MissingInputError(f'{workspace.reports_dir}: no report of any stage. Run "ci/inv pipeline" first.')
    samples = map(as_object, as_list(value_of(records, "evaluate", "samples")))
    wanted = {as_text(sample.get("source_id")) for sample in samples}
    wanted |= wanted_pictures(as_object(value_of(records, "evaluate", "mistakes")))
    return Material(
        records,
        _history(records, workspace),
        _pictures(records, workspace, wanted),
        placed_boxes(workspace),
        _first_batch(workspace),
    )


def _first_batch(workspace: Workspace) -> list[DetectionExample]:
    path = workspace.first_batch_path
    try:
        return list(itertools.islice(read_examples([path] if path.is_file() else []), _MOST_OF_BATCH))
    except DatasetError:
        return []  # a figure less, and nothing else depends on it


def _history(records: Records, workspace: Workspace) -> list[HistoryRow]:
    steps = finite_number(value_of(records, "train", "steps"))
    return read_history(workspace.history_path, up_to=sys.maxsize if steps is None else int(steps))


def _pictures(records: Records, workspace: Workspace, wanted: Collection[str]) -> dict[str, bytes]:
    split = as_text(value_of(records, "evaluate", "split"))
    pictures: dict[str, bytes] = {}
    try:
        for example in read_examples(workspace.shard_paths(Split(split)) if wanted else ()):
            if clean_text(example.source_id) in wanted:
                pictures[clean_text(example.source_id)] = example.image_bytes
    except DatasetError:
        return {}  # the boxes are still shown, and the caption says that the picture is not there
    return pictures
