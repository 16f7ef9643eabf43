"""Which pictures train, which choose the model, which judge it."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

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

    @property
    def wanted(self) -> tuple[Split, ...]:
        """The splits that must have pictures."""
        shares = {Split.TRAIN: 1.0, Split.VALIDATION: self.validation, Split.TEST: self.test}
        return tuple(split for split, share in shares.items() if share > 0)


def position(name: str, seed: int) -> float:
    """Return a place in [0, 1) that depends on a picture's name and the seed only, so others do not matter."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _SCALE


def split_of(place: float, fractions: SplitFractions) -> Split:
    """Return the split that owns a place in [0, 1): test first, then validation, then train."""
    if place < fractions.test:
        return Split.TEST
    if place < fractions.test + fractions.validation:
        return Split.VALIDATION
    return Split.TRAIN
