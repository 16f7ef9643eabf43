"""GoCD's own matching of ``includes`` and ``ignore``: neither gitignore's nor Ant's.

A pattern is compared with the whole path from the repository's root. ``*`` stands for any text within one name, a part
that is exactly ``**`` for any number of folders; every other character stands for itself
(https://github.com/gocd/gocd, ``IgnoredFiles.java``).
"""

from __future__ import annotations

import functools
import re


def matches(pattern: str, path: str) -> bool:
    """Return whether a filter's pattern matches a file.

    Args:
        pattern: as it stands in the pipeline.
        path: of a changed file, relative to the repository's root, with ``/``.
    """
    return _expression(pattern).fullmatch(path) is not None


def fault_of(pattern: str) -> tuple[str, str]:
    """Return why a pattern can match no file, and what to write instead; empty strings if it can."""
    folder = pattern.rstrip("/*")
    below = f"{folder}/**/*" if folder else "**/*"
    last = pattern.rpartition("/")[2]
    if not last or last == "**":
        return "matches no file: GoCD compares it with whole file names.", f'Write "{below}".'
    if pattern.startswith(("/", "./", "../")):
        return "matches no file: paths begin at the repository's root.", "Leave the beginning out."
    literal = re.search(r"[{}?\[\]!]", pattern)
    if literal:
        return f'takes "{literal[0]}" literally: GoCD knows only * and **.', "Write one pattern for each case."
    if "*" not in last and "." not in last and last == last.lower():
        return "matches one file of exactly this name, nothing below a folder.", f'For a folder write "{below}".'
    return "", ""


@functools.lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    # As Java's split, which drops empty parts at the end.
    parts = pattern.replace("\\", "/").rstrip("/").split("/")
    text = ""
    for part in parts:
        text += "(?:[^/]*/)*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") + "/"
    return re.compile(text.removesuffix("/"))
