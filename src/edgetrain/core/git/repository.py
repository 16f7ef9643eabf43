"""One git repository, read and written by plumbing commands only: no checkout, index or work tree is ever touched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import GitError
from edgetrain.core.git.program import NOT_INSTALLED, has_changes, reason, run_git
from edgetrain.core.system.processes import Answer

_LOCAL_SECONDS, _NETWORK_SECONDS = 120, 600
_NETWORK = ("fetch", "ls-remote", "push")
_IDENTITY = ("-c", "user.name=edgetrain", "-c", "user.email=edgetrain@localhost")


@dataclass(frozen=True)
class Need:
    """What a repository is needed for, as messages name it: a noun, and the setting that names another repository."""

    noun: str
    setting: str


@dataclass(frozen=True)
class WorkTreeState:
    """The commit that a folder stands at (``None``: nothing was committed), and if nothing in it differs from that."""

    revision: str | None
    is_clean: bool


# Of a folder whose state is asked for no message is shown.
_STATE = Need("the state of a folder", "--dataset")


class GitRepository:
    """The repository that a folder lies in, bare ones too."""

    def __init__(self, folder: Path, need: Need) -> None:
        """Open it.

        Args:
            folder: anywhere in the repository.
            need: for the messages.

        Raises:
            GitError: the folder is missing, in no repository, or git refuses to look at it.
        """
        self.folder, self._need = folder, need
        opened = self.attempt("rev-parse", "--git-dir")
        if not opened.code:
            return
        if b"dubious ownership" in opened.errors:
            remedy = f'If you trust it, run "git config --global --add safe.directory {folder}".'
        elif not folder.is_dir():
            remedy = f"Correct {need.setting} or --dataset."
        else:
            remedy = f'Put the dataset under git ("git init"), or name a repository in {need.setting}.'
        raise GitError(f"{folder}: {need.noun} needs a git repository{reason(opened)}. {remedy}")

    def attempt(self, *words: str, content: bytes = b"", options: tuple[str, ...] = ()) -> Answer:
        """Return how git answers, failures too.

        Args:
            words: the command and its arguments.
            content: what git reads on its standard input.
            options: of git itself, such as ``-c name=value``.

        Raises:
            GitError: git is missing, or did not end in time.
        """
        seconds = _NETWORK_SECONDS if words[0] in _NETWORK else _LOCAL_SECONDS
        answer = run_git(self.folder, *words, content=content, options=options, timeout_seconds=seconds)
        if answer.code == NOT_INSTALLED:
            raise GitError(f"git is not installed, and {self._need.noun} lies in git. Install git.")
        if answer.is_timed_out:
            raise GitError(
                f"git {words[0]} in {self.folder} did not end within {seconds} s. Fix the repository or the network."
            )
        return answer

    def ask(self, *words: str, content: bytes = b"", options: tuple[str, ...] = ()) -> bytes:
        """Return what git answers.

        Raises:
            GitError: git fails.
        """
        answer = self.attempt(*words, content=content, options=options)
        if answer.code:
            raise GitError(f"git {words[0]} failed in {self.folder}{reason(answer)}. Fix the repository.")
        return answer.output

    def commit_of(self, revision: str) -> str:
        """Return the commit that a revision names, empty if there is none."""
        if revision.startswith("-"):
            return ""
        found = self.attempt("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return "" if found.code else found.output.decode().strip()

    def blobs(self, commit: str) -> dict[str, str]:
        """Return the ids of the files at the top of a commit, by name."""
        entries = (entry.split(b"\t", 1) for entry in self.ask("ls-tree", "-z", commit).split(b"\0") if entry)
        fields = ((os.fsdecode(name), head.decode().split()) for head, name in entries)
        return {name: blob for name, (_, kind, blob) in fields if kind == "blob"}

    def content(self, blob: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            GitError: they are missing.
        """
        return self.ask("cat-file", "blob", blob)

    def write_tree(self, files: Mapping[str, bytes]) -> str:
        """Return the id of a folder of files, written into the repository but in no branch yet."""
        lines = []
        for name, content in sorted(files.items()):
            blob = self.ask("hash-object", "-w", "--stdin", content=content).decode().strip()
            lines.append(f"100644 blob {blob}\t{name}\n")
        return self.ask("mktree", content="".join(lines).encode()).decode().strip()

    def write_commit(self, tree: str, parent: str, message: str) -> str:
        """Return the id of a new commit that no branch holds yet.

        Args:
            tree: its files.
            parent: the commit before, empty for the first one.
            message: subject, empty line, body.
        """
        words = ("commit-tree", tree, *(("-p", parent) if parent else ()), "-F", "-")
        is_known = not self.attempt("var", "GIT_COMMITTER_IDENT", options=("-c", "user.useConfigOnly=true")).code
        options = () if is_known else _IDENTITY
        return self.ask(*words, content=message.encode(errors="replace"), options=options).decode().strip()

    def work_tree_of(self, branch: str) -> str:
        """Return the work tree in which a branch is checked out, empty if none has it."""
        folder = ""
        for line in os.fsdecode(self.ask("worktree", "list", "--porcelain")).splitlines():
            if line.startswith("worktree "):
                folder = line.partition(" ")[2]
            if line == f"branch refs/heads/{branch}":
                return folder
        return ""

    def is_shallow(self) -> bool:
        """Return whether the history was cut when the repository was cloned."""
        return self.ask("rev-parse", "--is-shallow-repository").strip() == b"true"


def work_tree_state(folder: Path, left_out: Path) -> WorkTreeState:
    """Return which commit a folder stands at.

    Args:
        folder: anywhere in a work tree, or in none.
        left_out: a folder that does not count, if it lies within.
    """
    try:
        repository = GitRepository(folder, _STATE)
    except GitError:
        return WorkTreeState(None, is_clean=False)
    revision = repository.commit_of("HEAD")
    return WorkTreeState(revision or None, is_clean=bool(revision) and not has_changes(folder, left_out))
