"""GoCD's own matching of ``includes`` and ``ignore``: neither gitignore's nor Ant's.

A pattern is compared with the whole path from the repository's root. ``*`` stands for any text within one name, a part
that is exactly ``**`` for any number of folders; every other character stands for itself
(https://github.com/gocd/gocd, ``IgnoredFiles.java``).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection


def matches(pattern: str, path: str) -> bool:
    """Return whether a filter's pattern matches a file.

    Args:
        pattern: as it stands in the pipeline.
        path: of a changed file, relative to the repository's root, with ``/``.
    """
    return _expression(pattern).fullmatch(path) is not None


def fault_of(pattern: str) -> tuple[str, str]:
    """Return why a pattern can match no file, and what to write instead; empty strings if it can."""
    below = below_folder(pattern)
    last = pattern.rpartition("/")[2]
    if not last or last == "**":
        return "matches no file: GoCD compares it with whole file names.", f'Write "{below}".'
    if pattern.startswith(("/", "./", "../")):
        return "matches no file: paths begin at the repository's root.", "Leave the beginning out."
    literal = re.search(r"[{}?\[\]!]", pattern)
    if literal:
        return f'takes "{literal[0]}" literally: GoCD knows only * and **.', "Write one pattern for each case."
    return "", ""


def below_folder(pattern: str) -> str:
    """Return the pattern of all files below the folder that a pattern names."""
    folder = pattern.rstrip("/*")
    return f"{folder}/**/*" if folder else "**/*"


def lone_folders(patterns: Collection[str]) -> list[str]:
    """Return the patterns that name a folder, as it seems, and so match no file.

    To git a submodule is one entry of exactly this name: where the files below it are matched too, that is meant.
    """
    bare = (one for one in patterns if "*" not in one and "." not in one.rpartition("/")[2] and one == one.lower())
    return [one for one in bare if not one.endswith("/") and below_folder(one) not in patterns]


@functools.lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    # As Java's split, which drops empty parts at the end.
    parts = pattern.replace("\\", "/").rstrip("/").split("/")
    text = ""
    for part in parts:
        text += "(?:[^/]*/)*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") + "/"
    return re.compile(text.removesuffix("/"))
