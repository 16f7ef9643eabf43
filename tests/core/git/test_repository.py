"""The door to git that writes: what it leaves alone, and what it says when git refuses."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import GitError
from edgetrain.core.git import repository as git_repository
from edgetrain.core.git.repository import GitRepository, Need, work_tree_state
from tests.support.git_commands import git, new_repository

NEED = Need("the champion's record", "promote.repository")


@pytest.fixture
def folder(tmp_path):
    return new_repository(tmp_path / "repository")


@pytest.fixture
def outside(tmp_path):
    return tmp_path / "build"


def test_files_are_written_as_they_are_and_nothing_else_changes(folder):
    """Line ends are not converted, whatever .gitattributes say."""
    (folder / ".gitattributes").write_text("* text eol=crlf\n")
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    repository = GitRepository(folder, NEED)

    commit = repository.write_commit(repository.write_tree({"a": b"1\n2\r\n", "b": b"\0"}), "", "subject\n\nbody\n")

    blobs = repository.blobs(commit)
    assert {name: repository.content(blob) for name, blob in blobs.items()} == {"a": b"1\n2\r\n", "b": b"\0"}
    assert git(folder, "log", "-1", "--format=%B", commit) == "subject\n\nbody"
    assert {path: path.read_bytes() for path in before} == before
    assert git(folder, "status", "--porcelain") == "?? .gitattributes"


@pytest.mark.parametrize(
    ("name", "expected"),
    [pytest.param("", "edgetrain <edgetrain@localhost>", id="none"), pytest.param("Ann", "Ann <a@b>", id="configured")],
)
def test_the_committer_is_the_configured_one_or_edgetrain(folder, monkeypatch, name, expected):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(variable, raising=False)
    for key in ("name", "email") if name else ():
        git(folder, "config", f"user.{key}", {"name": name, "email": "a@b"}[key])
    repository = GitRepository(folder, NEED)

    commit = repository.write_commit(repository.write_tree({}), "", "x")

    assert git(folder, "log", "-1", "--format=%an <%ae>", commit) == expected
    assert git(folder, "log", "-1", "--format=%cn <%ce>", commit) == expected


def test_the_environment_of_a_hook_does_not_lead_elsewhere(folder, tmp_path, monkeypatch):
    other = new_repository(tmp_path / "other")
    git(other, "commit", "-qm", "second", "--allow-empty")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))

    found = GitRepository(folder, NEED).commit_of("HEAD")

    monkeypatch.delenv("GIT_DIR")
    assert found == git(folder, "rev-parse", "HEAD")


def test_a_folder_outside_any_repository_is_told(tmp_path):
    with pytest.raises(GitError, match=r'needs a git repository \(git: fatal: not a git.*"git init"'):
        GitRepository(tmp_path, NEED)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(GitError, match=r"nowhere: .*Correct promote\.repository or --dataset\."):
        GitRepository(tmp_path / "nowhere", NEED)


def test_a_repository_of_somebody_else_is_told(folder, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(GitError, match=r"dubious ownership.*--add safe\.directory .*repository"):
        GitRepository(folder, NEED)


def test_a_missing_git_is_told(folder, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    with pytest.raises(GitError, match=r"git is not installed.*Install git\."):
        GitRepository(folder, NEED)


def test_a_git_that_does_not_end_is_told(folder, monkeypatch):
    monkeypatch.setattr(git_repository, "_LOCAL_SECONDS", 0)

    with pytest.raises(GitError, match="did not end within 0 s"):
        GitRepository(folder, NEED)


def test_a_failure_says_what_git_says(folder):
    with pytest.raises(GitError, match=r"git cat-file failed in .* \(git: fatal: .*\)\. Fix the repository\."):
        GitRepository(folder, NEED).content("0" * 40)


def test_an_option_is_no_revision(folder):
    assert GitRepository(folder, NEED).commit_of("--all") == ""


@pytest.mark.parametrize(
    ("change", "is_clean"),
    [
        pytest.param(None, True, id="as committed"),
        pytest.param("annotations/a.xml", False, id="changed"),
        pytest.param("annotations/b.xml", False, id="new"),
        pytest.param("readme", True, id="outside the dataset"),
        pytest.param("annotations/build/x", True, id="the workspace"),
    ],
)
def test_the_state_of_a_dataset(folder, change, is_clean):
    if change:
        (folder / change).parent.mkdir(exist_ok=True)
        (folder / change).write_text("changed")

    state = work_tree_state(folder / "annotations", folder / "annotations" / "build")

    assert state.revision == git(folder, "rev-parse", "HEAD")
    assert state.is_clean is is_clean


def test_a_detached_head_has_a_revision(folder, outside):
    git(folder, "checkout", "-q", "--detach")

    assert work_tree_state(folder, outside).revision == git(folder, "rev-parse", "HEAD")


def test_a_dataset_that_was_never_committed_has_none(tmp_path, outside):
    git(tmp_path, "init", "-q", "empty")

    assert work_tree_state(tmp_path / "empty", outside).revision is None
    assert work_tree_state(tmp_path, outside).is_clean is False
