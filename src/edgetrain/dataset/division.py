"""The division into splits that a dataset brings along: committed lists, split folders, or the VOC devkit's lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edgetrain.core.errors import DatasetError, MissingInputError, UnfetchedError
from edgetrain.core.findings import Finding, thinned
from edgetrain.core.splits import Split, SplitFractions
from edgetrain.core.system.files import MOST_TEXT_BYTES, open_text, replacing_dir, write_json, write_text
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.layout import DatasetPart
from edgetrain.dataset.unfetched import fetch_advice

_COMMITTED_DIR = "splits"
_VOC_DIR = "ImageSets/Main"
_VOC_LISTS = {Split.TRAIN: "train.txt", Split.VALIDATION: "val.txt", Split.TEST: "test.txt"}
_FIX = "Correct the list, or remove all lists to split the pictures again."
MADE = "made"
# Of the largest public datasets none has more pictures.
_MOST_LINES = 5_000_000


@dataclass
class Division:
    """The splits of annotations by name relative to the dataset, where they come from, and the faults of the lists.

    ``source`` is empty where the dataset is not divided; ``present`` names the splits that have a list or a folder.
    ``unread`` is why a list could not be read, which is among the faults, too.
    """

    source: str = ""
    present: frozenset[Split] = frozenset()
    splits: dict[str, Split] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unread: DatasetError | None = None


def find_division(fence: Fence, parts: Sequence[DatasetPart], names: Sequence[str]) -> Division:
    """Return the division of a dataset.

    Args:
        fence: that of the dataset.
        parts: its annotations; those of split folders are divided already.
        names: all annotations relative to the dataset.
    """
    root = fence.root
    committed = {split: f"{_COMMITTED_DIR}/{split.value}.txt" for split in Split}
    voc = {split: f"{_VOC_DIR}/{name}" for split, name in _VOC_LISTS.items()}
    if any(os.path.lexists(root / name) for name in committed.values()):
        return _read_lists(fence, _COMMITTED_DIR, committed, {name: name for name in names})
    if any(part.split for part in parts):
        return _division_of_folders(parts)
    if any(os.path.lexists(root / name) for name in voc.values()):
        stems = {Path(name).stem: name for name in reversed(names)}
        return _read_lists(fence, _VOC_DIR, voc, stems)
    return Division()


def _division_of_folders(parts: Sequence[DatasetPart]) -> Division:
    splits = {file.path: part.split for part in parts if part.split is not None for file in part.annotations}
    return Division("folders", frozenset(splits.values()), splits)


def _read_lists(fence: Fence, source: str, lists: Mapping[Split, str], names: Mapping[str, str]) -> Division:
    """Return the division by lists; ``names`` gives the annotation for each name that a list may hold."""
    division = Division(source, frozenset(split for split in Split if os.path.lexists(fence.root / lists[split])))
    reader = _ListReader(division, names)
    for split in (split for split in Split if split in division.present):
        try:
            listed = listed_names(fence.root / lists[split], within=fence.within)
            division.findings += thinned(list(reader.faults(listed, lists[split], split)))
        except DatasetError as error:
            division.unread = division.unread or error
            division.findings.append(_unread_finding(lists[split], error))
    return division


def _unread_finding(file: str, error: DatasetError) -> Finding:
    if isinstance(error, UnfetchedError):
        return Finding.of((file, 1), "data-unfetched", "the list is not in this clone.", fetch_advice([error.tool]))
    reason = str(error).partition(": ")[2].partition(". ")[0]
    return _finding(file, 1, "split-unreadable", f"{reason}.")


class _ListReader:
    """Puts the names of one list after the other into a division."""

    def __init__(self, division: Division, names: Mapping[str, str]) -> None:
        self._division, self._names = division, names
        self._places: dict[str, str] = {}
        self._example = min(names, default="annotations/0001.xml")

    def faults(self, listed: Iterable[ListedName], file: str, split: Split) -> Iterator[Finding]:
        """Take a list, and yield what is wrong with it."""
        for one in listed:
            annotation = self._names.get(one.name)
            if annotation is None:
                message = f"{one.name!r} is not the name of an annotation; this list has names such as {self._example}."
                yield _finding(file, one.line, "split-unknown", message)
            elif annotation in self._places:
                message = f"{one.name!r} is already listed in {self._places[annotation]}."
                yield _finding(file, one.line, "split-repeated", message)
            else:
                self._places[annotation] = f"{file}:{one.line}"
                self._division.splits[annotation] = split


def _finding(file: str, line: int, rule: str, message: str) -> Finding:
    return Finding.of((file, line), rule, message, _FIX)


@dataclass(frozen=True)
class FormerDivision:
    """The splits of annotations by name, empty where there are none to be kept.

    ``is_unknown`` tells that there are lists, but not how they were made.
    """

    splits: Mapping[str, Split] = field(default_factory=dict)
    is_unknown: bool = False


def read_former(workspace: Workspace, fractions: SplitFractions, seed: int) -> FormerDivision:
    """Return the earlier division, if it was made with these shares and this seed.

    Raises:
        DatasetError: a list cannot be read, or two of them have the same name.
    """
    if not all(workspace.split_path(split).is_file() for split in Split):
        return FormerDivision()
    record = _read_record(workspace.split_record_path)
    if record != _record(MADE, fractions, seed):
        return FormerDivision(is_unknown=not record)
    splits: dict[str, Split] = {}
    for split in Split:
        for listed in read_split_list(workspace.split_path(split)):
            if splits.setdefault(listed.name, split) is not split:
                raise DatasetError(
                    f"{workspace.split_path(split)}:{listed.line}: {listed.name} is in {splits[listed.name].value}.txt "
                    f"too. Remove one of the two lines, or {workspace.splits_dir} to split all pictures again."
                )
    return FormerDivision(splits)


def write_division(
    workspace: Workspace, splits: Mapping[str, Split], *, division: str, fractions: SplitFractions, seed: int
) -> None:
    """Write the three lists, names sorted, and how they were made, whole or not at all.

    Raises:
        StorageError: the folder cannot be written; earlier lists stay as they were.
    """
    with replacing_dir(workspace.splits_dir) as temporary:
        for split in Split:
            names = sorted(name for name, own in splits.items() if own is split)
            write_split_list(temporary / workspace.split_path(split).name, names)
        write_json(temporary / workspace.split_record_path.name, _record(division, fractions, seed))


def _record(division: str, fractions: SplitFractions, seed: int) -> dict[str, object]:
    return {"division": division, "seed": seed, "test": fractions.test, "validation": fractions.validation}


def _read_record(path: Path) -> dict[str, object]:
    """Return what is written there; empty if it is absent or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


class ListedName(NamedTuple):
    """A name of a list and its line, from 1."""

    name: str
    line: int


def read_split_list(path: Path, *, within: Path | None = None) -> list[ListedName]:
    """Return the names of a list in its order.

    Args:
        path: the list.
        within: the dataset, if it is one of it: no link may lead out.

    Raises:
        MissingInputError: there is no such file.
        DatasetError: it cannot be read or is not UTF-8.
    """
    return list(listed_names(path, within=within))


def listed_names(path: Path, *, within: Path | None = None) -> Iterator[ListedName]:
    """Yield the names of a list one by one; see :func:`read_split_list`."""
    try:
        with open_text(path, newline="\n", most_bytes=MOST_TEXT_BYTES, within=within) as stream:
            for number, line in enumerate(stream, start=1):
                if number > _MOST_LINES:
                    raise DatasetError(f"{path}: more than {_MOST_LINES:,} lines. Fix or remove the list.")
                if line.strip():
                    yield ListedName(line.strip(), number)
    except FileNotFoundError as error:
        raise MissingInputError(f'{path}: the list of pictures does not exist. Run "ci/inv split" first.') from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}). Fix or remove the list.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text ({error.reason}). Save the list as UTF-8.") from error


def write_split_list(path: Path, names: Sequence[str]) -> None:
    """Write names in the given order; no names give an empty file."""
    write_text(path, "".join(f"{name}\n" for name in names))
