"""LabelMe: rectangles, other shapes, paths of pictures, faults at their lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from edgetrain.annotations.annotation_set import AnnotationSet
from edgetrain.annotations.labelme import render_labelme
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from tests.support.exchange_material import SIZE, annotation_sets, boxes_of, draw, plain, read

RECTANGLE = {"label": "boat", "shape_type": "rectangle", "points": [[30, 2.5], [1, 40]]}
POLYGON = {"label": "fish", "shape_type": "polygon", "points": [[1, 2], [3, 0], [2, 9.5]]}
CIRCLE = {"label": "fish", "shape_type": "circle", "points": [[20, 20], [23, 24]]}


@pytest.fixture
def labelme(tmp_path):
    """Return a function that reads a file with shapes, one a line."""

    def read_shapes(*shapes, name="labels/a.json", head=None, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {"imagePath": "..\\images\\a.jpg", "imageWidth": 64, "imageHeight": 48, **(head or {})}
        lines = ",\n".join(json.dumps(shape) for shape in shapes)
        path.write_text(json.dumps(values)[:-1] + f', "shapes": [{lines}]}}')
        return read(ExchangeFormat.LABELME, tmp_path, **options)

    return read_shapes


@settings(max_examples=60)
@given(annotation_sets(digits=5))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    folder = tmp_path_factory.getbasetemp() / "law_labelme"
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(annotations.pictures):
        (folder / f"{number}.json").write_text(render_labelme(picture, picture.name), encoding="utf-8")

    found, faults = read(ExchangeFormat.LABELME, folder)
    written = AnnotationSet(found.pictures[: len(annotations.pictures)])
    assert (plain(written), faults) == (plain(annotations), [])


def test_the_corners_of_a_rectangle_may_stand_in_any_order(labelme):
    annotations, faults = labelme(RECTANGLE, {**RECTANGLE, "flags": {"difficult": True}}, name="train/a.json")

    assert faults == []
    assert boxes_of(annotations) == [("boat", 1, 2.5, 30, 40)] * 2
    assert [box.is_difficult for box in annotations.pictures[0].boxes] == [False, True]
    assert (annotations.pictures[0].name, annotations.pictures[0].split) == ("images/a.jpg", Split.TRAIN)


def test_other_shapes_become_boxes_unless_declined(labelme):
    assert labelme(POLYGON, CIRCLE, with_polygons=False)[0].left_out == {
        "shapes of the kind polygon": 1,
        "shapes of the kind circle": 1,
    }
    assert boxes_of(labelme(POLYGON, CIRCLE)[0]) == [
        ("fish", 1, 0, 3, 9.5),
        ("fish", 15, 15, 25, 25),
    ]


def test_what_a_box_cannot_say_is_counted(labelme):
    shape = {**RECTANGLE, "flags": {"wet": True, "dry": False}, "group_id": 1, "description": "old"}

    annotations, _ = labelme(shape, head={"flags": {"night": True}})
    assert annotations.left_out == {"flags of pictures": 1, "flags of shapes": 1, "group ids": 1, "descriptions": 1}


def test_a_missing_size_is_the_pictures(tmp_path, labelme):
    draw(tmp_path / "images" / "a.jpg")

    assert labelme(head={"imageWidth": None})[0].pictures[0].size == SIZE


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        pytest.param({**RECTANGLE, "label": ""}, "the label of the shape is ''", id="no label"),
        pytest.param({**RECTANGLE, "points": [[1, 2]]}, "the points of this rectangle are [[1, 2]]", id="one point"),
        pytest.param({**RECTANGLE, "points": [[1, 2], [3, "x"]]}, "the points of this rectangle", id="no number"),
        pytest.param({**RECTANGLE, "points": None}, "the points of this rectangle are None", id="no points"),
        pytest.param({**CIRCLE, "points": [[1, 2], [3, 4], [5, 6]]}, "the points of this circle", id="circle"),
        pytest.param(3, "the label of the shape is None", id="no object"),
    ],
)
def test_faults_are_told_with_their_line(labelme, shape, fault):
    _, faults = labelme(RECTANGLE, shape)

    assert len(faults) == 1
    assert faults[0].startswith(f"labels/a.json:2: {fault}")


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        pytest.param(
            {"imagePath": "../../a.jpg"}, "imagePath '../../a.jpg' points outside the source or", id="traversal"
        ),
        pytest.param({"imagePath": None}, "no imagePath or no list of shapes", id="other JSON"),
    ],
)
def test_faults_of_the_file(labelme, head, fault):
    assert labelme(head=head)[1][0].startswith(f"labels/a.json:1: {fault}")
