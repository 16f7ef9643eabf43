"""YOLO's folders, lists and names, and COCO as its relatives write it."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.dataset import export_annotations
from edgetrain.dataset.folder import find_dataset
from tests.support.foreign_labels import VIA, coco

# --- YOLO's folders, lists and names ---


def test_label_files_that_no_picture_uses_are_faults(bring):
    row = "boat 20.0 30.5 40.0 40.0"

    with pytest.raises(DatasetError, match=r"sub/Label/a.txt:1: no picture belongs to these labels"):
        bring("yolo", {"sub/Label/a.txt": row, "classes.txt": "boat"}, ["sub/a.jpg"])


def test_folders_are_known_in_any_case(bring, made):
    bring("yolo", {"Ben/LABELS/a.txt": "0 0.5 0.5 0.5 0.5", "classes.txt": "boat"}, ["Ben/Images/a.jpg"])

    assert made() == {"a.jpg": [("boat", 16, 12, 48, 36)]}


def test_names_of_yaml_are_text(bring):
    labels = {"labels/a.txt": "0 0.5 0.5 0.5 0.5"}

    report = bring("yolo", labels | {"data.yaml": "names: [yes, no, 007, 1.50, null, 1e3]"}, ["images/a.jpg"])
    assert report.results["classes"] == ["yes", "no", "007", "1.50", "null", "1e3"]


@pytest.mark.parametrize(
    ("config", "lists"),
    [
        pytest.param("train: tr.txt\nval: va.txt\ntest: [te.txt]", True, id="lists"),
        pytest.param(
            "path: /data/me/set\ntrain: images/one\nval: images/two\ntest: ../images/three", False, id="folders"
        ),
    ],
)
def test_the_division_of_data_yaml_is_kept(bring, tmp_path, config, lists):
    places = {"one/a.jpg": "tr", "two/b.jpg": "va", "three/c.jpg": "te"}
    files = {"data.yaml": f"{config}\nnames: [boat]"}
    files |= {f"{name}.txt": f"/home/other/images/{place}\n" for place, name in places.items()} if lists else {}

    bring("yolo", files, [f"images/{place}" for place in places])
    splits = [item.split for item in find_dataset(tmp_path / "made").items]
    assert splits == [Split.TRAIN, Split.TEST, Split.VALIDATION]


def test_a_folder_of_a_split_that_is_not_there_is_said_and_no_other_stands_in_for_it(bring):
    config = "train: ../train/images\nval: ../valid/images\nnames: [boat]"

    report = bring("yolo", {"data.yaml": config, "labels/a.txt": ""}, ["images/a.jpg"])
    assert any("this is not below the source: data.yaml: ../train/images, " in note for note in report.notes)


def test_regions_without_a_class_are_faults_unless_all_are_given_one(bring, made):
    entry = {**VIA, "regions": [{**VIA["regions"][0], "region_attributes": {}}]}

    with pytest.raises(DatasetError, match=r"a region has no class .*--class-name NAME"):
        bring("via", {"via.json": {"a": entry}})
    bring("via", {"via.json": {"a": entry}}, class_name="fire")
    assert made() == {"a.jpg": [("fire", 4, 6, 24, 16)]}


def test_a_division_into_equal_parts_is_dropped_and_said(bring):
    report = bring("yolo", {"data.yaml": "train: images\nval: images\nnames: [boat]"}, ["images/a.jpg"])

    assert any("1 picture in train and validation at the same time" in note for note in report.notes)


def test_an_export_to_yolo_says_that_train_and_val_are_the_same(settings, workspace, voc_dataset, tmp_path):
    given = {"export_annotations__format": "yolo", "export_annotations__out": tmp_path / "out"}

    notes = export_annotations.run(settings(voc_dataset, **given), workspace).notes
    assert any("same folder for train and val" in note for note in notes)


# --- COCO's relatives ---


def test_a_root_category_is_no_class_unless_it_has_boxes(bring):
    value = coco({"category_id": 2}, categories=("pets", "cat", "dog"))
    for category in value["categories"]:
        category["supercategory"] = "none" if category["name"] == "pets" else "pets"

    assert bring("coco", {"x.json": value}).results["classes"] == ["cat", "dog"]
    value["annotations"].append({**value["annotations"][0], "category_id": 1})
    assert bring("coco", {"x.json": value}, replace=True).results["classes"] == ["pets", "cat", "dog"]


@pytest.mark.parametrize(
    "stated",
    [
        "..\\..\\label-studio\\media\\upload\\4\\a.jpg",
        "/data/local-files/?d=pics/a.jpg",
        "C:\\Users\\x\\a.jpg",
        "https://app.example.com/x/a.jpg?token=1",
        "/data/upload/1/1a2b3c4d-a.jpg",
        "elsewhere/a.jpg",
    ],
)
def test_a_foreign_path_is_followed_by_its_name_if_that_is_there_once(bring, made, stated):
    report = bring("coco", {"x.json": coco({}, images=(stated,))}, ["images/a.jpg"])

    assert list(made()) == ["a.jpg"]
    assert any("1 picture found by name" in note for note in report.notes)
    with pytest.raises(DatasetError, match=r"not a relative path|its name is not unique"):
        bring("coco", {"x.json": coco({}, images=(stated,))}, ["other/a.jpg"])


def test_ids_may_be_numbers_in_quotes(bring, made):
    bring("coco", {"x.json": coco({"image_id": "0", "category_id": "1"})})

    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


def test_files_beside_the_objects_are_passed_over_and_said(bring, made):
    files = {
        "annotations/captions_val2017.json": coco() | {"annotations": [{"image_id": 0, "caption": "x"}]},
        "annotations/instances_val2017.json": coco({}),
        "annotations/person_keypoints_val2017.json": coco({}),
    }

    report = bring("coco", files, ["images/a.jpg"])
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}
    assert [note.split(" (")[0] for note in report.notes[:2]] == [
        "skipped: annotations/captions_val2017.json",
        "skipped: annotations/person_keypoints_val2017.json",
    ]
