"""Exports: files and folders of each format, what a format cannot say, nothing overwritten."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.dataset import export_annotations
from edgetrain.dataset.division import write_split_list
from tests.conftest import draw_labelled


@pytest.fixture
def export(settings, workspace, tmp_path):
    """Return a function that exports the folder ``dataset`` and gives report and written files."""

    def run(target, out="out"):
        given = {"export_annotations__format": target, "export_annotations__out": tmp_path / out}
        report = export_annotations.run(settings(**given), workspace)
        path = tmp_path / out
        return report, sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())

    return run


@pytest.fixture
def divided(tmp_path):
    """Return a dataset of two pictures, one trains, one tests."""
    root = tmp_path / "dataset"
    for stem, split in (("0", Split.TRAIN), ("1", Split.TEST)):
        draw_labelled(root, stem)
        write_split_list(root / "splits" / f"{split.value}.txt", [f"annotations/{stem}.xml"])
    return root


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("csv", ["test_labels.csv", "train_labels.csv"]),
        ("coco", ["test_annotations.json", "train_annotations.json"]),
        ("cvat", ["annotations.xml"]),
        ("labelme", ["0.jpg", "0.json", "1.jpg", "1.json"]),
        (
            "yolo",
            ["data.yaml", "images/test/1.jpg", "images/train/0.jpg", "labels/test/1.txt", "labels/train/0.txt"],
        ),
        (
            "open-images",
            [
                "class-descriptions.csv",
                *(f"{split}-{kind}.csv" for split in ("test", "train") for kind in ("annotations-bbox", "images")),
            ],
        ),
    ],
)
def test_a_divided_dataset_is_exported_divided(divided, export, target, expected):
    assert export(target)[1] == expected


@pytest.mark.parametrize(("target", "name"), [("csv", "a.csv"), ("coco", "a.json"), ("cvat", "a.xml")])
def test_a_suffix_asks_for_one_file(divided, export, tmp_path, target, name):
    report, _ = export(target, name)

    assert (tmp_path / name).is_file()
    assert report.results["left_out"].get("places in a split") == (None if target == "cvat" else 2)


def test_what_a_format_cannot_say_is_told(voc_dataset, export):
    path = voc_dataset / "annotations" / "0000.xml"
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1"))
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(("house", "fish", "boat")))

    report, _ = export("csv")
    assert report.notes[:2] == (
        "difficult flags: 1 skipped, because csv has no field for it",
        "class ids: 3 skipped, because csv has no field for it",
    )


def test_the_committed_label_map_orders_the_classes(voc_dataset, export, tmp_path):
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(("house", "fish", "boat")))

    export("yolo")
    text = (tmp_path / "out" / "data.yaml").read_text()
    assert text == 'path: .\ntrain: images\nval: images\nnames:\n  0: "house"\n  1: "fish"\n  2: "boat"\n'


def test_pictures_of_split_folders_have_the_folder_s_name(tmp_path, export):
    for folder in ("train", "test"):
        draw_labelled(tmp_path / "dataset" / folder, "a")

    assert export("yolo")[1][1:3] == ["images/test/a.jpg", "images/train/a.jpg"]


def test_what_is_there_is_not_overwritten(voc_dataset, export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()

    with pytest.raises(DatasetError, match=r"out: this already exists. Remove it, or choose another --out"):
        export("coco")


def test_pictures_that_a_format_cannot_tell_apart_are_an_error(voc_dataset, export, tmp_path):
    draw_labelled(voc_dataset, "0000.png", suffix="")

    with pytest.raises(DatasetError, match=r"yolo cannot tell 1 picture from others .*: 0000.jpg. Rename them."):
        export("yolo")
    assert not (tmp_path / "out").exists()


def test_a_format_and_a_target_are_needed(voc_dataset, export):
    with pytest.raises(SettingsError, match=r"Give --to and --out."):
        export("")
