"""What git holds of a folder's files that are about to change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.formats.git_program import run_git


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
    answer = run_git(folder, *arguments)
    if answer.code or answer.is_timed_out:
        return None
    return frozenset(name.decode("utf-8", "surrogateescape") for name in answer.output.split(b"\0") if name)
