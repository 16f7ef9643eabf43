"""Pointers in place of content: told from content, and one message with the command that brings it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrain.core.errors import UnfetchedError
from edgetrain.core.system.files import file_content, open_text
from edgetrain.core.system.pointers import pointer_tool

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
OLD_LFS = LFS.replace(b"git-lfs", b"hawser")
ANNEX = b"/annex/objects/SHA256E-s12--abc.jpg\n"


@pytest.mark.parametrize(
    ("data", "tool"),
    [
        pytest.param(LFS, "Git LFS", id="Git LFS"),
        pytest.param(OLD_LFS, "Git LFS", id="before it was called so"),
        pytest.param(ANNEX, "git-annex", id="git-annex, unlocked"),
        pytest.param(b"", "", id="empty file"),
        pytest.param(b"version 1\n", "", id="text"),
        pytest.param(LFS + b"x" * 1024, "", id="a file that begins so, and is larger than a pointer"),
    ],
)
def test_a_pointer_is_told_from_content(data, tool):
    assert pointer_tool(data) == tool


def read_bytes(path):
    return file_content(path)


def read_text(path):
    with open_text(path, newline="", most_bytes=1 << 20) as stream:
        return stream.read().encode()


@pytest.mark.parametrize("read", [read_bytes, read_text])
def test_whoever_reads_a_pointer_is_told_the_command(tmp_path, read):
    (tmp_path / "a.xml").write_bytes(LFS)
    (tmp_path / "b.xml").write_bytes(b"version")

    with pytest.raises(UnfetchedError, match=r'a\.xml: its content is not in this clone.*Run "git lfs pull"') as caught:
        read(tmp_path / "a.xml")
    assert caught.value.tool == "Git LFS"
    assert read(tmp_path / "b.xml") == b"version"


@pytest.mark.parametrize(
    ("store", "command"), [(".git/annex/objects/1", "git annex get"), (".dvc/cache/files/md5/1", "dvc pull")]
)
def test_a_link_into_a_store_that_lacks_the_content_names_the_command(tmp_path, store, command):
    (tmp_path / Path(store).parts[0]).mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jpg").symlink_to(f"../{store}")

    with pytest.raises(UnfetchedError, match=command):
        file_content(tmp_path / "data" / "a.jpg", within=tmp_path / "data")


def test_a_link_to_nothing_is_only_missing(tmp_path):
    (tmp_path / "a.jpg").symlink_to("gone.jpg")

    with pytest.raises(FileNotFoundError):
        file_content(tmp_path / "a.jpg", within=tmp_path)
