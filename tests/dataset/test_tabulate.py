"""Tables of the splits: a row for each box, negatives included, in the order of the lists."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.splits import Split
from edgetrain.dataset.division import write_split_list
from edgetrain.dataset.table_rows import TableRow
from edgetrain.dataset.tabulate import run
from tests.support.tables import read_table

SIZE = ImageSize(64, 48)


@pytest.fixture
def divided(voc_dataset, workspace):
    """Return the dataset, divided: two pictures train, one of them a negative; one tests."""
    write_split_list(workspace.split_path(Split.TRAIN), ["annotations/0005.xml", "annotations/0001.xml"])
    write_split_list(workspace.split_path(Split.VALIDATION), [])
    write_split_list(workspace.split_path(Split.TEST), ["annotations/0000.xml"])
    return voc_dataset


def test_each_box_is_a_row_and_so_is_a_picture_without_boxes(settings, workspace, divided):
    report = run(settings(divided), workspace)

    assert read_table(workspace.table_path(Split.TRAIN)) == [
        TableRow("0005.jpg", SIZE, None, None),
        TableRow("0001.jpg", SIZE, "house", BoundingBox(4, 6, 28, 40)),
        TableRow("0001.jpg", SIZE, "boat", BoundingBox(34, 6, 58, 40)),
    ]
    assert read_table(workspace.table_path(Split.VALIDATION)) == []
    assert report.summary == "rows: train 3, validation 0, test 1"


def test_a_size_that_the_annotation_lacks_is_the_pictures(settings, workspace, divided):
    path = divided / "annotations" / "0000.xml"
    path.write_text(path.read_text().replace("width>", "w>"))

    run(settings(divided), workspace)

    assert [row.size for row in read_table(workspace.table_path(Split.TEST))] == [SIZE]


def test_without_lists_the_stage_to_run_is_named(settings, workspace, voc_dataset):
    with pytest.raises(
        MissingInputError, match=r'splits/train.txt: the list of pictures does not exist. Run "ci/inv split" first.'
    ):
        run(settings(voc_dataset), workspace)


def test_a_faulty_annotation_stops_the_stage_and_leaves_no_table(settings, workspace, divided):
    (divided / "annotations" / "0000.xml").write_text("<annotation>\n<object/></annotation>")

    with pytest.raises(DatasetError, match=r"^annotations/0000.xml:2: <object> has no <bndbox>"):
        run(settings(divided), workspace)
    assert not workspace.annotations_dir.exists()
