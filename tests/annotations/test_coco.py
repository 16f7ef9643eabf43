"""COCO JSON: what other tools write is read right, pycocotools reads what is written, faults stand at their lines."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from hypothesis import given, settings
from pycocotools.coco import COCO

from edgetrain.annotations.coco import render_coco
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from tests.support.exchange_material import SIZE, annotation_sets, boxes_of, draw, plain, read

IMAGES = [{"id": 7, "file_name": "ünï.jpg", "width": 64, "height": 48}]
CATEGORIES = [{"id": 90, "name": "zebra"}, {"id": 3, "name": "böat"}]
BOX = {"image_id": 7, "category_id": 90, "bbox": [1.5, 2, 3, 4.25]}


@pytest.fixture
def coco(tmp_path):
    """Return a function that reads a file of the given lists, one element a line."""

    def read_lists(images=IMAGES, annotations=(BOX,), categories=CATEGORIES, **options):
        lists = {"images": images, "categories": categories, "annotations": annotations}
        inside = ",\n".join(
            f'"{key}": [' + ",\n".join(json.dumps(v) for v in values) + "]" for key, values in lists.items()
        )
        (tmp_path / "x.json").write_text("{" + inside + "}")
        return read(ExchangeFormat.COCO, tmp_path, **options)

    return read_lists


@settings(max_examples=60)
@given(annotation_sets(digits=6))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    path = tmp_path_factory.getbasetemp() / "law.json"
    path.write_text(render_coco(annotations), encoding="utf-8")

    found, faults = read(ExchangeFormat.COCO, path)
    assert (plain(found), found.classes, faults) == (plain(annotations), annotations.classes, [])


@settings(max_examples=60)
@given(annotation_sets())
def test_pycocotools_reads_the_same_boxes(tmp_path_factory, annotations):
    path = tmp_path_factory.getbasetemp() / "independent.json"
    path.write_text(render_coco(annotations), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(path))

    for image_id, picture in zip(sorted(found.imgs), annotations.pictures):
        entries = found.loadAnns(found.getAnnIds(imgIds=image_id))
        assert found.imgs[image_id]["file_name"] == picture.name
        assert [found.cats[entry["category_id"]]["name"] for entry in entries] == [b.class_name for b in picture.boxes]
        for entry, labelled in zip(entries, picture.boxes):
            box = labelled.box
            assert entry["bbox"] == pytest.approx([box.xmin, box.ymin, box.width, box.height], abs=1e-6)


def test_ids_with_gaps_order_the_classes(coco):
    annotations, faults = coco()

    assert faults == []
    assert annotations.classes == ("böat", "zebra")
    assert boxes_of(annotations) == [("zebra", 1.5, 2, 4.5, 6.25)]


def test_ignored_boxes_are_difficult_and_what_voc_cannot_say_is_counted(coco):
    crowd = {**BOX, "iscrowd": 1}
    polygon = {**BOX, "segmentation": [[1, 2, 3, 4]], "keypoints": [1]}

    annotations, _ = coco(annotations=[{**BOX, "ignore": 1}, crowd, polygon])
    assert [box.is_difficult for box in annotations.pictures[0].boxes] == [True, False]
    assert annotations.left_out == {"crowds": 1, "segmentations": 1, "keypoints": 1}


def test_a_polygon_without_a_box_becomes_one_unless_declined(coco):
    polygon = {"image_id": 7, "category_id": 3, "segmentation": [[1, 2, 30, 4], [5, 0, 6, 40.5]]}

    assert boxes_of(coco(annotations=[polygon], with_polygons=False)[0]) == []
    assert coco(annotations=[polygon], with_polygons=False)[0].left_out["polygons without a box"] == 1
    assert boxes_of(coco(annotations=[polygon])[0]) == [("böat", 1, 0, 30, 40.5)]
    assert len(coco(annotations=[{**polygon, "segmentation": {"counts": "x"}}])[1]) == 1


def test_a_missing_size_is_the_pictures(tmp_path, coco):
    draw(tmp_path / "pictures" / "a.jpg")

    assert coco(images=[{"id": 7, "file_name": "a.jpg"}])[0].pictures[0].size == SIZE


@pytest.mark.parametrize(
    ("lists", "fault"),
    [
        pytest.param(
            {"images": [*IMAGES, {"id": 1, "file_name": "../a"}]}, "2: file_name '../a' is no", id="traversal"
        ),
        pytest.param({"images": [*IMAGES, *IMAGES]}, "2: the image id 7 occurs twice. Renumber", id="image twice"),
        pytest.param({"images": [*IMAGES, {}]}, "2: an image needs an id", id="no image id"),
        pytest.param({"images": [*IMAGES, 3]}, '2: "images" must contain only objects', id="no object"),
        pytest.param({"categories": [*CATEGORIES, {"id": 1}]}, "4: a category needs", id="no class name"),
        pytest.param({"categories": [*CATEGORIES, {"id": 3, "name": "x"}]}, "4: the category id 3", id="class twice"),
        pytest.param(
            {"annotations": [BOX, {**BOX, "image_id": 8}]}, "5: image_id 8 does not match the id", id="no image"
        ),
        pytest.param(
            {"annotations": [BOX, {**BOX, "category_id": 8}]}, "5: category_id 8 does not match the id", id="no class"
        ),
        pytest.param({"annotations": [BOX, {**BOX, "bbox": [1, 2, 3]}]}, "5: bbox is [1, 2, 3], not", id="three sides"),
        pytest.param({"annotations": [BOX, {**BOX, "bbox": [1, 2, 3, "x"]}]}, "5: bbox is", id="word for a number"),
    ],
)
def test_faults_stand_at_the_line_of_their_object(coco, lists, fault):
    _, faults = coco(**lists)

    assert len(faults) == 1
    assert faults[0].startswith(f"x.json:{fault}")


def test_other_json_is_told_apart(tmp_path):
    (tmp_path / "x.json").write_text('{"shapes": []}')

    assert read(ExchangeFormat.COCO, tmp_path)[1][0].startswith('x.json:1: no list "annotations"; this is not COCO')


def test_files_of_splits_divide(tmp_path):
    for name in ("train", "val"):
        (tmp_path / f"instances_{name}2017.json").write_text(
            json.dumps({"images": [{**IMAGES[0], "file_name": f"{name}.jpg"}], "categories": [], "annotations": []})
        )

    assert [picture.split for picture in read(ExchangeFormat.COCO, tmp_path)[0].pictures] == [
        Split.TRAIN,
        Split.VALIDATION,
    ]
