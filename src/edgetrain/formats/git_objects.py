"""What git holds at a commit: files of a folder as they were, without checking anything out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from edgetrain.core.errors import ToolError

_TIMEOUT_SECONDS = 120
_LARGEST_BYTES = 1 << 24
# So many names are short enough for a command line.
_ASKED_AT_ONCE = 200


def files_at(folder: Path, commit: str, names: Collection[str]) -> dict[str, bytes]:
    """Return the content of files as they were where a branch parted from a commit; what was not there is left out.

    Links, repositories inside and files of more than 16 MiB are left out, too.

    Args:
        folder: anywhere in a repository.
        commit: a revision that git knows, and that does not begin with "-".
        names: relative to the folder, with forward slashes.

    Raises:
        ToolError: git is missing, fails or does not end.
    """
    base = _git(folder, "merge-base", commit, "HEAD").strip()
    ordered, blobs = sorted(names), {}
    for start in range(0, len(ordered), _ASKED_AT_ONCE):
        asked = ordered[start : start + _ASKED_AT_ONCE]
        listed = _git(folder, "--literal-pathspecs", "ls-tree", "-z", "-l", base.decode(), "--", *asked)
        for entry in listed.split(b"\0")[:-1]:
            facts, _, name = entry.partition(b"\t")
            mode, _, blob, size = facts.split()
            if mode.startswith(b"100") and os.fsdecode(name) in names and int(size) <= _LARGEST_BYTES:
                blobs[os.fsdecode(name)] = blob
    return dict(zip(blobs, _contents(folder, list(blobs.values()))))


def _contents(folder: Path, blobs: list[bytes]) -> list[bytes]:
    """Return the content of blobs: for each, git writes a line that ends with the size, the bytes and a line end."""
    answer = memoryview(_git(folder, "cat-file", "--batch", asked=b"".join(blob + b"\n" for blob in blobs)))
    contents, place = [], 0
    for _ in blobs:
        start = place + bytes(answer[place : place + 200]).index(b"\n") + 1
        size = int(bytes(answer[place:start]).split()[-1])
        contents.append(bytes(answer[start : start + size]))
        place = start + size + 1
    return contents


def _git(folder: Path, *words: str, asked: bytes = b"") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are a list; a revision never begins with "-"
            ["git", "-c", "core.fsmonitor=false", *words],  # noqa: S607 - the user's own git
            cwd=folder,
            input=asked,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        reason = os.fsdecode(error.stderr).strip()
        raise ToolError(f"git {words[0]} failed in {folder} ({reason}). Mend the repository.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"git {words[0]} in {folder}: {error}. Mend that.") from error
    return done.stdout
