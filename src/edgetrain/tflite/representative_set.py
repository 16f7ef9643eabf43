"""Which pictures stand for a whole set: every class and the negatives in proportion, drawn by a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edgetrain.core.splits import position

NEGATIVE = ""  # no class has an empty name


def choose_representatives(classes_of: Mapping[str, frozenset[str]], *, count: int, seed: int) -> list[str]:
    """Return the names of pictures that stand for all, sorted.

    Each class and the negatives are there at least once while ``count`` allows it, the rarest first; beyond that the
    kind that lacks most for its share is drawn next. A new picture displaces only few of the old ones.

    Args:
        classes_of: the classes in each picture, by the picture's name; none make it a negative.
        count: how many are wanted; all are returned if there are no more than that.
        seed: another seed gives other pictures.
    """
    if count >= len(classes_of):
        return sorted(classes_of)
    waiting = _kinds(classes_of, seed)
    share = {kind: count * len(names) / len(classes_of) for kind, names in waiting.items()}
    rarest_first = sorted(share, key=lambda kind: (share[kind], kind))
    chosen: set[str] = set()
    have: Counter[str] = Counter()
    while len(chosen) < count:
        missing = [kind for kind in rarest_first if not have[kind]]
        kind = missing[0] if missing else max(rarest_first, key=lambda kind: share[kind] - have[kind])
        left = [name for name in waiting[kind] if name not in chosen]
        if not left:
            rarest_first.remove(kind)
            continue
        # A picture of several classes counts for each: best is one that gives no other class more than its share.
        fitting = (name for name in left if all(have[other] < share[other] for other in kinds_of(classes_of[name])))
        name = next(fitting, left[0])
        chosen.add(name)
        have.update(kinds_of(classes_of[name]))
    return sorted(chosen)


def kinds_of(classes: frozenset[str]) -> frozenset[str]:
    """Return the classes of a picture, or that it is a negative."""
    return classes or frozenset({NEGATIVE})


def _kinds(classes_of: Mapping[str, frozenset[str]], seed: int) -> dict[str, list[str]]:
    """Return the names of the pictures of each kind, in the order in which the seed draws them."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(classes_of, key=lambda name: (position(name, seed), name)):
        for kind in kinds_of(classes_of[name]):
            kinds.setdefault(kind, []).append(name)
    return kinds
