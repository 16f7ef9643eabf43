"""Sources: which files, which pictures, which splits; names that lead out are no names."""

from __future__ import annotations

import pytest

from edgetrain.annotations import import_source
from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.import_source import (
    ImportSource,
    box_of_fractions,
    parse_number,
    parse_size,
    safe_name,
    split_of_name,
    without_images_folder,
)
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.splits import Split
from tests.support.exchange_material import SIZE, draw


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("a.jpg", "", "a.jpg"),
        ("sub\\a.jpg", "", "sub/a.jpg"),
        ("../images/a.jpg", "labels", "images/a.jpg"),
        ("./a.jpg", "x", "x/a.jpg"),
        ("../a.jpg", "", None),
        ("..\\..\\a.jpg", "x", None),
        ("/etc/a.jpg", "", None),
        ("C:\\a.jpg", "", None),
        ("a\0.jpg", "", None),
        ("..", "", None),
        (" ", "", None),
    ],
)
def test_a_name_stays_below_the_source(text, folder, expected):
    assert safe_name(text, folder) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train_labels.csv", Split.TRAIN),
        ("annotations/instances_val2017.json", Split.VALIDATION),
        ("valid/_annotations.coco.json", Split.VALIDATION),
        ("test/train.csv", Split.TRAIN),
        ("constraint/latest.csv", None),
    ],
)
def test_a_split_is_told_by_a_whole_word_of_the_name(name, expected):
    assert split_of_name(name) is expected


def test_the_last_folder_of_pictures_is_taken_out_of_a_name():
    assert without_images_folder("images/train/Images/a.jpg") == "images/train/a.jpg"
    assert without_images_folder("train/images") == "train/images"


@pytest.mark.parametrize("value", ["1_0", "nan", "inf", "1e999", "", None, True, [1], 10**400])
def test_what_is_no_finite_number_is_none(value):
    assert parse_number(value) is None


def test_a_size_is_two_whole_numbers_above_0():
    assert parse_size("64", 48.0) == SIZE
    assert [parse_size(*sides) for sides in ((0, 1), (1.5, 2), ("x", 1), (None, 1))] == [None] * 4


def test_six_digits_beyond_the_edge_lie_on_it_and_more_stay_outside():
    size = ImageSize(10_000, 100)

    assert box_of_fractions(-1e-6, 0.5, 1.000001, 1.01, size) == BoundingBox(0, 50, 10_000, 101)


def test_a_picture_is_found_beside_its_file_then_by_the_end_of_its_path_and_its_split(tmp_path):
    for name in ("train/a.jpg", "val/a.jpg", "x/sub/b.png"):
        draw(tmp_path / name)
    source = ImportSource(tmp_path)

    assert source.picture("a.jpg", folder="val") == tmp_path / "val/a.jpg"
    assert source.picture("a.jpg", Split.TRAIN) == tmp_path / "train/a.jpg"
    assert source.picture("a.jpg") is None
    assert source.picture("sub/b") == source.picture("b.png") == tmp_path / "x/sub/b.png"
    assert source.picture("ub/b.png") is None


def test_of_pictures_of_one_name_the_nearest_counts_and_never_one_of_another_split(tmp_path):
    for name in ("t1/images/a.jpg", "t2/images/a.jpg", "train/test_1.jpg", "test/b.jpg"):
        draw(tmp_path / name)
    source = ImportSource(tmp_path)

    assert source.picture("a.jpg", folder="t2/annotations") == tmp_path / "t2/images/a.jpg"
    assert source.picture("a.jpg", folder="t3") is None
    assert source.picture("b.jpg", Split.TRAIN, "train") is None
    assert source.stated_picture("/data/b.jpg", Reading(), split=Split.TRAIN) is None
    assert source.stated_picture("/data/test_1.jpg", Reading(), split=Split.TRAIN) == "train/test_1.jpg"


def test_a_name_in_other_letters_is_found_and_counted_if_one_picture_alone_is_called_so(tmp_path):
    for name in ("images/IMG_1.JPG", "a/x.jpg", "b/X.jpg"):
        draw(tmp_path / name)
    source, reading = ImportSource(tmp_path), Reading()

    assert source.stated_picture("img_1.jpg", reading) == "images/IMG_1.JPG"
    assert reading.by_name == {"img_1.jpg": "images/IMG_1.JPG"}
    assert source.picture(source.stated_picture("X.JPG", reading)) is None


def test_a_file_in_a_folder_of_annotations_has_its_pictures_beside_that_folder(tmp_path):
    draw(tmp_path / "train2017" / "a.jpg")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "train.json").touch()
    source = ImportSource(tmp_path / "annotations" / "train.json")

    assert [(file.name, file.split) for file in source.files(".json")] == [("annotations/train.json", Split.TRAIN)]
    assert source.picture("a.jpg") == tmp_path / "train2017/a.jpg"


def test_a_size_that_cannot_be_known_is_a_fault(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    source, reading = ImportSource(tmp_path), Reading()

    assert source.size_of(None, Place("x", 3), "b.jpg", reading) is None
    assert source.size_of(tmp_path / "a.jpg", Place("x", 4), "a.jpg", reading) is None
    assert [(line, message[:20]) for _, line, message in reading.faults] == [
        (3, "the picture 'b.jpg' "),
        (4, "a.jpg: the file is n"),
    ]


def test_a_source_that_is_not_there_or_empty_is_an_error(tmp_path):
    with pytest.raises(MissingInputError, match=r"nowhere: there is no such file or folder. Correct --source."):
        ImportSource(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"this folder has no .csv file. Correct --source or --from."):
        list(ImportSource(tmp_path).files(".csv"))


def test_a_folder_that_cannot_be_read_is_named_and_not_the_source(tmp_path, monkeypatch):
    def refuse(_root, **_options):
        raise PermissionError(13, "Permission denied", str(tmp_path / "locked"))

    monkeypatch.setattr(import_source, "visible_files", refuse)

    with pytest.raises(DatasetError, match=r"locked: cannot be read \(Permission denied\)"):
        ImportSource(tmp_path)
