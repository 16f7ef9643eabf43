"""Pictures and their rows stay in step, wherever a run is cut."""

from __future__ import annotations

import pytest

from edgetrain.collect import picture_collection
from edgetrain.collect.candidates import Candidate
from edgetrain.collect.picture_collection import PictureCollection
from edgetrain.collect.picture_intake import examine
from edgetrain.core.errors import DatasetError, StorageError
from tests.conftest import draw_labelled
from tests.support.web_server import picture


class CutError(Exception):
    """The run is cut here."""


def cut(*_args):
    raise CutError


def found(number):
    return Candidate(str(number), f"https://example.org/{number}", "", "", "", "CC0", "", provider="p")


def opened(root):
    return PictureCollection(root, left_out=root / "build")


def add(root, number):
    """Add a picture in a run of its own."""
    opened(root).add(found(number), examine(picture(number), 1), query="fox", retrieved="2026-01-02")


def state(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(picture_collection.Path, "write_bytes", id="before its bytes"),
        pytest.param(picture_collection, "write_attributions", id="before its row"),
        pytest.param(picture_collection.Path, "replace", id="before the table has its name"),
    ],
)
def test_a_picture_that_was_being_added_leaves_nothing(tmp_path, monkeypatch, owner, name):
    add(tmp_path, 1)
    before = state(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut)
        with pytest.raises(CutError):
            add(tmp_path, 2)

    assert opened(tmp_path).count("fox", ["p"]) == 1
    assert state(tmp_path) == before


def test_a_picture_that_only_lacks_its_name_gets_it(tmp_path):
    add(tmp_path, 1)
    whole = state(tmp_path)
    path = tmp_path / "images" / "fox-p-1.jpg"
    path.rename(path.with_name(".fox-p-1.jpg.collecting"))

    assert opened(tmp_path).count("fox", ["p"]) == 1
    assert state(tmp_path) == whole


def test_half_a_picture_is_removed_even_if_it_has_a_row(tmp_path):
    add(tmp_path, 1)
    path = tmp_path / "images" / "fox-p-1.jpg"
    path.with_name(".fox-p-1.jpg.collecting").write_bytes(path.read_bytes()[:99])
    path.unlink()
    (tmp_path / ".attribution.csv.x.part").touch()

    assert opened(tmp_path).gone() == 1
    assert sorted(state(tmp_path)) == ["attribution.csv"]


def test_a_candidate_is_known_by_its_address_or_its_id(tmp_path):
    add(tmp_path, 1)
    collection = opened(tmp_path)
    moved = Candidate("1", "https://example.org/moved", "", "", "", "", "", provider="p")
    renamed = Candidate("9", "https://example.org/1", "", "", "", "", "", provider="p")

    assert [collection.has(one) for one in (found(1), moved, renamed, found(2))] == [True, True, True, False]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        pytest.param(("annotations", "images"), "images", id="two folders"),
        pytest.param(("Annotations", "JPEGImages"), "JPEGImages", id="VOC"),
        pytest.param(("", ""), "", id="one folder"),
        pytest.param(("annotations", "annotations"), "annotations", id="beside the annotations"),
    ],
)
def test_new_pictures_go_beside_the_old_ones(tmp_path, folders, expected):
    draw_labelled(tmp_path, "0001", folders=folders)

    assert opened(tmp_path).images_dir == tmp_path / expected


def test_new_pictures_go_into_images_where_there_are_none_yet(tmp_path):
    (tmp_path / "label_map.pbtxt").touch()

    assert opened(tmp_path).images_dir == tmp_path / "images"
    assert opened(tmp_path / "absent").images_dir == tmp_path / "absent" / "images"


def test_pictures_of_a_workspace_inside_the_dataset_are_not_those_of_the_dataset(tmp_path):
    add(tmp_path, 1)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "copy.jpg").touch()

    assert opened(tmp_path).pictures() == [tmp_path / "images" / "fox-p-1.jpg"]


def test_a_file_instead_of_a_dataset_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DatasetError, match="file: this is a file"):
        opened(tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "images").touch()

    with pytest.raises(StorageError, match="images"):
        add(tmp_path, 1)
