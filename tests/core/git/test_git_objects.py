"""What git holds of former files is read from real repositories, whatever the files are called."""

from __future__ import annotations

import functools
import subprocess

import pytest

from edgetrain.core.errors import ToolError
from edgetrain.core.git import program as git_objects
from edgetrain.core.git.program import read_blobs, run_git


@pytest.fixture
def hold(tmp_path):
    """Return a function that gives a new repository some content and returns its id."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    def hold(data):
        command = ["git", "hash-object", "-w", "--stdin"]
        return subprocess.run(command, cwd=tmp_path, input=data, capture_output=True, check=True).stdout.decode()[:-1]

    return hold


def test_contents_come_back_byte_for_byte(hold, tmp_path):
    contents = {"a": b"", "$(b)\n": b"one\n\ntwo\n", "c": bytes(range(256)), "again": b""}

    assert read_blobs(tmp_path, {name: hold(data) for name, data in contents.items()}) == contents


def test_of_nothing_nothing_is_asked(tmp_path):
    assert read_blobs(tmp_path / "no repository", {}) == {}


def test_a_huge_file_is_left_out(hold, tmp_path, monkeypatch):
    monkeypatch.setattr(git_objects, "_LARGEST_BYTES", 3)

    assert read_blobs(tmp_path, {"a": hold(b"123"), "b": hold(b"1234")}) == {"a": b"123"}


def test_content_that_git_lacks_is_told(hold, tmp_path):
    with pytest.raises(ToolError, match=r"git has no content for 0{40}, .*git fetch --refetch"):
        read_blobs(tmp_path, {"a": hold(b"1"), "b": "0" * 40})


def test_a_folder_outside_any_repository_is_told(tmp_path):
    with pytest.raises(ToolError, match=r"git cat-file failed in .*Fix the repository"):
        read_blobs(tmp_path, {"a": "0" * 40})


def test_a_git_that_does_not_end_is_told(hold, tmp_path, monkeypatch):
    monkeypatch.setattr(git_objects, "run_git", functools.partial(run_git, timeout_seconds=0))

    with pytest.raises(ToolError, match="it did not end in time"):
        read_blobs(tmp_path, {"a": hold(b"1")})
