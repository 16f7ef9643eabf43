"""Edited tables: whose boxes count, and every doubt at its line."""

from __future__ import annotations

import pytest

from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.dataset.edited_tables import read_tables
from edgetrain.dataset.folder import LabelledImage
from edgetrain.dataset.table_rows import COLUMNS

HEADER = ",".join(COLUMNS)
NAMES = ["images/a.jpg", "images/x/b.jpg", "images/y/b.jpg"]
BOX = BoundingBox(1, 2, 30, 40)


def table(path, *rows):
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def labelled(tmp_path, *boxes, image_name="images/a.jpg"):
    annotation = Annotation(tmp_path / "a.xml", "a.jpg", 3, ImageSize(9, 9), 5, boxes)
    return LabelledImage(tmp_path, "annotations/a.xml", annotation, image_name)


def test_rows_stand_in_place_of_the_annotation(tmp_path):
    path = table(tmp_path / "t.csv", "a.jpg,64,48,boat,1,2,30,40", "a.jpg,64,48,fish,1.5,2,30,40")

    image = read_tables(path, NAMES).applied(labelled(tmp_path, LabelledBox("house", BOX, 7)))

    assert [(one.class_name, one.box.xmin, one.line) for one in image.annotation.boxes] == [
        ("boat", 1, 2),
        ("fish", 1.5, 3),
    ]
    assert (image.name, image.annotation.size, image.annotation.size_line) == (str(path), ImageSize(64, 48), 2)


def test_a_row_without_a_box_makes_a_negative(tmp_path):
    tables = read_tables(table(tmp_path / "t.csv", "a.jpg,64,48,,,,,"), NAMES)

    assert tables.applied(labelled(tmp_path, LabelledBox("house", BOX, 7))).annotation.boxes == ()


def test_a_picture_without_rows_keeps_its_annotation(tmp_path):
    image = labelled(tmp_path, LabelledBox("house", BOX, 7), image_name="images/x/b.jpg")

    assert read_tables(table(tmp_path / "t.csv", "a.jpg,64,48,,,,,"), NAMES).applied(image) is image


def test_an_unchanged_box_stays_difficult(tmp_path):
    path = table(tmp_path / "t.csv", "a.jpg,64,48,boat,1,2,30,40", "a.jpg,64,48,boat,1,2,30,41")

    image = read_tables(path, NAMES).applied(labelled(tmp_path, LabelledBox("boat", BOX, 7, is_difficult=True)))

    assert [one.is_difficult for one in image.annotation.boxes] == [True, False]


def test_a_folder_gives_its_tables_and_a_path_tells_pictures_apart(tmp_path):
    table(tmp_path / "train_labels.csv", "images/x/b.jpg,64,48,,,,,")
    table(tmp_path / "test_labels.csv", "a.jpg,64,48,,,,,")
    table(tmp_path / "other.csv", "nonsense")

    tables = read_tables(tmp_path, NAMES)

    assert ([name in tables for name in NAMES], len(tables)) == ([True, True, False], 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(["c.jpg,6,4,,,,,"], r"t\.csv:2: the picture c\.jpg is not in the dataset", id="unknown"),
        pytest.param(["b.jpg,6,4,,,,,"], r"t\.csv:2: b\.jpg may be images/x/b\.jpg or images/y/b\.jpg", id="unclear"),
        pytest.param(["a.jpg,6,4,,,,,", "a.jpg,6,4,a,1,2,3,4"], r"t\.csv:3: a\.jpg has a row without a box", id="both"),
        pytest.param(["a.jpg,6,4,,,,,", "a.jpg,6,4,,,,,"], r"t\.csv:3: a\.jpg has a row without a box", id="twice"),
        pytest.param(
            ["a.jpg,6,4,a,1,2,3,4", "a.jpg,6,5,a,1,2,3,4"],
            r"t\.csv:3: a\.jpg is 6x5 here, but 6x4 in .*t\.csv:2\.",
            id="sizes",
        ),
        pytest.param(["a.jpg,6,4,a,1,2,x,4"], r"t\.csv:2: xmax is 'x', not a number", id="word"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, rows, message):
    with pytest.raises(DatasetError, match=message):
        read_tables(table(tmp_path / "t.csv", *rows), NAMES)


def test_a_picture_in_two_tables_is_refused(tmp_path):
    for split in ("train", "test"):
        table(tmp_path / f"{split}_labels.csv", "a.jpg,64,48,,,,,")

    with pytest.raises(DatasetError, match=r"train_labels\.csv:2: a\.jpg is already in .*test_labels\.csv:2"):
        read_tables(tmp_path, NAMES)


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_a_missing_table_names_the_stage_that_makes_it(tmp_path, name):
    with pytest.raises(MissingInputError, match='Run "ci/inv tabulate" first'):
        read_tables(tmp_path / name, NAMES)
