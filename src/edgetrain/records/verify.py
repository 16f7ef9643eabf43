"""Read finished TFRecords back and hold each record against what training makes of it; no TensorFlow is needed.

Accepted: the workspace's records, this project's or another tool's under the same names. Nothing is written; every
fault is in the report, with file, record and ``source_id``.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Optional

from edgetrain.core.errors import MissingInputError
from edgetrain.core.findings import Severity
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.workers import Advance, done_by_all
from edgetrain.core.wording import counted, printable
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.records.example import CLASS_NAME, SOURCE_ID, text_key
from edgetrain.records.rules import Fault, RecordRules, source_id_of
from edgetrain.records.tfrecord import BrokenRecord, scan_records
from edgetrain.records.wire import decode_features

_SHARD_NAME = re.compile(r".*-(\d{5})-of-(\d{5})")
_KIB = 1024
_ERROR = Severity.ERROR.value


@dataclass(frozen=True, order=True)
class RecordFault:
    """One fault: the file's name, the record's number (from 1; 0: the file as a whole) and name, what is wrong."""

    file: str
    record: int
    source_id: str
    severity: str
    message: str

    def __str__(self) -> str:
        """Return the fault as one line of text."""
        place = f"{self.file}: record {self.record} ({self.source_id})" if self.record else self.file
        return printable(f"{place}: {self.severity}: {self.message}")


@dataclass
class ShardState:
    """What is in a file: its faults, the number of boxes, and of each record 64 bits of its name's digest (0: none)."""

    faults: list[RecordFault] = field(default_factory=list)
    boxes: int = 0
    keys: array[int] = field(default_factory=lambda: array("Q"))


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Read all records back; they are not good if one would stop the training, or teach something else than it says.

    Raises:
        MissingInputError: there are no records, or no label map.
    """
    paths = {split: workspace.shard_paths(split) for split in Split}
    if not any(paths.values()):
        raise MissingInputError(f'{workspace.records_dir}: no TFRecord found. Run "ci/inv records" first.')
    rules = RecordRules(read_label_map(workspace.label_map_path), settings.network.max_boxes)
    shards = [path for of_split in paths.values() for path in of_split]
    total = sum(path.stat().st_size for path in shards) // _KIB

    def check(piece: int, advance: Advance) -> ShardState:
        return _check_shard(shards[piece], rules, advance)

    states = done_by_all(check, len(shards), jobs=settings.records.jobs, total=total, units="KiB")
    faults = [fault for state in states for fault in state.faults]
    faults += _set_faults(paths, workspace)
    faults += _repeated(shards, states)
    return _judged(sorted(faults), states)


def _check_shard(path: Path, rules: RecordRules, advance: Advance) -> ShardState:
    state = ShardState()
    for number, record in enumerate(scan_records(path), start=1):
        if isinstance(record, BrokenRecord):
            source_id, found, boxes = "", [Fault(_ERROR, f"the record {record.reason}: training stops.")], 0
        else:
            source_id, found, boxes = _check_record(record, rules)
            advance(len(record) // _KIB)
        state.boxes += boxes
        state.keys.append(text_key(source_id) if source_id else 0)
        state.faults += [RecordFault(path.name, number, source_id, one.severity, one.message) for one in found]
    if not state.keys:
        state.faults.append(RecordFault(path.name, 0, "", _ERROR, "the file has no record: training waits for ever."))
    return state


def _check_record(record: bytes, rules: RecordRules) -> tuple[str, list[Fault], int]:
    """Return a record's name, its faults, and how many boxes it has."""
    try:
        features = decode_features(record)
    except ValueError as error:
        return "", [Fault(_ERROR, f"the record is no example of a labelled picture ({error}): training stops.")], 0
    names = features.get(CLASS_NAME)
    return source_id_of(features), list(rules.faults(features)), len(names.texts) if names else 0


def _set_faults(paths: dict[Split, list[Path]], workspace: Workspace) -> Iterator[RecordFault]:
    """Yield what is wrong with the files as sets: none to train on, or some of a set that are not there."""
    if not paths[Split.TRAIN]:
        name = workspace.shard_pattern(Split.TRAIN).name
        yield RecordFault(name, 0, "", _ERROR, "there is no such file, so nothing to train on.")
    for of_split in paths.values():
        found = [match for path in of_split if (match := _SHARD_NAME.fullmatch(path.name))]
        for count, present in sorted(Counter(match[2] for match in found).items()):
            if present != int(count) or len(found) != present:
                message = f"{present} of {int(count)} files of its set are there, and {len(found)} in all: records are"
                message += " missing, or stand twice."
                yield RecordFault(next(match[0] for match in found if match[2] == count), 0, "", _ERROR, message)


def _repeated(paths: Sequence[Path], states: Sequence[ShardState]) -> Iterator[RecordFault]:
    """Yield the records whose name an earlier one has, in whatever split."""
    keys = array("Q", sorted(key for state in states for key in state.keys if key))
    repeated = {first for first, second in zip(keys, keys[1:]) if first == second}
    firsts: dict[str, str] = {}
    for path, state in zip(paths, states):
        if repeated.isdisjoint(state.keys):
            continue
        for number, record in enumerate(scan_records(path), start=1):
            source_id = _name_of(record) if state.keys[number - 1] in repeated else None
            place = f"{path.name}: record {number}"
            first = firsts.setdefault(source_id, place) if source_id else place
            if source_id and first != place:
                message = f"{SOURCE_ID} is already in {first}: evaluation drops the boxes of one of the two."
                yield RecordFault(path.name, number, source_id, _ERROR, message)


def _name_of(record: bytes | BrokenRecord) -> Optional[str]:
    return None if isinstance(record, BrokenRecord) else source_id_of(decode_features(record))


def _judged(faults: Sequence[RecordFault], states: Sequence[ShardState]) -> Outcome:
    counts = Counter(fault.severity for fault in faults)
    text = ", ".join(counted(counts[severity.value], severity.value) for severity in Severity)
    records, boxes = sum(len(state.keys) for state in states), sum(state.boxes for state in states)
    summary = f"{counted(records, 'record')} in {counted(len(states), 'file')}, {counted(boxes, 'box')}: {text}"
    results = {
        "records": records,
        "boxes": boxes,
        "faults": [asdict(fault) for fault in faults],
        "counts": {severity.value: counts[severity.value] for severity in Severity},
        "text": "\n".join([*map(str, faults), f"{summary}."]),
    }
    remedy = 'Correct the dataset, then run "ci/inv records" again.'
    return Outcome(summary, results, failure=f"{summary}. {remedy}" if counts[_ERROR] else "")
