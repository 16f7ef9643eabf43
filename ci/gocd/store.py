"""What lies in a job's artifact store, as far as its artifacts' patterns tell before it has run.

Without wildcard a file or folder lands in the destination under its own name. With one, what matches keeps its path
after the part of the pattern that is fixed.
"""

from __future__ import annotations

import enum
import fnmatch
import posixpath
from collections.abc import Iterable, Sequence

from ci.gocd.pipelines import Artifact

_WILDCARDS = frozenset("*?")


class StoreEntry(enum.Enum):
    """What is found at a path of an artifact store."""

    ABSENT = "nothing"
    FILE = "a file"
    FOLDER = "a folder"


def entry_at(artifacts: Iterable[Artifact], path: str) -> StoreEntry:
    """Return what a job's artifacts put at a path of its store; by its name: what has a dot in it is a file."""
    entries = {_entry_of(artifact, _parts(path)) for artifact in artifacts}
    return next((entry for entry in (StoreEntry.FOLDER, StoreEntry.FILE) if entry in entries), StoreEntry.ABSENT)


def _entry_of(artifact: Artifact, path: Sequence[str]) -> StoreEntry:
    source = _parts(artifact.source)
    fixed = next((index for index, part in enumerate(source) if _WILDCARDS & set(part)), len(source))
    pattern = source[fixed:] or source[-1:]
    root = _parts(artifact.destination)
    if path[: len(root)] != root:
        return StoreEntry.FOLDER if root[: len(path)] == path else StoreEntry.ABSENT
    below = path[len(root) :]
    if not _can_match(pattern, below):
        return StoreEntry.ABSENT
    is_file = bool(below) and len(below) >= len(pattern) - pattern.count("**") and _is_file_name(below[-1])
    return StoreEntry.FILE if is_file else StoreEntry.FOLDER


def _can_match(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Return whether a path is matched, leads to what is matched, or lies below a matched folder."""
    if not path or not pattern:
        # Without pattern: in a folder that was published whole.
        return True
    if pattern[0] == "**":
        return _can_match(pattern[1:], path) or _can_match(pattern, path[1:])
    if not fnmatch.fnmatchcase(path[0], pattern[0].replace("[", "[[]")):
        return False
    is_published = len(pattern) == 1
    return not (is_published and len(path) > 1 and _is_file_name(path[0])) and _can_match(pattern[1:], path[1:])


def _is_file_name(name: str) -> bool:
    return "." in name.strip(".")


def _parts(path: str) -> list[str]:
    normal = posixpath.normpath(path.replace("\\", "/")) if path else ""
    return [part for part in normal.split("/") if part and part != "."]
