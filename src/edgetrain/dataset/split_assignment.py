"""Which split each picture goes to: groups stay together, and pictures that have a split keep it.

A new picture follows its group. A new group goes where the hash of one of its pictures points, or to a split that lacks
one of its classes. Where nothing is divided yet the hash alone decides, so that the same pictures, with others or
without, get the same splits again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Optional

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split, SplitFractions, position, split_of
from edgetrain.core.wording import counted

# Where a class is missed most: without training it is never learnt, without test nobody knows how well.
_BY_NEED = (Split.TRAIN, Split.TEST, Split.VALIDATION)


@dataclass(frozen=True)
class PictureGroup:
    """Pictures that must not part, by name and sorted, and the classes of their boxes."""

    pictures: tuple[str, ...]
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Assignment:
    """The split of each picture, and what was unusual.

    ``left_out`` names new pictures that belong to pictures in several splits, and those splits; ``steered`` the groups
    by their first picture that went to a split for a class (split, class) instead of where their hash points.
    """

    splits: Mapping[str, Split]
    left_out: Mapping[str, tuple[Split, ...]] = field(default_factory=dict)
    steered: Mapping[str, tuple[Split, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def assign_splits(
    groups: Iterable[PictureGroup],
    *,
    fractions: SplitFractions,
    seed: int,
    former: Optional[Mapping[str, Split]] = None,
) -> Assignment:
    """Return the split of each picture.

    A split that would stay empty although its fraction is above 0 is given the new group whose place is nearest to it.

    Args:
        groups: all pictures, each in one group.
        fractions: shares of validation and test.
        seed: another seed gives another division.
        former: the split of each picture that has one already; none of them moves.

    Raises:
        DatasetError: a split that is asked for would have no picture.
    """
    known = former or {}
    draft = _Draft(groups, fractions, seed, known)
    steered = _steer(draft) if draft.old else {}
    moved = _fill(draft)
    splits = {name: split for group, split in draft.chosen.items() for name in group.pictures}
    splits.update({name: known[name] for group in draft.parted for name in group.pictures if name in known})
    left_out = {name: _splits_of(group, known) for group in draft.parted for name in group.pictures}
    return Assignment(
        splits=dict(sorted(splits.items())),
        left_out={name: places for name, places in sorted(left_out.items()) if name not in known},
        steered={group.pictures[0]: where for group, where in steered.items() if draft.chosen[group] is where[0]},
        notes=tuple(moved),
    )


class _Draft:
    """A division in the making: ``chosen`` is the split of each group but of those that are parted already."""

    def __init__(
        self, groups: Iterable[PictureGroup], fractions: SplitFractions, seed: int, former: Mapping[str, Split]
    ) -> None:
        self.fractions = fractions
        places = {group: _splits_of(group, former) for group in groups}
        self.old = {group: splits for group, splits in places.items() if splits}
        self.parted = [group for group, splits in self.old.items() if len(splits) > 1]
        self.chosen = {group: splits[0] for group, splits in self.old.items() if len(splits) == 1}
        new = [group for group in places if group not in self.old]
        ranks = {group: min((position(f"rank:{name}", seed), name) for name in group.pictures) for group in new}
        self.places = {group: position(ranks[group][1], seed) for group in new}
        self.new = sorted(new, key=lambda group: (len(group.pictures), ranks[group]))
        self.chosen.update({group: split_of(self.places[group], fractions) for group in self.new})

    def sizes(self) -> Counter[Split]:
        """Return the number of groups in each split."""
        return Counter([*self.chosen.values(), *(split for group in self.parted for split in self.old[group])])

    def classes(self) -> Counter[tuple[Split, str]]:
        """Return the number of groups with each class in each split."""
        settled = ((group, split) for group, split in self.chosen.items())
        parted = ((group, split) for group in self.parted for split in self.old[group])
        return Counter((split, name) for pairs in (settled, parted) for group, split in pairs for name in group.classes)


def _splits_of(group: PictureGroup, former: Mapping[str, Split]) -> tuple[Split, ...]:
    """Return the splits in which pictures of a group are already."""
    found = {former[name] for name in group.pictures if name in former}
    return tuple(split for split in Split if split in found)


def _steer(draft: _Draft) -> dict[PictureGroup, tuple[Split, str]]:
    """Move new groups, small ones first, to splits that lack one of their classes; return where and for which."""
    counts = draft.classes()
    steered: dict[PictureGroup, tuple[Split, str]] = {}
    for split in (split for split in _BY_NEED if split in draft.fractions.wanted):
        for name in sorted({name for group in draft.new for name in group.classes}):
            if counts[split, name]:
                continue
            spare = [one for one in draft.new if name in one.classes and _is_spare(one, split, draft, counts)]
            if not spare:
                continue
            # One whose own split keeps the class, if there is such.
            group = min(spare, key=lambda one: counts[draft.chosen[one], name] == 1)
            own, draft.chosen[group] = draft.chosen[group], split
            for one in group.classes:
                counts.update({(own, one): -1, (split, one): 1})
            steered[group] = split, name
    return steered


def _is_spare(group: PictureGroup, split: Split, draft: _Draft, counts: Counter[tuple[Split, str]]) -> bool:
    """Return whether a group may leave its split for another: that keeps its classes, or training lacks them."""
    own = draft.chosen[group]
    return all(counts[own, name] > 1 or (split is Split.TRAIN and not counts[split, name]) for name in group.classes)


def _fill(draft: _Draft) -> list[str]:
    """Move the nearest new group into each split that would be empty; return a note for each."""
    notes = []
    for split in draft.fractions.wanted:
        sizes = draft.sizes()
        if sizes[split]:
            continue
        spare = [group for group in draft.new if sizes[draft.chosen[group]] > 1]
        if not spare:
            _refuse(split, draft)
        low = {Split.TEST: 0.0, Split.VALIDATION: draft.fractions.test, Split.TRAIN: 1.0}[split]
        moved = min(spare, key=lambda group: (abs(draft.places[group] - low), group.pictures))
        notes.append(f"{split.value} would have been empty: {_named(moved)} was moved there")
        draft.chosen[moved] = split
    return notes


def _named(group: PictureGroup) -> str:
    rest = len(group.pictures) - 1
    return f"{group.pictures[0]} (and {rest} that belong to it)" if rest else group.pictures[0]


def _refuse(split: Split, draft: _Draft) -> NoReturn:
    shares = "set split.validation or split.test to 0"
    if draft.old:
        raise DatasetError(
            f"{split.value} has no picture left, because all others already have a split. Add pictures, {shares}, "
            "or remove the workspace's splits/ to split all again."
        )
    groups, wanted = counted(len(draft.chosen), "group"), len(draft.fractions.wanted)
    raise DatasetError(f"{groups} of pictures cannot fill {wanted} splits. Add pictures, or {shares}.")


def joined(names: Iterable[str], ties: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the groups of names that ties hold together, each and all sorted; a name without ties is alone.

    Args:
        names: all names.
        ties: names, all among ``names``, that belong together.
    """
    ordered = sorted(names)
    leaders = {name: name for name in ordered}

    def leader_of(name: str) -> str:
        while leaders[name] != name:
            leaders[name] = name = leaders[leaders[name]]
        return name

    for tie in ties:
        first, *others = map(leader_of, tie)
        for other in others:
            leaders[other] = first
    groups: dict[str, list[str]] = defaultdict(list)
    for name in ordered:
        groups[leader_of(name)].append(name)
    return sorted(tuple(group) for group in groups.values())
