"""What git says of files: held as committed, changed since, or unknown to it."""

from __future__ import annotations

import subprocess

import pytest

from edgetrain.core.git.program import GitFiles, git_files


@pytest.fixture
def git(tmp_path):
    """Return a function that runs git in a new repository."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    return git


def test_committed_changed_and_foreign_files_are_told_apart(git, tmp_path):
    folder = tmp_path / "d\u00e9"
    folder.mkdir()
    for name in ("held \u00fc", "changed", "staged", "foreign"):
        (folder / name).write_text("1")
    git("add", "d\u00e9/held \u00fc", "d\u00e9/changed")
    git("commit", "-m", "1")
    git("add", "d\u00e9/staged")
    (folder / "changed").write_text("2")

    assert git_files(folder) == GitFiles(frozenset({"held \u00fc"}), frozenset({"changed", "staged"}))


def test_before_the_first_commit_every_tracked_file_is_changed(git, tmp_path):
    (tmp_path / "a").touch()
    git("add", "a")

    assert git_files(tmp_path) == GitFiles(frozenset(), frozenset({"a"}))


def test_without_a_repository_git_holds_nothing(tmp_path):
    assert git_files(tmp_path) == GitFiles(frozenset(), frozenset())
