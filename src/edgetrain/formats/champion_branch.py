"""The branch on which git keeps the champions: each commit is one, with its record, models and labels.

Objects are written directly, so no work tree and no index is touched. History is never rewritten: a rollback is a new
commit with the files of an earlier one. A branch that somebody else moves meanwhile is not overwritten.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.champion import Champion
from edgetrain.core.errors import GateError, SettingsError, ToolError
from edgetrain.core.files import json_text

RECORD_NAME = "champion.json"
_TIMEOUT_SECONDS = 300
_NOBODY = "0" * 40
_ORIGIN = re.compile(r"^Champion-Of: ([0-9a-f]{40,64})$", re.MULTILINE)
_CAREFUL = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_SIGNATURE = ("-c", "user.name=edgetrain", "-c", "user.email=edgetrain@localhost")


@dataclass(frozen=True)
class HeldChampion:
    """A champion and the commit that holds it."""

    commit: str
    champion: Champion


class ChampionBranch:
    """A branch of a repository, and of a remote one if it has a name."""

    def __init__(self, repository: Path, branch: str, remote: str = "") -> None:
        """Look at the branch as it is now.

        Raises:
            SettingsError: this is no name of a branch, or no repository.
            ToolError: git is missing, fails or does not end; the remote cannot be reached.
        """
        self._folder, self._branch, self._remote = repository, branch, remote
        if self._run("check-ref-format", f"refs/heads/{branch}").returncode or branch.startswith("-"):
            raise SettingsError(f"promote.champion {branch!r} is no name of a branch. Name one, such as champion.")
        inside = self._run("rev-parse", "--git-dir")
        if inside.returncode:
            raise SettingsError(
                f"{repository}: champions are kept in a git repository, and this is none ({_said(inside)}). "
                "Name one with promote.repository."
            )
        self._local = self._commit_of(f"refs/heads/{branch}")
        self.head = self._fetched() if remote else self._local

    def _fetched(self) -> str:
        listed = self._ask("ls-remote", "--heads", "--", self._remote, f"refs/heads/{self._branch}")
        if not listed:
            return ""
        self._ask("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self._remote, listed.split()[0])
        return listed.split()[0]

    def champion(self) -> HeldChampion | None:
        """Return who is the champion; ``None`` if there was never one.

        Raises:
            ModelError: what the branch holds is no champion's record.
        """
        return self._held(self.head) if self.head else None

    def _held(self, commit: str) -> HeldChampion:
        name = f"{self._branch}:{RECORD_NAME}"
        content = self._run("cat-file", "blob", f"{commit}:{RECORD_NAME}")
        text = "" if content.returncode else content.stdout.decode("utf-8", "replace")
        return HeldChampion(commit, Champion.from_text(text, name))

    def file(self, commit: str, name: str) -> bytes:
        """Return a file of a champion.

        Raises:
            ToolError: the commit has no such file.
        """
        return self._answer("cat-file", "blob", f"{commit}:{name}")

    def add(self, champion: Champion, files: Mapping[str, bytes]) -> str:
        """Make a model the champion, and return the commit.

        Raises:
            ToolError: git fails, or the branch moved meanwhile; nothing was promoted then.
        """
        contents = {RECORD_NAME: json_text(champion.to_json()).encode(), **files}
        blobs = {name: self._ask("hash-object", "-w", "--stdin", given=data) for name, data in contents.items()}
        rows = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in sorted(blobs.items()))
        tree = self._ask("mktree", given=rows.encode())
        return self._advance(tree, f"Promote the model of dataset {champion.revision[:12] or 'unknown'}")

    def roll_back(self) -> tuple[HeldChampion, str]:
        """Make the champion before the present one the champion again; return it and the new commit.

        A second rollback goes one further back.

        Raises:
            GateError: there was none before.
            ToolError: git fails, or the branch moved meanwhile.
        """
        if not self.head:
            raise GateError(f"promote: {self._branch} holds no champion, so there is none to go back to.")
        message = self._ask("log", "-1", "--format=%B", self.head)
        origin = _ORIGIN.search(message)
        before = self._commit_of(f"{origin[1] if origin else self.head}^1")
        while before and (match := _ORIGIN.search(self._ask("log", "-1", "--format=%B", before))):
            before = match[1]
        if not before:
            raise GateError(
                f"promote: the champion of {self._branch} is the first one, so there is none to go back to."
            )
        held = self._held(before)
        tree = self._ask("rev-parse", f"{before}^{{tree}}")
        text = f"Roll back to the model of dataset {held.champion.revision[:12]}\n\nChampion-Of: {before}"
        return held, self._advance(tree, text)

    def _advance(self, tree: str, message: str) -> str:
        """Move the branch, here and at the remote, to a new commit after the present one."""
        parent = ["-p", self.head] if self.head else []
        # Without a name of the user's own, git refuses to commit.
        signature = () if self._run("config", "user.email").stdout else _SIGNATURE
        commit = self._ask(*signature, "commit-tree", tree, *parent, given=message.encode())
        ref = f"refs/heads/{self._branch}"
        if self._remote:
            lease = f"--force-with-lease={ref}:{self.head}"
            pushed = self._run("push", "--quiet", "--no-verify", lease, "--", self._remote, f"{commit}:{ref}")
            if pushed.returncode:
                raise ToolError(
                    f"promote: {self._remote} did not take {self._branch} ({_said(pushed)}). Nothing was promoted. "
                    "Mend that (access rights, or somebody else's promotion), then run it again."
                )
        moved = self._run("update-ref", "-m", "edgetrain promote", ref, commit, self._local or _NOBODY)
        if moved.returncode and not self._remote:
            raise ToolError(
                f"promote: {self._branch} moved meanwhile ({_said(moved)}). Nothing was promoted. Run it again."
            )
        self.head = self._local = commit
        return commit

    def _commit_of(self, revision: str) -> str:
        found = self._run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return "" if found.returncode else found.stdout.decode().strip()

    def _ask(self, *words: str, given: bytes = b"") -> str:
        return self._answer(*words, given=given).decode("utf-8", "replace").strip()

    def _answer(self, *words: str, given: bytes = b"") -> bytes:
        answer = self._run(*words, given=given)
        if answer.returncode:
            raise ToolError(
                f"git {' '.join(words)} failed in {self._folder} ({_said(answer)}). Mend that, then run it again."
            )
        return answer.stdout

    def _run(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return run_git(self._folder, *words, given=given)


def run_git(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Return how git ended and what it said; it asks nobody and runs no hooks.

    Raises:
        ToolError: git is missing or does not end.
    """
    try:
        return subprocess.run(  # noqa: S603 - the arguments are a list; what is given never begins with "-"
            ["env", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "git", *_CAREFUL, *words],  # noqa: S607 - the user's own git
            cwd=folder,
            input=given,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"git {' '.join(words)} in {folder}: {error}. Mend that, then run it again.") from error


def _said(answer: subprocess.CompletedProcess[bytes]) -> str:
    lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {answer.returncode}"
