"""The tasks of the command line, for the checks that ask whether a call of ``ci/inv`` would be understood.

``tasks.py`` puts them here. It imports this package, so this package cannot import it.
"""

from __future__ import annotations

from invoke import Collection

_known: list[Collection] = []


def know_tasks(namespace: Collection) -> None:
    """Take the tasks, before anybody asks."""
    _known[:] = [namespace]


def known_tasks() -> Collection:
    """Return the tasks that ``tasks.py`` has put here."""
    return _known[0]
