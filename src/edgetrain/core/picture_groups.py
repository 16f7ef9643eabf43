"""Pictures that belong together: directly, or by way of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence


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
