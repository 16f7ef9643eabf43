"""The lists that ``split`` wrote before, and how it made them: ``made-with.json`` beside the lists.

``{"division": "made", "seed": 0, "test": 0.2, "validation": 0.1}``; ``division`` is ``made``, or what in the dataset
divides it already. Lists with a damaged or without a record count as made in an unknown way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split, SplitFractions
from edgetrain.core.system.files import replacing_dir, write_json
from edgetrain.core.workspace import Workspace
from edgetrain.formats.split_list import read_split_list, write_split_list

MADE = "made"


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
                    f"too. Remove one of the two lines, or {workspace.splits_dir} to have all pictures divided anew."
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
