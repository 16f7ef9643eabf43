"""The division into splits that a dataset brings along: committed lists, split folders, or the VOC devkit's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgetrain.core.findings import Finding
from edgetrain.core.splits import Split
from edgetrain.formats.dataset_parts import DatasetPart
from edgetrain.formats.split_list import read_split_list

_COMMITTED_DIR = "splits"
_VOC_DIR = "ImageSets/Main"
_VOC_LISTS = {Split.TRAIN: "train.txt", Split.VALIDATION: "val.txt", Split.TEST: "test.txt"}
_FIX = "Correct the list, or remove all lists to have the pictures divided anew."


@dataclass
class Division:
    """The splits of annotations by name relative to the dataset, where they come from, and the faults of the lists.

    ``source`` is empty where the dataset is not divided; ``present`` names the splits that have a list or a folder.
    """

    source: str = ""
    present: frozenset[Split] = frozenset()
    splits: dict[str, Split] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def find_division(root: Path, parts: Sequence[DatasetPart], names: Sequence[str]) -> Division:
    """Return the division of a dataset.

    Args:
        root: the dataset's folder.
        parts: its annotations; those of split folders are divided already.
        names: all annotations relative to the dataset.

    Raises:
        DatasetError: a list cannot be read.
    """
    committed = {split: f"{_COMMITTED_DIR}/{split.value}.txt" for split in Split}
    voc = {split: f"{_VOC_DIR}/{name}" for split, name in _VOC_LISTS.items()}
    if any((root / name).is_file() for name in committed.values()):
        return _read_lists(root, _COMMITTED_DIR, committed, {name: name for name in names})
    if any(part.split for part in parts):
        return _division_of_folders(parts)
    if any((root / name).is_file() for name in voc.values()):
        stems = {Path(name).stem: name for name in reversed(names)}
        return _read_lists(root, _VOC_DIR, voc, stems)
    return Division()


def _division_of_folders(parts: Sequence[DatasetPart]) -> Division:
    splits = {file.path: part.split for part in parts if part.split is not None for file in part.annotations}
    return Division("folders", frozenset(splits.values()), splits)


def _read_lists(root: Path, source: str, lists: Mapping[Split, str], names: Mapping[str, str]) -> Division:
    """Return the division by lists; ``names`` gives the annotation for each name that a list may hold."""
    division = Division(source, frozenset(split for split, name in lists.items() if (root / name).is_file()))
    places: dict[str, str] = {}
    for split in (split for split in Split if split in division.present):
        for listed in read_split_list(root / lists[split], within=root):
            place = f"{lists[split]}:{listed.line}"
            annotation = names.get(listed.name)
            if annotation is None:
                example = min(names, default="annotations/0001.xml")
                message = f"{listed.name!r} names no annotation; this list has names such as {example}."
                division.findings.append(_finding(lists[split], listed.line, "split-unknown", message))
            elif annotation in places:
                message = f"{listed.name!r} is listed in {places[annotation]} already."
                division.findings.append(_finding(lists[split], listed.line, "split-repeated", message))
            else:
                places[annotation] = place
                division.splits[annotation] = split
    return division


def _finding(file: str, line: int, rule: str, message: str) -> Finding:
    return Finding.of((file, line), rule, message, _FIX)
