"""What git holds of a folder: the door to the ``git`` program for files that are about to change."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class GitFiles:
    """Files below a folder, relative to it: ``held`` are as they were committed, ``changed`` are tracked but not so."""

    held: frozenset[str]
    changed: frozenset[str]


def git_files(folder: Path) -> GitFiles:
    """Return the state of a folder's files; both sets are empty where git or a repository is missing."""
    tracked = _names(folder, "ls-files", "-z")
    if not tracked:
        return GitFiles(frozenset(), frozenset())
    changed = _names(folder, "diff", "--name-only", "--no-ext-diff", "-z", "--relative", "HEAD", "--")
    if changed is None:  # nothing was ever committed
        return GitFiles(frozenset(), tracked)
    return GitFiles(tracked - changed, tracked & changed)


def _names(folder: Path, *arguments: str) -> Optional[frozenset[str]]:
    """Return what git lists, ``None`` if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program and arguments of our own
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return frozenset(name.decode("utf-8", "surrogateescape") for name in done.stdout.split(b"\0") if name)
