"""Imports: a dataset that validates, all or nothing, nothing overwritten, nothing lost in silence."""

from __future__ import annotations

import json
import shutil

import pytest

from edgetrain.core.errors import DatasetError, MissingInputError, SettingsError, StorageError
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset import export_annotations, import_annotations
from edgetrain.dataset.folder import find_dataset
from edgetrain.review import validate
from tests.support.exchange_material import draw

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
ROW = "{},64,48,boat,1,2.5,30,40\n"


@pytest.fixture
def bring(settings, workspace, tmp_path):
    """Return a function that imports from the folder ``source`` into the folder ``made``."""

    def run(source_format="csv", source=tmp_path / "source", **changes):
        given = {f"import_annotations__{key}": value for key, value in changes.items()}
        given |= {"import_annotations__format": source_format, "import_annotations__source": source}
        return import_annotations.run(settings(tmp_path / "made", **given), workspace)

    return run


@pytest.fixture
def source(tmp_path):
    """Return a function that writes files into the folder ``source`` and draws its pictures."""

    def write(*pictures, **tables):
        for name in pictures:
            draw(tmp_path / "source" / name)
        for name, text in tables.items():
            (tmp_path / "source" / f"{name}.csv").write_text(HEADER + text)
        return tmp_path / "source"

    return write


def labels_of(root):
    """Return the boxes of each picture of a dataset by the picture's own name, and what divides it."""
    folder = find_dataset(root)
    images = [folder.read(item) for item in folder.items]
    return {
        image.image_path.name: [(box.class_name, box.box, box.is_difficult) for box in image.annotation.boxes]
        for image in images
    }


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def export(settings, workspace, tmp_path):
    """Return a function that exports a dataset into the folder ``source``, its pictures beside."""

    def run(dataset, target):
        given = {"export_annotations__format": target, "export_annotations__out": tmp_path / "source"}
        export_annotations.run(settings(dataset, **given), workspace)
        if target not in {"yolo", "labelme"}:
            shutil.copytree(dataset / "images", tmp_path / "source" / "images")

    return run


@pytest.mark.parametrize("name", [each.value for each in ExchangeFormat])
def test_what_is_exported_comes_back_identical(voc_dataset, tmp_path, export, bring, name):
    export(voc_dataset, name)

    report = bring(name)
    assert labels_of(tmp_path / "made") == labels_of(voc_dataset)
    assert report.results["left_out"] == {}


@pytest.mark.shared
@pytest.mark.parametrize("name", [each.value for each in ExchangeFormat])
def test_real_photographs_come_back_identical(raccoon, tmp_path, export, bring, name):
    export(raccoon, name)

    bring(name)
    assert labels_of(tmp_path / "made") == labels_of(raccoon)


def test_an_imported_dataset_validates(settings, workspace, bring, source, tmp_path):
    source("a.jpg", "sub/a.jpg", x=ROW.format("a.jpg") + "sub/a.jpg,64,48,,,,,\n")

    bring()
    findings = validate.run(settings(tmp_path / "made"), workspace).results["findings"]
    assert {finding.severity for finding in findings} == {"warning"}


def test_a_second_import_changes_nothing(bring, source, tmp_path):
    source("a.jpg", "b.jpg", train=ROW.format("a.jpg"), test=ROW.format("b.jpg"))
    bring()
    before = {name: (tmp_path / "made" / name).stat().st_mtime_ns for name in files_of(tmp_path / "made")}

    report = bring()
    assert report.summary == "2 pictures, 2 boxes: 0 annotations written, 0 pictures copied"
    assert {name: (tmp_path / "made" / name).stat().st_mtime_ns for name in files_of(tmp_path / "made")} == before


def test_other_annotations_of_the_same_name_are_overwritten_only_if_asked(bring, source, tmp_path):
    source("a.jpg", "b.jpg", x=ROW.format("a.jpg"))
    bring()
    source(x=ROW.format("a.jpg").replace("30", "31") + ROW.format("b.jpg"))
    before = files_of(tmp_path / "made")

    with pytest.raises(
        DatasetError, match=r"annotations/a.xml: differs .*\n1 file of the dataset would be overwritten."
    ):
        bring()
    assert files_of(tmp_path / "made") == before
    bring(replace=True)
    assert [labels[0][1].xmax for labels in labels_of(tmp_path / "made").values()] == [31, 30]


def test_an_annotation_that_only_looks_different_stays(bring, source, tmp_path):
    source("a.jpg", x=ROW.format("a.jpg"))
    bring()
    path = tmp_path / "made" / "annotations" / "a.xml"
    path.write_text("\n\n" + path.read_text())

    assert bring().results["written"] == 0
    assert path.read_text().startswith("\n\n")


def test_faults_are_told_together_and_nothing_is_written(bring, source, tmp_path):
    source(
        "a.jpg", x=ROW.format("a.jpg") + ROW.format("no.jpg") + ROW.format("../a.jpg") + "a.jpg,64,48,x\ty,1,2,3,4\n"
    )

    with pytest.raises(
        DatasetError, match=r"(?s)x.csv:3: .*'no.jpg'.*x.csv:4: .*x.csv:5: the class name.*3 faults. Nothing"
    ):
        bring()
    assert not (tmp_path / "made").exists()


def test_equal_names_in_different_folders_stay_apart(bring, source, tmp_path):
    root = source("train/a.jpg", "valid/a.jpg")
    for folder in ("train", "valid"):
        image = {"id": 0, "file_name": "a.jpg", "width": 64, "height": 48}
        value = {"images": [image], "categories": [], "annotations": []}
        (root / folder / "_annotations.coco.json").write_text(json.dumps(value))

    bring("coco")
    assert [item.name for item in find_dataset(tmp_path / "made").items] == [
        "annotations/train/a.xml",
        "annotations/valid/a.xml",
    ]


def test_pictures_that_differ_by_their_suffix_both_find_their_boxes(bring, source, tmp_path):
    source("a.jpg", "a.png", x=ROW.format("a.jpg") + ROW.format("a.png").replace("boat", "fish"))

    bring()
    labels = labels_of(tmp_path / "made")
    assert {name: boxes[0][0] for name, boxes in labels.items()} == {"a.jpg": "boat", "a.png": "fish"}


def test_a_picture_in_two_files_is_a_fault(bring, source):
    source("a.jpg", train=ROW.format("a.jpg"), test=ROW.format("a.jpg"))

    with pytest.raises(DatasetError, match=r"train.csv:2: the picture 'a.jpg' is already in test.csv:2."):
        bring()


def test_the_division_of_the_source_is_kept(bring, source, tmp_path):
    source("a.jpg", "b.jpg", "c.jpg", train=ROW.format("a.jpg"), val=ROW.format("b.jpg"), test=ROW.format("c.jpg"))

    assert "the source's splits were kept in splits/ (train 1, validation 1, test 1)" in bring().notes
    assert [item.split for item in find_dataset(tmp_path / "made").items] == [Split.TRAIN, Split.VALIDATION, Split.TEST]


@pytest.mark.parametrize(
    ("tables", "there", "note"),
    [
        pytest.param(("train", "val"), (), "move some pictures to test, which must not be empty", id="no test"),
        pytest.param(("train", "x"), (), "1 pictures are in no split of the source", id="half divided"),
        pytest.param(("test",), (), "all pictures are in test, so there is", id="one split"),
        pytest.param(("train", "test"), ("ImageSets/x",), "the dataset already has splits", id="VOC lists"),
        pytest.param(("train", "test"), ("splits/test.txt",), "the dataset already has splits", id="committed lists"),
        pytest.param(("train", "test"), ("annotations/z.xml",), "the dataset has other annotations too", id="others"),
    ],
)
def test_a_division_that_is_no_whole_one_is_told(bring, source, tables, there, note):
    names = [f"{index}.jpg" for index in range(len(tables))]
    root = source(*names, **{table: ROW.format(name) for table, name in zip(tables, names)})
    for path in (root.with_name("made") / name for name in there):
        path.parent.mkdir(parents=True)
        path.touch()

    assert any(note in text for text in bring().notes)


def test_the_order_of_classes_becomes_the_label_map_where_there_is_none(bring, source, tmp_path):
    root = source("images/a.jpg")
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    (root / "classes.txt").write_text("zebra\nboat\n")

    report = bring("yolo")
    assert read_label_map(tmp_path / "made" / "label_map.pbtxt").names == ("zebra", "boat")
    assert "label_map.pbtxt has the source's classes in their order, ids from 1; without any box: zebra" in report.notes
    (root / "classes.txt").write_text("a\nboat\n")
    assert "label_map.pbtxt is the dataset's own; the source orders its classes differently" in bring("yolo").notes


def test_what_is_left_out_is_told_and_how_to_get_it(bring, tmp_path):
    draw(tmp_path / "source" / "a.jpg")
    shape = {"label": "x", "shape_type": "polygon", "points": [[1, 2], [3, 4], [5, 6]]}
    value = {"imagePath": "a.jpg", "imageWidth": 64, "imageHeight": 48, "shapes": [shape]}
    (tmp_path / "source" / "a.json").write_text(json.dumps(value))

    report = bring("labelme", boxes_from_polygons=False, emptied_pictures="negatives")
    assert report.notes == (
        "shapes of the kind polygon: 1 skipped, because Pascal VOC boxes have no field for it, in a.jpg",
        "--boxes-from-polygons uses the box around such shapes",
    )
    assert bring("labelme", replace=True).results["boxes"] == 1


def test_folders_and_pictures_that_the_dataset_has_are_used(bring, source, tmp_path):
    (tmp_path / "source").mkdir()
    source(x=ROW.format("a.jpg"))
    draw(tmp_path / "made" / "JPEGImages" / "a.jpg")
    (tmp_path / "made" / "Annotations").mkdir()

    bring()
    assert sorted(files_of(tmp_path / "made")) == ["Annotations/a.xml", "JPEGImages/a.jpg"]


def test_a_dataset_of_another_layout_is_refused(bring, source, tmp_path):
    source("a.jpg", x=ROW.format("a.jpg"))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "b.xml").touch()

    with pytest.raises(
        DatasetError, match=r"its annotations are next to the pictures or in split folders, so imported"
    ):
        bring()


def test_a_file_in_the_way_of_the_dataset_is_an_error(bring, source, tmp_path):
    source("a.jpg", x=ROW.format("a.jpg"))
    (tmp_path / "made").touch()

    with pytest.raises(DatasetError, match=r"made: cannot be read as a dataset \(Not a directory\)"):
        bring()


def test_an_import_that_was_cut_leaves_nothing_and_starts_anew(bring, source, tmp_path, monkeypatch):
    source("a.jpg", x=ROW.format("a.jpg"))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(StorageError, match=r"a.jpg: No space left on device. Free space"):
        bring()
    assert files_of(tmp_path / "made") == {}
    monkeypatch.undo()
    (tmp_path / "made" / ".import-annotations.part" / "images").mkdir(parents=True)
    bring()
    assert sorted(files_of(tmp_path / "made")) == ["annotations/a.xml", "images/a.jpg"]


def test_format_source_and_pictures_are_needed(bring, tmp_path):
    with pytest.raises(SettingsError, match=r"Give --from and --source."):
        bring(source_format="")
    with pytest.raises(MissingInputError, match=r"source: there is no such file or folder"):
        bring()
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x.csv").write_text(HEADER)
    with pytest.raises(DatasetError, match=r"it contains no usable picture\. Correct --source or --from."):
        bring()
