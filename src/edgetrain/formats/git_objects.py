"""What git holds of files as they once were: blobs by their id, without checking anything out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgetrain.core.errors import ToolError
from edgetrain.formats.git_program import run_git

_LARGEST_BYTES = 1 << 24


def read_blobs(folder: Path, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of files as git holds them, by name; those of more than 16 MiB are left out.

    Args:
        folder: anywhere in the repository.
        blobs: ids of the files' contents, by name.

    Raises:
        ToolError: git is missing, fails, does not end, or lacks one of them.
    """
    sizes = dict(zip(blobs, _sizes(folder, blobs.values())))
    wanted = [name for name, size_bytes in sizes.items() if size_bytes <= _LARGEST_BYTES]
    answer = memoryview(_ask(folder, "--batch", [blobs[name] for name in wanted]))
    contents, place = {}, 0
    for name in wanted:
        # A line with id, kind and size; the content; a line end.
        start = place + len(f"{blobs[name]} blob {sizes[name]}\n")
        place = start + sizes[name] + 1
        contents[name] = bytes(answer[start : place - 1])
    return contents


def _sizes(folder: Path, ids: Iterable[str]) -> list[int]:
    facts = [line.split() for line in _ask(folder, "--batch-check", ids).splitlines()]
    absent = [os.fsdecode(fact[0]) for fact in facts if fact[1] != b"blob"]
    if absent:
        raise ToolError(
            f"{folder}: git has no content for {absent[0]}, which a file had before. "
            'Fetch the whole history ("git fetch --refetch"), or leave --since out.'
        )
    return [int(fact[2]) for fact in facts]


def _ask(folder: Path, question: str, ids: Iterable[str]) -> bytes:
    asked = "".join(f"{one}\n" for one in ids).encode()
    if not asked:
        return b""
    answer = run_git(folder, "cat-file", question, content=asked)
    if answer.code or answer.is_timed_out:
        reason = os.fsdecode(answer.errors).strip() or "it did not end in time"
        raise ToolError(f"git cat-file failed in {folder} ({reason}). Mend the repository, or leave --since out.")
    return answer.output
