"""Class ids: committed ones never move, new ones are appended, and nobody is left to guess."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError, LabelMapError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import read_label_map, write_label_map
from edgetrain.dataset.label_map import run
from tests.conftest import draw_labelled


def test_without_a_committed_map_the_ids_follow_the_sorted_names(settings, workspace, voc_dataset):
    report = run(settings(voc_dataset), workspace)

    assert read_label_map(workspace.label_map_path) == LabelMap(("boat", "fish", "house"))
    assert workspace.labels_path.read_text() == "boat\nfish\nhouse\n"
    assert report.summary == "3 classes: boat, fish, house"
    assert report.results == {
        "classes": ["boat", "fish", "house"],
        "added": ["boat", "fish", "house"],
        "is_committed": False,
    }
    assert (
        "copy annotations/label_map.pbtxt of the workspace to label_map.pbtxt of the dataset and commit it"
        in report.notes[0]
    )


def test_committed_ids_stay_and_new_classes_are_appended(settings, workspace, voc_dataset):
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(("zebra", "house")))

    report = run(settings(voc_dataset), workspace)

    assert read_label_map(workspace.label_map_path) == LabelMap(("zebra", "house", "boat", "fish"))
    assert report.notes[0].startswith("new classes were appended (boat, fish). To keep their ids, copy ")
    assert report.notes[1] == "the committed label map has classes without any box: zebra"


def test_a_committed_map_that_fits_needs_no_note(settings, workspace, voc_dataset):
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(("fish", "house", "boat")))

    assert run(settings(voc_dataset), workspace).notes == ()


def test_names_that_need_escapes_survive(settings, workspace, voc_dataset):
    path = voc_dataset / "annotations" / "0000.xml"
    path.write_text(path.read_text().replace("<name>boat<", "<name>o'boat \\ é<"), encoding="utf-8")

    run(settings(voc_dataset), workspace)

    assert "o'boat \\ é" in read_label_map(workspace.label_map_path)


def test_many_classes_are_not_all_listed_in_the_summary(settings, workspace, voc_dataset):
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(tuple("abcdefghijkl")))

    assert run(settings(voc_dataset), workspace).summary == "15 classes: a, b, c, d, e, f, g, h, i, j, …"


def test_a_dataset_without_boxes_has_no_classes(settings, workspace, tmp_path):
    draw_labelled(tmp_path / "dataset", "a", boxes=0)

    with pytest.raises(DatasetError, match=r"no annotation has a box, so there is no class to learn\. Label some"):
        run(settings(), workspace)


def test_a_malformed_committed_map_is_an_error(settings, workspace, voc_dataset):
    (voc_dataset / "label_map.pbtxt").write_text("item { id: 0 name: 'background' }")

    with pytest.raises(
        LabelMapError, match=r"label_map.pbtxt:1: the id 0 of 'background' is where 1 is missing: the ids are \[0\]"
    ):
        run(settings(voc_dataset), workspace)
