"""The program ``git``, the only way to it: no terminal, no prompt, no hooks, a limit of time.

What a calling git has put into the environment (a hook's ``GIT_DIR``, ``GIT_INDEX_FILE``, …) does not count: the
folder's own repository does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.errors import ToolError
from edgetrain.core.redaction import clean_text
from edgetrain.core.system.processes import Answer, ask_program, asked_program
from edgetrain.core.wording import printable

NOT_INSTALLED = 127
_LOCAL_SECONDS = 120
_GIT = (
    "/usr/bin/env",
    *(f"--unset=GIT_{name}" for name in ("DIR", "WORK_TREE", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY")),
    "GIT_TERMINAL_PROMPT=0",
    "GIT_LFS_SKIP_SMUDGE=1",
    "LC_ALL=C",
    "git",
    "--no-optional-locks",
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "push.gpgSign=false"),
)
_LARGEST_BYTES = 1 << 24


def run_git(
    folder: Path,
    *words: str,
    content: bytes = b"",
    options: tuple[str, ...] = (),
    timeout_seconds: float = _LOCAL_SECONDS,
) -> Answer:
    """Return how git answers, failures too; its code is ``NOT_INSTALLED`` where there is no git.

    Args:
        folder: anywhere in a repository.
        words: the command and its arguments.
        content: what git reads on its standard input.
        options: of git itself, such as ``-c name=value``.
        timeout_seconds: when it is ended, with all that it started.
    """
    return ask_program([*_GIT, *options, "-C", str(folder), *words], content, timeout_seconds=timeout_seconds)


def asked_git(folder: Path, *words: str) -> AbstractContextManager[Callable[[float], Answer]]:
    """Return what starts git and waits for its answer when that is needed: see :func:`run_git`.

    Args:
        folder: anywhere in a repository.
        words: the command and its arguments.
    """
    return asked_program([*_GIT, "-C", str(folder), *words])


def reason(answer: Answer) -> str:
    """Return the line in which git says why it failed, in brackets; empty if it says nothing."""
    lines = [line.strip() for line in answer.errors.decode("utf-8", "replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", " ! [", "! [", "remote: error"))]
    return f" (git: {printable(clean_text((told or lines)[0])).rstrip('.')})" if lines else ""


def committed_tree(folder: Path, left_out: Path) -> str:
    """Return git's id of what a folder holds; empty unless all of it is committed as it is.

    The same files have the same id in every clone, unlike their times of change.

    Args:
        folder: anywhere in a work tree, or in none.
        left_out: a folder that does not count, if it lies within.
    """
    tree = run_git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./")
    return "" if tree.code or has_changes(folder, left_out) else tree.output.decode().strip()


def has_changes(folder: Path, left_out: Path) -> bool:
    """Return whether anything in a folder, but for another one within it, is not as it was committed."""
    paths = ["."]
    if folder.resolve() in left_out.resolve().parents:
        paths.append(f":(exclude,literal){left_out.resolve().relative_to(folder.resolve()).as_posix()}")
    status = run_git(folder, "status", "--porcelain", "-z", "--", *paths)
    return bool(status.code or status.output)


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
        raise ToolError(f"git cat-file failed in {folder} ({reason}). Fix the repository, or leave --since out.")
    return answer.output
