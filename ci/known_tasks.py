"""The tasks of the command line, for the checks that ask whether a call of ``ci/inv`` would be understood.

``tasks.py`` puts them here. It imports this package, so this package cannot import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke import Collection

_known: list[Collection] = []
_groups: dict[str, list[str]] = {}


def know_tasks(namespace: Collection, groups: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
    """Take the tasks, and the names of their functions by group, before anybody asks."""
    _known[:] = [namespace]
    _groups.clear()
    _groups.update({group: [name.replace("_", "-") for name in names] for group, names in groups.items()})


def task_groups() -> Mapping[str, Sequence[str]]:
    """Return the names of the tasks by group, in the order of the flow."""
    return _groups


def known_tasks() -> Collection:
    """Return the tasks that ``tasks.py`` has put here."""
    return _known[0]
