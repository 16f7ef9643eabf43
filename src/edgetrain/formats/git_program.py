"""The program ``git``, asked so that nobody else is: no terminal, no prompt, no hooks, a limit of time.

What a calling git has put into the environment (a hook's ``GIT_DIR``, ``GIT_INDEX_FILE``, …) does not count: the
folder's own repository does.
"""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.processes import Answer, ask_program

NOT_INSTALLED = 127
_LOCAL_SECONDS = 120
_GIT = (
    "env",
    *(f"--unset=GIT_{name}" for name in ("DIR", "WORK_TREE", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY")),
    "GIT_TERMINAL_PROMPT=0",
    "LC_ALL=C",
    "git",
    "--no-optional-locks",
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "push.gpgSign=false"),
)


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
