"""Git's own word for a folder: the same in every clone, and none where something is not committed."""

from __future__ import annotations

import subprocess

import pytest

from edgetrain.core.git.program import committed_tree


def git(folder, *words):
    """Run git with a name of its own."""
    named = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def dataset(tmp_path):
    """Return a committed folder in a repository that holds another file, too."""
    root = tmp_path / "repository"
    (root / "dataset").mkdir(parents=True)
    (root / "dataset" / "a.xml").write_text("12")
    (root / "README").write_text("words")
    git(tmp_path, "init", "--quiet", str(root))
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "all")
    return root / "dataset"


def test_a_clone_has_the_same_tree(dataset, tmp_path):
    git(tmp_path, "clone", "--quiet", str(dataset.parent), "clone")

    trees = {committed_tree(folder, tmp_path / "build") for folder in (dataset, tmp_path / "clone" / "dataset")}

    assert trees == {git(dataset, "rev-parse", "HEAD:dataset")}


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        pytest.param("dataset/a.xml", False, id="an edit of the same size"),
        pytest.param("dataset/b.xml", False, id="a new file"),
        pytest.param("README", True, id="elsewhere"),
        pytest.param("dataset/build/report", True, id="in the workspace"),
    ],
)
def test_what_is_not_committed_has_no_tree(dataset, name, is_told):
    path = dataset.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("34")

    assert bool(committed_tree(dataset, dataset / "build")) is is_told


def test_a_folder_without_git_has_no_tree(tmp_path):
    assert committed_tree(tmp_path, tmp_path / "build") == ""
