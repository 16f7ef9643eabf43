"""What git says changed in a dataset, asked beside other work.

Changed is what a pull request from here would change, and what is not committed yet: everything that differs from the
last common ancestor with a revision, and files that git does not know (ignored ones left out). A file that was renamed
counts under both names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from edgetrain.core.errors import DatasetError, SettingsError, ToolError
from edgetrain.core.git.program import NOT_INSTALLED, asked_git, reason
from edgetrain.core.system.processes import Answer

_TIMEOUT_SECONDS = 120
# Modes of plain files begin so, those of links and repositories do not.
_FILE_BEFORE = ":100"
_REMEDY = "Correct --since, or review everything without it."


@dataclass(frozen=True)
class GitChanges:
    """Names of changed, new and removed files, relative to the dataset, with forward slashes.

    ``folders`` are repositories inside the dataset, of which git only knows that something in them changed. ``before``
    are ids of what the files held that were there before, by name.
    """

    names: frozenset[str]
    folders: frozenset[str] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)

    def concern(self, name: str, image_name: str, filename: str = "") -> bool:
        """Return whether an annotation or its picture changed.

        Args:
            name: the annotation.
            image_name: its picture; empty if there is none, then one that was removed is looked for.
            filename: what the annotation calls its picture.
        """
        if name in self.names or image_name in self.names or self._is_inside(name, image_name):
            return True
        return not image_name and self._is_removed(PurePosixPath(name).stem, filename.replace("\\", "/"))

    def _is_inside(self, *names: str) -> bool:
        return bool(self.folders) and any(
            str(parent) in self.folders for name in names for parent in PurePosixPath(name).parents
        )

    def _is_removed(self, stem: str, filename: str) -> bool:
        return stem in self._stems or PurePosixPath(filename).name in self._own_names

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(PurePosixPath(name).stem for name in self.names)

    @cached_property
    def _own_names(self) -> frozenset[str]:
        return frozenset(PurePosixPath(name).name for name in self.names)


@contextmanager
def asked_changes(root: Path, revision: str) -> Iterator[AskedChanges]:
    """Ask git what changed in a dataset since a revision; other work can be done until the answer is needed.

    Args:
        root: the dataset's folder, anywhere in a repository.
        revision: what git calls a revision: a branch, tag or commit.

    Raises:
        SettingsError: the revision begins with "-", or git does not know it.
        DatasetError: the dataset is in no repository, or ignored by it.
        ToolError: git is missing, fails or does not end.
    """
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise SettingsError(f"--since {revision!r} is not a revision. Name a branch, a tag or a commit.")
    _require_repository(root)
    base = _common_ancestor(root, revision)
    diff = ("diff", "--raw", "--no-abbrev", "-z", "--no-renames", "--relative", "--no-ext-diff", "--no-textconv")
    unknown = ("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    with _question(root, *diff, base, "--", ".") as changed, _question(root, *unknown) as added:
        yield AskedChanges(root, changed, added)


@dataclass(frozen=True)
class AskedChanges:
    """What git is finding out: what it knows and what changed of that, and what is new to it."""

    root: Path
    changed: _Question
    added: _Question

    def answer(self) -> GitChanges:
        """Return what changed, once git is done; asked for once.

        Raises:
            ToolError: git fails or does not end.
        """
        answer = self.changed.parts()
        # For each file: ":MODE MODE ID ID STATUS", each two for before and after, and its name.
        facts = {name: fact.split() for fact, name in zip(answer[::2], answer[1::2])}
        before = {name: fact[2] for name, fact in facts.items() if fact[0].startswith(_FILE_BEFORE)}
        names = {*facts, *self.added.parts()}
        folders = {name.rstrip("/") for name in names if name.endswith("/") or (self.root / name).is_dir()}
        return GitChanges(frozenset(names), frozenset(folders), before)


def _require_repository(root: Path) -> None:
    if not root.is_dir():
        raise DatasetError(f"{root}: this folder does not exist. Name the dataset with --dataset.")
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside.code or inside.output.strip() != b"true":
        raise DatasetError(f"{root}: --since needs a dataset in a git repository{reason(inside)}. {_REMEDY}")
    if _git(root, "check-ignore", "--quiet", ".").code == 0:
        raise DatasetError(f"{root}: git ignores this folder (.gitignore), so --since sees no change. {_REMEDY}")


def _common_ancestor(root: Path, revision: str) -> str:
    """Return the commit from which this branch and a revision parted."""
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.code:
        raise SettingsError(f"--since {revision}: git knows no such revision in {root}. {_history_remedy(root)}")
    base = _git(root, "merge-base", os.fsdecode(found.output).strip(), "HEAD")
    if base.code:
        raise SettingsError(
            f"--since {revision}: it has no common ancestor with HEAD in {root}{reason(base)}. {_history_remedy(root)}"
        )
    return os.fsdecode(base.output).strip()


def _history_remedy(root: Path) -> str:
    if _git(root, "rev-parse", "--is-shallow-repository").output.strip() == b"true":
        return 'The clone is shallow: fetch the history ("git fetch --unshallow"; "fetch-depth: 0" of checkout).'
    return _REMEDY


def _git(root: Path, *words: str) -> Answer:
    with _question(root, *words) as question:
        return question.answer()


@contextmanager
def _question(root: Path, *words: str) -> Iterator[_Question]:
    with asked_git(root, *words) as waited_for:
        yield _Question(root, words[0], waited_for)


@dataclass(frozen=True)
class _Question:
    """A run of git beside this process, by the command that it was given."""

    root: Path
    command: str
    waited_for: Callable[[float], Answer]

    def answer(self) -> Answer:
        """Return how git ended and what it said.

        Raises:
            ToolError: git is missing, or does not end.
        """
        answer = self.waited_for(_TIMEOUT_SECONDS)
        if answer.code == NOT_INSTALLED:
            raise ToolError("git is not installed, and --since asks it. Install git, or leave --since out.")
        if answer.is_timed_out:
            raise ToolError(
                f"git {self.command} in {self.root} did not end within {_TIMEOUT_SECONDS} s. "
                "Fix that, or leave --since out."
            )
        return answer

    def parts(self) -> list[str]:
        """Return what git lists, names as they are.

        Raises:
            ToolError: git fails.
        """
        answer = self.answer()
        if answer.code:
            what = f"git {self.command} failed in {self.root}{reason(answer)}"
            raise ToolError(f"{what}. Fix the repository, or leave --since out.")
        return [os.fsdecode(part) for part in answer.output.split(b"\0") if part]
