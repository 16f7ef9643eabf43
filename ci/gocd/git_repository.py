"""Git as GoCD's materials use it: a repository, its commits, what they changed, a checkout of one with all it needs.

The rehearsal only ever works on bare copies of its own: whatever a job pushes ends there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import SettingsError, ToolError
from edgetrain.core.git.program import NOT_INSTALLED, run_git

_TIMEOUT_SECONDS = 3600  # a dataset may be large
_OPTIONS = ("-c", "advice.detachedHead=false")
_IDENTITY = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@example.invalid", "-c", "commit.gpgSign=false")


_ATTRIBUTES = ":(glob)**/.gitattributes"


@dataclass(frozen=True)
class GitRepository:
    """A bare repository; ``source`` is what it was copied from, as a person named it."""

    path: Path
    source: str

    def newest(self, branch: str) -> str:
        """Return the newest commit of a branch.

        Raises:
            SettingsError: there is no such branch.
        """
        found = _git(self.path, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}", may_fail=True)
        if not found:
            names = _git(self.path, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
            there = ", ".join(names) or "none"
            raise SettingsError(f'{self.source}: there is no branch "{branch}" (it has: {there}). Correct the branch.')
        return found.strip()

    def commits(self, newest: str, after: str) -> list[str]:
        """Return the commits that came after an earlier one, newest first; the newest alone if that is unknown."""
        if not after or not _git(self.path, "rev-parse", "--verify", "--quiet", f"{after}^{{commit}}", may_fail=True):
            return [newest]
        return _git(self.path, "rev-list", f"{after}..{newest}").split()

    def changed_files(self, commits: Sequence[str]) -> list[str]:
        """Return the names of all files that commits changed, sorted."""
        names: set[str] = set()
        for commit in commits:
            listed = _git(self.path, "diff-tree", "--root", "-r", "-c", "--no-commit-id", "--name-only", "-z", commit)
            names.update(name for name in listed.split("\0") if name)
        return sorted(names)

    def check_out(self, branch: str, commit: str, folder: Path) -> list[str]:
        """Clone the repository into a folder that does not exist, and put a branch on a commit.

        As on an agent, submodules are fetched, and what Git LFS keeps if ``git-lfs`` is installed.

        Returns:
            What else was fetched, or was not, a sentence for each.

        Raises:
            ToolError: git fails.
        """
        _git(self.path, "clone", "--quiet", "--branch", branch, "--", str(self.path), str(folder))
        _git(folder, "reset", "--quiet", "--hard", commit)
        return [*self._fetch_submodules(folder), *self._fetch_lfs(folder)]

    def _fetch_submodules(self, folder: Path) -> Iterator[str]:
        if not (folder / ".gitmodules").is_file():
            return
        # "../images.git" is meant from where the repository came from, not from this copy of it.
        _git(folder, "config", "remote.origin.url", self._origin())
        _git(folder, "submodule", "--quiet", "init")
        _git(folder, "config", "remote.origin.url", str(self.path))
        # Git does not follow a submodule to a folder unless told: here the user named the repository.
        _git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
        names = _git(folder, "submodule", "--quiet", "foreach", "--quiet", 'echo "$sm_path"').split("\n")
        yield f"Submodules: {', '.join(filter(None, names))}"

    def _fetch_lfs(self, folder: Path) -> Iterator[str]:
        tracked = _git(folder, "grep", "--files-with-matches", "-e", "filter=lfs", "--", _ATTRIBUTES, may_fail=True)
        if not tracked:
            return
        if shutil.which("git-lfs") is None:
            yield "git-lfs is not installed here: pointers stand in place of its files, as on an agent without it."
            return
        _git(folder, "lfs", "install", "--local", "--skip-repo")
        _git(folder, "-c", f"lfs.url={self._lfs_address()}", "lfs", "pull")
        yield f"Git LFS: {len(_git(folder, 'lfs', 'ls-files', '--name-only').splitlines())} files"

    def _origin(self) -> str:
        """Return the address of what was copied; that of this copy where a plain folder was."""
        place = Path(self.source)
        if place.is_dir():
            return str(place.resolve()) if is_repository(place) else str(self.path)
        return self.source

    def _lfs_address(self) -> str:
        """Return where the files of Git LFS are asked for: https://github.com/git-lfs/git-lfs/blob/main/docs/api."""
        origin = self._origin()
        if Path(origin).is_dir():
            return f"file://{origin}"
        return f"{origin.rstrip('/').removesuffix('.git')}.git/info/lfs"


def copied_repository(path: Path, source: str, refs: str) -> GitRepository:
    """Return a bare copy that holds what the source has now.

    Args:
        path: of the copy, made or brought up to date.
        source: path or URL of a repository.
        refs: which ones, as git's refspec.

    Raises:
        ToolError: git fails.
    """
    _git(None, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    _git(path, "fetch", "--quiet", "--prune", "--no-tags", "--update-head-ok", "--", source, refs)
    return GitRepository(path, source)


def committed_folder(path: Path, folder: Path, branch: str) -> GitRepository:
    """Return a bare repository whose branch holds a plain folder as it is now; a new commit only if that changed.

    Raises:
        ToolError: git fails, as it does where the folder has no file.
    """
    _git(None, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(path))
    _git(path, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    exact = ("-c", "core.bare=false", "-c", "core.autocrlf=false", "-c", "core.excludesFile=")
    at = ("--git-dir", str(path), "--work-tree", str(folder), *exact)
    _git(folder, *at, "add", "--all", "--", ".")
    if _git(folder, *at, "status", "--porcelain", "--untracked-files=no"):
        _git(folder, *at, *_IDENTITY, "commit", "--quiet", "--message", f"{folder.name} as it is")
    return GitRepository(path, str(folder))


def is_repository(path: Path) -> bool:
    """Return whether a folder is a repository of its own, with files or bare; one inside a repository is not."""
    if not path.is_dir():
        return False
    if _git(path, "rev-parse", "--is-bare-repository", may_fail=True).strip() == "true":
        return (path / "objects").is_dir()
    top = _git(path, "rev-parse", "--show-toplevel", may_fail=True).rstrip("\n")
    return bool(top) and Path(top).resolve() == path.resolve()


def uncommitted(path: Path) -> list[str]:
    """Return the files of a repository that are not as they were committed."""
    listed = _git(path, "status", "--porcelain", "-z", "--no-renames", may_fail=True)
    return [entry[3:] for entry in listed.split("\0") if entry]


def _git(path: Path | None, *words: str, may_fail: bool = False) -> str:
    """Return what git answers; an empty text where it fails and may.

    Raises:
        ToolError: git is missing, fails or does not end.
    """
    answer = run_git(path or Path(), *words, options=_OPTIONS, timeout_seconds=_TIMEOUT_SECONDS)
    if answer.code == NOT_INSTALLED:
        raise ToolError("git is not installed, and materials are git repositories. Install git.")
    if answer.is_timed_out:
        raise ToolError(f"git {words[0]}: no end after {_TIMEOUT_SECONDS} s. Try with a smaller repository.")
    if answer.code and not may_fail:
        said = answer.errors.decode("utf-8", "replace").strip().splitlines() or [f"exit code {answer.code}"]
        raise ToolError(f"git cannot do this: {' '.join(words[:3])} …: {said[-1]} Fix that, and rehearse again.")
    return "" if answer.code else os.fsdecode(answer.output)
