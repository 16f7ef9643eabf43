"""Files that are whole or absent, and digests."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edgetrain.core.errors import StorageError
from edgetrain.core.system import folders
from edgetrain.core.system.files import (
    append_text,
    combined_digest,
    file_content,
    file_digest,
    replacing_dir,
    replacing_file,
    storage_error,
    write_json,
    write_text,
)
from edgetrain.core.system.folders import folder_state, tree_digest, visible_files


def left(folder):
    """Return the names of all that is in a folder, hidden things too."""
    return sorted(path.name for path in folder.iterdir())


def fail_within(replacing, write):
    """Write something to the temporary place, then fail."""
    with replacing as temporary:
        write(temporary)
        raise ValueError("boom")


def test_a_file_is_there_only_after_the_block(tmp_path):
    path = tmp_path / "new" / "a.txt"

    with replacing_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()

    assert path.read_text() == "whole"
    assert left(path.parent) == ["a.txt"]


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    with pytest.raises(ValueError, match="boom"):
        fail_within(replacing_file(path), lambda temporary: temporary.write_text("half"))

    assert (path.read_text(), left(tmp_path)) == ("old", ["a.txt"])


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "records"
    path.mkdir()
    (path / "old").touch()

    with replacing_dir(path) as temporary:
        (temporary / "new").touch()
        assert left(path) == ["old"]

    assert (left(path), left(tmp_path)) == (["new"], ["records"])


def test_a_failed_block_leaves_the_old_folder_and_nothing_else(tmp_path):
    path = tmp_path / "records"
    path.mkdir()
    (path / "old").touch()

    with pytest.raises(ValueError, match="boom"):
        fail_within(replacing_dir(path), lambda temporary: (temporary / "new").touch())

    assert (left(path), left(tmp_path)) == (["old"], ["records"])


def test_a_swap_that_fails_halfway_puts_the_old_folder_back(tmp_path, monkeypatch):
    path = tmp_path / "records"
    path.mkdir()
    (path / "old").touch()
    rename = Path.rename

    def fail_for_new(source, target):
        if source.suffix == ".part":
            raise OSError(28, "No space left on device")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(StorageError, match="records: No space left on device"), replacing_dir(path):
        pass
    assert (left(path), left(tmp_path)) == (["old"], ["records"])


def test_a_first_swap_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(_source, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)

    with pytest.raises(StorageError, match="No space left"), replacing_dir(tmp_path / "records"):
        pass
    assert left(tmp_path) == []


def dead_process():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_runs_left_is_removed_and_what_others_work_on_stays(tmp_path):
    kept = [f".records.{os.getppid()}.x.part", ".records.y.part", "records"]
    for name in (*kept, f".records.{dead_process()}.z.part", f".records.{os.getpid()}.x.part", ".recordsy.1.part"):
        (tmp_path / name).mkdir()

    with replacing_dir(tmp_path / "records"):
        pass

    assert left(tmp_path) == sorted([*kept, ".recordsy.1.part"])


def test_a_folder_that_a_killed_run_had_moved_aside_is_put_back(tmp_path):
    aside = tmp_path / f".records.{dead_process()}.x.part.old"
    aside.mkdir()
    (aside / "old").touch()

    with pytest.raises(ValueError, match="boom"):
        fail_within(replacing_dir(tmp_path / "records"), lambda _: None)

    assert (left(tmp_path), left(tmp_path / "records")) == (["records"], ["old"])


@pytest.mark.parametrize("replacing", [replacing_file, replacing_dir])
def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path, replacing):
    (tmp_path / "file").touch()

    with (
        pytest.raises(StorageError, match=r"file/a: .*\. Something else is in the way there"),
        replacing(tmp_path / "file" / "a"),
    ):
        pass


def test_a_full_disk_while_writing_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"a: No space left on device\. Free space"), replacing_file(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert str(storage_error(Path("a"), OSError("odd"))).startswith("a: odd. Free space")


def test_text_is_utf8_and_json_is_sorted(tmp_path):
    write_text(tmp_path / "t", "é\n")
    write_json(tmp_path / "j", {"b": "é", "a": [1]})

    assert (tmp_path / "t").read_bytes() == "é\n".encode()
    assert json.loads((tmp_path / "j").read_bytes()) == {"a": [1], "b": "é"}
    assert (tmp_path / "j").read_text(encoding="utf-8").index('"a"') < 10


@pytest.mark.parametrize("size_bytes", [0, 1, 3_000_000])
def test_the_content_of_a_file_is_all_of_its_bytes(tmp_path, size_bytes):
    (tmp_path / "a").write_bytes(b"x" * size_bytes)

    assert file_content(tmp_path / "a") == b"x" * size_bytes


@pytest.mark.parametrize("most", [1, 4, 1000])
def test_a_file_is_read_whole_from_a_system_that_gives_little(tmp_path, monkeypatch, most):
    (tmp_path / "a").write_bytes(b"0123456789")
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size_bytes: read(descriptor, min(size_bytes, most)))

    assert file_content(tmp_path / "a") == b"0123456789"


def test_a_file_that_grew_is_read_to_its_new_end(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0123456789")
    before = os.stat_result((stat.S_IFREG, *(0,) * 5, 4, *(0,) * 3))
    monkeypatch.setattr(os, "fstat", lambda _descriptor: before)

    assert file_content(tmp_path / "a") == b"0123456789"


def test_a_file_that_grows_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0123456789")
    before = os.stat_result((stat.S_IFREG, *(0,) * 5, 4, *(0,) * 3))
    monkeypatch.setattr(os, "fstat", lambda _descriptor: before)

    with pytest.raises(OSError, match="it is larger than 0 MiB"):
        file_content(tmp_path / "a", most_bytes=9)


def test_a_file_of_the_limit_is_read_and_a_larger_one_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")

    assert file_content(tmp_path / "a", most_bytes=10) == b"0123456789"
    with pytest.raises(OSError, match="it is larger than 0 MiB"):
        file_content(tmp_path / "a", most_bytes=9)


def _fifo(path):
    os.mkfifo(path)


def _device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [_fifo, _device, Path.mkdir])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "a")

    with pytest.raises(OSError, match="it is not a regular file"):
        file_content(tmp_path / "a")


@pytest.mark.parametrize("store", ["inside", ".git/annex/objects/1", ".dvc/cache/files/md5/1"])
def test_a_link_is_followed_within_the_dataset_and_to_the_stores_of_its_repository(tmp_path, store):
    repository, dataset = tmp_path / "repository", tmp_path / "repository" / "data"
    place = (dataset if store == "inside" else repository) / store
    place.mkdir(parents=True)
    dataset.mkdir(exist_ok=True)
    (place / "a").write_bytes(b"kept")
    (dataset / "linked").symlink_to(place / "a")

    assert file_content(dataset / "linked", within=dataset) == b"kept"


def test_a_link_out_of_the_dataset_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "data" / "a").symlink_to("../secret")
    (tmp_path / "data" / "b").symlink_to("a")

    for name in ("a", "b"):
        with pytest.raises(OSError, match=r"it is a link that points outside the dataset, to .*/secret"):
            file_content(tmp_path / "data" / name, within=tmp_path / "data")
    assert file_content(tmp_path / "data" / "a") == b"secret"


def test_the_digest_of_a_file_is_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)

    assert file_digest(tmp_path / "a") == tree_digest(tmp_path / "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        pytest.param(lambda _root: None, True, id="nothing"),
        pytest.param(lambda root: (root / ".hidden").touch(), True, id="hidden file"),
        pytest.param(lambda root: (root / "b").write_text("2"), False, id="content"),
        pytest.param(lambda root: (root / "b").rename(root / "c"), False, id="name"),
        pytest.param(lambda root: (root / "new").touch(), False, id="new file"),
    ],
)
def test_the_digest_of_a_folder_covers_names_and_contents(tmp_path, change, is_same):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    before = tree_digest(tmp_path)

    change(tmp_path)

    assert (tree_digest(tmp_path) == before) is is_same


def test_what_is_absent_has_no_digest(tmp_path):
    assert tree_digest(tmp_path / "absent") is None


def test_visible_files_are_sorted_and_none_is_in_a_hidden_folder(tmp_path):
    for name in ("b", "a/c", ".git/d"):
        write_text(tmp_path / name, "")

    assert visible_files(tmp_path) == [tmp_path / "a" / "c", tmp_path / "b"]


def test_a_combined_digest_depends_on_names_digests_and_order():
    variants = [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")], [("a", "2"), ("b", "1")], []]

    assert len({combined_digest(items) for items in variants}) == 4


def test_links_that_lead_in_circles_are_listed_once_and_make_no_failure(tmp_path):
    write_text(tmp_path / "a" / "b", "")
    (tmp_path / "a" / "up").symlink_to("..")
    for number in range(8):
        (tmp_path / f"self{number}").symlink_to(".")
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")

    assert visible_files(tmp_path) == [tmp_path / "a" / "b"]
    assert folder_state(tmp_path, follow_links=True) == folder_state(tmp_path, follow_links=True)


def test_links_that_multiply_files_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_MOST_FILES", 1000)
    for number in range(7):
        (tmp_path / f"d{number}").mkdir()
        for other in range(7):
            (tmp_path / f"d{number}" / f"to{other}").symlink_to(f"../d{other}")

    with pytest.raises(OSError, match="more than 1,000 files, counted behind its links, too"):
        visible_files(tmp_path)


def test_a_folder_deeper_than_any_path_has_a_state(tmp_path):
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=place)
        place, above = os.open("d" * 100, os.O_RDONLY, dir_fd=place), place
        os.close(above)
    os.close(place)

    assert len(folder_state(tmp_path)) == 64
    with pytest.raises(OSError, match="too long"):
        visible_files(tmp_path)


@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_file_outside_the_workspace_gets_a_remedy_of_its_own(tmp_path, write):
    with pytest.raises(
        StorageError, match=r"Something else is in the way there: move it away, or give another --out\.$"
    ):
        write(tmp_path, "", elsewhere="give another --out")
