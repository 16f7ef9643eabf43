"""What git says changed in a dataset: the only door to git.

Changed is what a pull request from here would change, and what is not committed yet: everything that differs from the
last common ancestor with a revision, and files that git does not know (ignored ones left out). A file that was renamed
counts under both names.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetrain.core.errors import DatasetError, SettingsError, ToolError

_TIMEOUT_SECONDS = 120
_REMEDY = "Correct --since, or review everything without it."


@dataclass(frozen=True)
class GitChanges:
    """Names of changed, new and removed files, relative to the dataset, with forward slashes.

    ``folders`` are repositories inside the dataset, of which git only knows that something in them changed.
    """

    names: frozenset[str]
    folders: frozenset[str] = frozenset()

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
        paths = (PurePosixPath(name) for name in self.names)
        return any(path.stem == stem or path.name == PurePosixPath(filename).name for path in paths)


def find_changes(root: Path, revision: str) -> GitChanges:
    """Return what changed in a dataset since a revision.

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
    diff = ("diff", "--name-only", "-z", "--no-renames", "--relative", "--no-ext-diff", "--no-textconv")
    changed = _names(_ask(root, *diff, base, "--", "."))
    unknown = _names(_ask(root, "ls-files", "--others", "--exclude-standard", "-z", "--", "."))
    names = changed | unknown
    folders = {name.rstrip("/") for name in names if name.endswith("/") or (root / name).is_dir()}
    return GitChanges(frozenset(names), frozenset(folders))


def _require_repository(root: Path) -> None:
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode or inside.stdout.strip() != b"true":
        raise DatasetError(f"{root}: --since needs a dataset in a git repository{_reason(inside)}. {_REMEDY}")
    if _git(root, "check-ignore", "--quiet", ".").returncode == 0:
        raise DatasetError(f"{root}: git ignores this folder (.gitignore), so --since sees no change. {_REMEDY}")


def _common_ancestor(root: Path, revision: str) -> str:
    """Return the commit from which this branch and a revision parted."""
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise SettingsError(f"--since {revision}: git knows no such revision in {root}. {_history_remedy(root)}")
    base = _git(root, "merge-base", os.fsdecode(found.stdout).strip(), "HEAD")
    if base.returncode:
        raise SettingsError(
            f"--since {revision}: it has no common ancestor with HEAD in {root}{_reason(base)}. {_history_remedy(root)}"
        )
    return os.fsdecode(base.stdout).strip()


def _history_remedy(root: Path) -> str:
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        return 'The clone is shallow: fetch the history ("git fetch --unshallow"; "fetch-depth: 0" of checkout).'
    return _REMEDY


def _ask(root: Path, *words: str) -> bytes:
    """Return what git answers.

    Raises:
        ToolError: git fails.
    """
    answer = _git(root, *words)
    if answer.returncode:
        raise ToolError(f"git {words[0]} failed in {root}{_reason(answer)}. Mend the repository, or leave --since out.")
    return answer.stdout


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - the arguments are a list; a revision never begins with "-"
            ["git", "-c", "core.fsmonitor=false", *words],  # noqa: S607 - the user's own git
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except FileNotFoundError as error:
        if not root.is_dir():
            raise DatasetError(f"{root}: there is no such folder. Name the dataset with --dataset.") from error
        raise ToolError("git is not installed, and --since asks it. Install git, or leave --since out.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"git {words[0]} in {root}: {error}. Mend that, or leave --since out.") from error


def _reason(answer: subprocess.CompletedProcess[bytes]) -> str:
    """Return the first line that git wrote, in brackets; empty if it wrote none."""
    lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
    return f" (git: {lines[0].rstrip('.')})" if lines else ""


def _names(answer: bytes) -> set[str]:
    return {os.fsdecode(name) for name in answer.split(b"\0") if name}
