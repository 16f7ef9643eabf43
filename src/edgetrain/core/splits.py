"""Which pictures train, which choose the model, which judge it."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.errors import DatasetError

_SCALE = float(2**64)


class Split(enum.Enum):
    """The three parts of a dataset."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class SplitFractions:
    """Shares of the pictures (0 to 1) for validation and test; training has the rest."""

    validation: float
    test: float


def position(group: str, seed: int) -> float:
    """Return a group's place in [0, 1): depends on its name and the seed only, so new pictures move no old one."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _SCALE


def split_of(place: float, fractions: SplitFractions) -> Split:
    """Return the split that owns a place in [0, 1): test first, then validation, then train."""
    if place < fractions.test:
        return Split.TEST
    if place < fractions.test + fractions.validation:
        return Split.VALIDATION
    return Split.TRAIN


def assign_splits(
    groups: Mapping[str, Sequence[str]], *, fractions: SplitFractions, seed: int
) -> tuple[dict[str, Split], list[str]]:
    """Return the split of each picture, whole groups together, and notes on what was unusual.

    A split that would stay empty although its fraction is above 0 (small sets) is given the group whose place is
    nearest to it.

    Args:
        groups: pictures by group; pictures of one group never part.
        fractions: shares of validation and test.
        seed: another seed gives another division.

    Raises:
        DatasetError: there are fewer groups than splits asked for.
    """
    wanted = [Split.TRAIN]
    wanted += [Split.VALIDATION] if fractions.validation > 0 else []
    wanted += [Split.TEST] if fractions.test > 0 else []
    if len(groups) < len(wanted):
        raise DatasetError(
            f"{len(groups)} different pictures cannot fill {len(wanted)} splits. Add pictures, "
            "or set split.validation or split.test to 0."
        )
    places = {name: position(name, seed) for name in groups}
    chosen = {name: split_of(place, fractions) for name, place in places.items()}
    notes = []
    for split in wanted:
        if split not in chosen.values():
            moved = _nearest_group(split, places, chosen, fractions)
            notes.append(f"{split.value} would have been empty: {groups[moved][0]} was moved there")
            chosen[moved] = split
    return {picture: chosen[name] for name in sorted(groups) for picture in groups[name]}, notes


def _nearest_group(
    split: Split, places: Mapping[str, float], chosen: Mapping[str, Split], fractions: SplitFractions
) -> str:
    """Return the group to move into an empty split, taken from a split that keeps at least one."""
    low = {Split.TEST: 0.0, Split.VALIDATION: fractions.test, Split.TRAIN: 1.0}[split]
    sizes = {other: list(chosen.values()).count(other) for other in Split}
    return min(
        (name for name in places if sizes[chosen[name]] > 1),
        key=lambda name: (abs(places[name] - low), name),
    )
