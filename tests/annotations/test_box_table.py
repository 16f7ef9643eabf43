"""CSV of boxes: the seed's columns in any order, negatives, faults at their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from edgetrain.annotations.box_table import render_box_table
from edgetrain.core.settings.exchange import ExchangeFormat
from tests.support.exchange_material import SIZE, annotation_sets, boxes_of, draw, plain, read

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"


@pytest.fixture
def table(tmp_path):
    """Return a function that reads a table."""

    def read_text(text):
        (tmp_path / "x.csv").write_text(text, encoding="utf-8")
        return read(ExchangeFormat.CSV, tmp_path)

    return read_text


@settings(max_examples=60)
@given(annotation_sets(digits=4, with_difficult=False))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    path = tmp_path_factory.getbasetemp() / "law_table.csv"
    path.write_text(render_box_table(annotations), encoding="utf-8", newline="")

    found, faults = read(ExchangeFormat.CSV, path)
    drawn = [side for _, *sides in boxes_of(annotations) for side in sides]
    assert plain(found) == plain(annotations)
    assert bool(faults) == (bool(drawn) and max(drawn) <= 1)


def test_other_orders_are_read_by_the_header_and_other_columns_counted(table):
    annotations, faults = table(
        "class;xmax;xmin;ymin;ymax;height;width;filename;score\nboat;30;1.5;2;40;48;64;a.jpg;1\n"
    )

    assert faults == []
    assert boxes_of(annotations) == [("boat", 1.5, 2, 30, 40)]
    assert annotations.pictures[0].size == SIZE
    assert annotations.left_out == {'values of the column "score"': 1}


def test_a_row_without_class_and_box_is_a_negative(table):
    annotations, faults = table(f"{HEADER}\na.jpg,64,48,,,,,\n")

    assert (faults, [(picture.name, picture.boxes) for picture in annotations.pictures]) == ([], [("a.jpg", ())])


def test_a_size_that_no_column_states_is_the_pictures(tmp_path, table):
    draw(tmp_path / "a.jpg")

    assert table("filename,class,xmin,ymin,xmax,ymax\na.jpg,boat,1,2,3,4\n")[0].pictures[0].size == SIZE


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        pytest.param("../a.jpg,64,48,,,,,", "2: filename '../a.jpg' is not a", id="traversal"),
        pytest.param("a.jpg,64,48,boat,1,x,3,4", "2: ymin is 'x', not a number", id="no number"),
        pytest.param("a.jpg,64,48,boat,1,2,3,", "2: ymax is empty", id="half a box"),
        pytest.param("a.jpg,64.5,48,boat,1,2,3,4", "2: the size '64.5' x '48' must be two whole", id="half a pixel"),
        pytest.param(
            "a.jpg,64,48,b,1,2,3,4\na.jpg,48,64,b,1,2,3,4", "3: the size of a.jpg is 48x64, but 64x48", id="two sizes"
        ),
        pytest.param("a.jpg,64,48,boat,0.1,0.2,1,1", "2: all coordinates are between 0 and 1", id="fractions"),
        pytest.param("a.jpg,,,boat,1,2,3,4", "2: the picture 'a.jpg' is not inside", id="no size, no picture"),
    ],
)
def test_faults_are_told_with_their_line(table, rows, fault):
    _, faults = table(f"{HEADER}\n{rows}\n")

    assert len(faults) == 1
    assert faults[0].startswith(f"x.csv:{fault}")
