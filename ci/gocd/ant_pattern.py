"""Ant's patterns below a folder, as GoCD's agents read the ``source`` of an artifact.

``*`` and ``?`` stand for text and a letter within one name, a part that is exactly ``**`` for any number of folders;
a pattern that ends in ``/`` means all that is below (https://ant.apache.org/manual/dirtasks.html#patterns).
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

_WILDCARDS = frozenset("*?")


def fixed_part(pattern: str) -> str:
    """Return the folders that come before the first wildcard; the whole pattern if it has none."""
    parts = [part for part in pattern.split("/") if part]
    fixed = next((number for number, part in enumerate(parts) if _WILDCARDS & set(part)), len(parts))
    return "/".join(parts[:fixed])


def find(root: Path, pattern: str) -> list[Path]:
    """Return the files and folders that a pattern matches, sorted; what lies directly in a matched folder is left out.

    Args:
        root: the job's folder.
        pattern: as it stands in the pipeline.
    """
    matched = [name for name in _names(root, fixed_part(pattern)) if matches(pattern, name)]
    folders = {name for name in matched if (root / name).is_dir()}
    files = [name for name in matched if name not in folders and name.rpartition("/")[0] not in folders]
    return [root / name for name in sorted([*folders, *files])]


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern matches a path relative to the root, with ``/``."""
    return _expression(pattern).fullmatch(f"{name}/") is not None


def _names(root: Path, start: str) -> Iterator[str]:
    """Yield what is at a path and below it, relative to the root."""
    if start and (root / start).exists():
        yield start
    for folder, folders, files in os.walk(root / start, followlinks=True):
        for name in [*folders, *files]:
            yield (Path(folder) / name).relative_to(root).as_posix()


@functools.lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    text = ""
    for part in f"{pattern}**".split("/") if pattern.endswith("/") else pattern.split("/"):
        if part == "**":
            text += "(?:[^/]+/)*"
        else:
            text += re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") + "/"
    return re.compile(text)
