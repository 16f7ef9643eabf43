"""What git says changed in a dataset, asked of real repositories."""

from __future__ import annotations

import subprocess

import pytest

from edgetrain.core.errors import DatasetError, SettingsError, ToolError
from edgetrain.core.git import changes as git_changes
from edgetrain.core.git.changes import GitChanges, asked_changes


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    ran = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)
    return ran.stdout.decode().strip()


def find_changes(root, revision):
    """Return what changed in a dataset since a revision."""
    with asked_changes(root, revision) as asked:
        return asked.answer()


def write(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def repository(tmp_path):
    """Return a repository whose folder ``data`` holds three files, committed on ``main``."""
    top = tmp_path / "top"
    for name in ("data/a.xml", "data/b.xml", "data/c.jpg", "readme"):
        write(top / name, name)
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    return top


def test_committed_staged_unsaved_and_unknown_files_changed(repository):
    git(repository, "checkout", "-qb", "work")
    write(repository / "data" / "a.xml", "committed")
    git(repository, "commit", "-qam", "second")
    write(repository / "data" / "sub" / "ä\n.xml", "staged")
    git(repository, "add", ".")
    write(repository / "data" / "b.xml", "not staged")
    write(repository / "data" / "new.xml")
    write(repository / "readme", "outside the dataset")

    assert find_changes(repository / "data", "main").names == {"a.xml", "b.xml", "new.xml", "sub/ä\n.xml"}


def test_what_others_changed_since_is_not_ours(repository):
    git(repository, "branch", "work")
    write(repository / "data" / "a.xml", "theirs")
    git(repository, "commit", "-qam", "theirs")
    git(repository, "checkout", "-q", "work")
    write(repository / "data" / "b.xml", "ours")

    assert find_changes(repository / "data", "main").names == {"b.xml"}


def test_a_renamed_file_counts_under_both_names_and_a_removed_one(repository):
    git(repository, "mv", "data/a.xml", "data/z.xml")
    (repository / "data" / "c.jpg").unlink()

    assert find_changes(repository / "data", "HEAD").names == {"a.xml", "z.xml", "c.jpg"}


def test_the_dataset_may_be_the_repository(repository):
    write(repository / "data" / "a.xml", "changed")

    assert find_changes(repository, "HEAD").names == {"data/a.xml"}


def test_ignored_files_are_no_change(repository):
    write(repository / "data" / ".gitignore", "*.tmp\n.gitignore\n")
    write(repository / "data" / "a.tmp")

    assert find_changes(repository / "data", "HEAD") == GitChanges(frozenset())


def test_files_of_a_repository_inside_are_all_changed(repository):
    write(repository / "data" / "inner" / "a.xml")
    git(repository / "data" / "inner", "init", "-q")

    changes = find_changes(repository / "data", "HEAD")

    assert changes.concern("inner/a.xml", "")
    assert not changes.concern("b.xml", "c.jpg")


@pytest.mark.parametrize("revision", ["-x", "--output=stolen", "", "a\nb"])
def test_what_is_no_revision_is_refused(repository, revision):
    with pytest.raises(SettingsError, match=r"is not a revision\. Name a branch"):
        find_changes(repository / "data", revision)
    assert not (repository / "data" / "stolen").exists()


def test_an_unknown_revision_is_told(repository):
    with pytest.raises(SettingsError, match=r"--since mian: git knows no such revision in .*Correct --since"):
        find_changes(repository / "data", "mian")


def test_a_shallow_clone_says_how_to_get_the_history(repository, tmp_path):
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-qm", "second", "--allow-empty")
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "shallow")

    with pytest.raises(SettingsError, match=r"The clone is shallow: .*fetch-depth: 0"):
        find_changes(tmp_path / "shallow" / "data", first)


def test_a_revision_without_a_common_ancestor_is_told(repository):
    git(repository, "checkout", "-q", "--orphan", "other")
    git(repository, "commit", "-qm", "other")

    with pytest.raises(SettingsError, match="no common ancestor with HEAD"):
        find_changes(repository / "data", "main")


def test_a_folder_outside_any_repository_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"needs a dataset in a git repository \(git: .*not a git repository"):
        find_changes(tmp_path, "main")


def test_an_ignored_dataset_is_told(repository):
    write(repository / ".gitignore", "build/\n")
    write(repository / "build" / "a.xml")

    with pytest.raises(DatasetError, match="git ignores this folder"):
        find_changes(repository / "build", "HEAD")


def test_a_missing_git_is_told(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolError, match=r"git is not installed.*leave --since out"):
        find_changes(repository / "data", "HEAD")


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(DatasetError, match="this folder does not exist"):
        find_changes(tmp_path / "nowhere", "HEAD")


def test_a_git_that_does_not_end_is_told(repository, monkeypatch):
    monkeypatch.setattr(git_changes, "_TIMEOUT_SECONDS", 0)

    with pytest.raises(ToolError, match="did not end within 0 s"):
        find_changes(repository / "data", "HEAD")


def test_a_git_that_fails_is_told(repository):
    (repository / ".git" / "index").write_bytes(b"broken")

    with pytest.raises((ToolError, DatasetError), match="git"):
        find_changes(repository / "data", "HEAD")


@pytest.mark.parametrize(
    ("name", "image_name", "filename", "expected"),
    [
        pytest.param("annotations/a.xml", "images/a.jpg", "a.jpg", True, id="annotation"),
        pytest.param("annotations/b.xml", "images/b.jpg", "b.jpg", True, id="picture"),
        pytest.param("annotations/d.xml", "images/d.jpg", "b.jpg", False, id="neither"),
        pytest.param("annotations/b.xml", "", "", True, id="removed picture by the annotation's name"),
        pytest.param("annotations/d.xml", "", "C:\\b.jpg", True, id="removed picture by filename"),
        pytest.param("annotations/d.xml", "", "d.jpg", False, id="picture that never was"),
    ],
)
def test_an_annotation_is_concerned_by_its_own_files(name, image_name, filename, expected):
    changes = GitChanges(frozenset({"annotations/a.xml", "images/b.jpg"}))

    assert changes.concern(name, image_name, filename) is expected
