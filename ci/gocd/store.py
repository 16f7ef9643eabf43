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
    EITHER = "a file or a folder"


def entry_at(artifacts: Iterable[Artifact], path: str) -> StoreEntry:
    """Return what a job's artifacts put at a path of its store; by its name: what has a dot in it is a file.

    What has none, and is published itself, may be either.
    """
    entries = {_entry_of(artifact, _parts(path)) for artifact in artifacts}
    ordered = (StoreEntry.FOLDER, StoreEntry.FILE, StoreEntry.EITHER)
    return next((entry for entry in ordered if entry in entries), StoreEntry.ABSENT)


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
    if not below or len(below) < len(pattern) - pattern.count("**"):
        return StoreEntry.FOLDER
    if _is_file_name(below[-1]):
        return StoreEntry.FILE
    is_published = len(below) > len(pattern) or _fits(below[-1], pattern[-1])
    return StoreEntry.EITHER if is_published else StoreEntry.FOLDER


def _can_match(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Return whether a path is matched, leads to what is matched, or lies below a matched folder."""
    if not path or not pattern:
        # Without pattern: in a folder that was published whole.
        return True
    if pattern[0] == "**":
        return _can_match(pattern[1:], path) or _can_match(pattern, path[1:])
    if not _fits(path[0], pattern[0]):
        return False
    is_published = len(pattern) == 1
    return not (is_published and len(path) > 1 and _is_file_name(path[0])) and _can_match(pattern[1:], path[1:])


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_file_name(name: str) -> bool:
    return "." in name.strip(".")


def _parts(path: str) -> list[str]:
    normal = posixpath.normpath(path.replace("\\", "/")) if path else ""
    return [part for part in normal.split("/") if part and part != "."]
