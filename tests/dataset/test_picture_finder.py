"""Pictures found one by one: the same as by a list of all files, in every layout, without that list."""

from __future__ import annotations

import shutil

import pytest

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.dataset import picture_finder
from edgetrain.dataset.folder import find_dataset
from edgetrain.dataset.picture_finder import PictureFinder
from tests.conftest import draw_labelled
from tests.review.test_validate import edit

LAYOUTS = {
    "two folders": ("annotations", "images"),
    "VOC": ("Annotations", "JPEGImages"),
    "subfolders": ("annotations/a/b", "images/a/b"),
    "one folder": (".", "."),
    "split folder": ("train/annotations", "train/images"),
    "split folder, one folder": ("Test", "Test"),
    "annotations apart": ("annotations", "."),
}
DOUBTS = {
    "another case": ("<filename>a.jpg", "<filename>A.JPG"),
    "another suffix": ("<filename>a.jpg", "<filename>a.jpeg"),
    "no filename": ("<filename>a.jpg</filename>", ""),
    "another name": ("<filename>a.jpg", "<filename>b.jpg"),
    "the annotation": ("<filename>a.jpg", "<filename>a.xml"),
    "a hidden file": ("<filename>a.jpg", "<filename>.a.jpg"),
    "a path": ("<filename>a.jpg", "<filename>C:\\\\pictures\\\\a.jpg"),
}


def only_item(root):
    folder = find_dataset(root)
    [item] = folder.items
    return item.name, folder.read(item)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_read_without_listing_its_files(tmp_path, monkeypatch, layout):
    draw_labelled(tmp_path, "a", folders=LAYOUTS[layout])
    name, expected = only_item(tmp_path)
    monkeypatch.delattr(picture_finder, "find_dataset")

    assert PictureFinder(tmp_path).read(name, tmp_path / "list") == expected


@pytest.mark.parametrize("doubt", DOUBTS)
def test_in_doubt_the_picture_is_that_of_the_whole_folder(tmp_path, doubt):
    edit(draw_labelled(tmp_path, "a"), *DOUBTS[doubt])
    for other in (".a.jpg", "a.xml"):
        shutil.copy(tmp_path / "images" / "a.jpg", tmp_path / "images" / other)
    name, expected = only_item(tmp_path)

    assert PictureFinder(tmp_path).read(name, tmp_path / "list") == expected


def test_a_picture_beside_its_subfolder_is_found(tmp_path):
    draw_labelled(tmp_path, "a", folders=("annotations/a", "images"))
    name, expected = only_item(tmp_path)

    assert PictureFinder(tmp_path).read(name, tmp_path / "list") == expected


@pytest.mark.parametrize("name", ["annotations/b.xml", "images/a.jpg", "notes.txt", "notes.xml", "other/a.xml"])
def test_what_is_no_annotation_of_the_dataset_asks_for_the_split(tmp_path, name):
    path = draw_labelled(tmp_path, "a")
    (tmp_path / "other").mkdir()
    shutil.copy(path, tmp_path / "other" / "a.xml")
    for copy in ("notes.txt", "notes.xml"):
        shutil.copy(path, tmp_path / copy)

    with pytest.raises((MissingInputError, DatasetError), match=name):
        PictureFinder(tmp_path).read(name, tmp_path / "list")


def test_a_missing_picture_and_a_missing_dataset_are_told(tmp_path):
    draw_labelled(tmp_path, "a")
    (tmp_path / "images" / "a.jpg").unlink()

    with pytest.raises(DatasetError, match=r"annotations/a\.xml:3: its picture 'a\.jpg' is not in images/"):
        PictureFinder(tmp_path).read("annotations/a.xml", tmp_path / "list")
    with pytest.raises(DatasetError, match=r"nowhere: this folder does not exist\. Name the folder of the dataset"):
        PictureFinder(tmp_path / "nowhere")
