"""Open Images: descriptions, negatives, flags, rounding, faults at their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from edgetrain.annotations.open_images import render_boxes, render_descriptions, render_pictures
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from tests.support.exchange_material import annotation_sets, boxes_of, draw, plain, read

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
ROW = "a,xclick,/m/1,1,0.25,0.5,0.5,1,0,0,0,0,0"
NAMES = "/m/2,Fish\n/m/1,Small boat\n/m/3,Unused\n"


@pytest.fixture
def open_images(tmp_path):
    """Return a function that writes tables and reads the folder, in which a picture is."""

    def read_tables(*rows, name="train-annotations-bbox.csv", **tables):
        (tmp_path / name).write_text("\n".join([HEADER, *rows]) + "\n")
        for stem, text in {"names": NAMES, **tables}.items():
            (tmp_path / f"{stem}.csv").write_text(text)
        draw(tmp_path / "train" / "a.jpg")
        return read(ExchangeFormat.OPEN_IMAGES, tmp_path)

    return read_tables


@settings(max_examples=30)
@given(annotation_sets(with_difficult=False))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    folder = tmp_path_factory.mktemp("law")
    pictures = annotations.pictures
    tables = {"boxes": render_boxes(pictures), "images": render_pictures(pictures)}
    tables["names"] = render_descriptions(annotations.classes)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    for picture in pictures:
        draw(folder / picture.name, picture.size)

    found, faults = read(ExchangeFormat.OPEN_IMAGES, folder)
    used = {box.class_name for picture in pictures for box in picture.boxes}
    assert sorted(plain(found)) == sorted(plain(annotations))
    assert (found.classes, faults) == (tuple(name for name in annotations.classes if name in used), [])


def test_labels_go_by_their_descriptions_and_pictures_by_their_suffix(open_images):
    annotations, faults = open_images(ROW, ROW.replace("/m/1", "/m/9"))

    assert faults == []
    assert [(picture.name, picture.split) for picture in annotations.pictures] == [("a.jpg", Split.TRAIN)]
    assert boxes_of(annotations) == [("Small boat", 16, 24, 32, 48), ("/m/9", 16, 24, 32, 48)]
    assert annotations.classes == ("Small boat",)


def test_a_picture_that_only_the_list_names_is_a_negative(open_images):
    annotations, faults = open_images(pictures="ImageID,Subset\na,train\n")

    assert (faults, [(picture.name, picture.boxes) for picture in annotations.pictures]) == ([], [("a.jpg", ())])


def test_groups_are_left_out_and_flags_counted(open_images):
    annotations, _ = open_images(ROW[:-5] + "1,0,0", ROW[:-9] + "1,1,0,1,0")

    assert len(boxes_of(annotations)) == 1
    assert annotations.left_out == {"groups": 1, "isoccluded": 1, "istruncated": 1, "isdepiction": 1}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(ROW.replace("a,", "b,", 1), "the picture 'b' is not inside", id="no picture"),
        pytest.param(ROW.replace("a,", "../a,", 1), "ImageID '../a' is not a relative", id="traversal"),
        pytest.param(ROW.replace("0.25", "x"), "xmin is 'x', not a number", id="no number"),
        pytest.param(ROW.replace("/m/1", ""), "LabelName is empty", id="no label"),
    ],
)
def test_faults_are_told_with_their_line(open_images, row, fault):
    _, faults = open_images(ROW, row)

    assert len(faults) == 1
    assert faults[0].startswith(f"train-annotations-bbox.csv:3: {fault}")


def test_tables_of_something_else_and_wrong_descriptions_are_faults(open_images):
    _, faults = open_images(ROW, other="x,y,z\n", names="LabelName,DisplayName\n/m/1,\n")

    assert [fault[:30] for fault in faults] == ["names.csv:2: '/m/1,' is not a ", "other.csv:1: neither boxes (Im"]


def test_without_a_table_of_boxes_there_is_a_fault(tmp_path):
    (tmp_path / "names.csv").write_text(NAMES)

    assert "no table has the columns ImageID, LabelName" in read(ExchangeFormat.OPEN_IMAGES, tmp_path)[1][0]
