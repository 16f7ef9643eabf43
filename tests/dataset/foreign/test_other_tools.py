"""Formats that are only read, and how a folder of other labels is recognised."""

from __future__ import annotations

import json

import pytest

from edgetrain.annotations.recognition import recognise
from edgetrain.core.errors import DatasetError
from edgetrain.dataset.folder import find_dataset
from tests.conftest import draw_labelled
from tests.support.exchange_material import draw
from tests.support.foreign_labels import VIA, coco

# --- formats that are read only ---


STUDIO = {"x": 25, "y": 25, "width": 50, "height": 25, "rotation": 90, "rectanglelabels": ["boat"]}


@pytest.mark.parametrize(
    ("source_format", "files", "box"),
    [
        pytest.param("via", {"via.json": {"a.jpg1": VIA}}, (4, 6, 24, 16), id="VIA 2"),
        pytest.param("via", {"p.json": {"_via_img_metadata": {"a": VIA}}}, (4, 6, 24, 16), id="project of VIA"),
        pytest.param(
            "via", {"via.json": {"a": VIA | {"regions": {"0": VIA["regions"][0]}}}}, (4, 6, 24, 16), id="VIA 1"
        ),
        pytest.param(
            "via",
            {
                "v.csv": "filename,region_shape_attributes,region_attributes\n"
                'a.jpg,"{""name"":""rect"",""x"":4,""y"":6,'
                '""width"":20,""height"":10}","{""type"":""boat""}"\n'
            },
            (4, 6, 24, 16),
            id="CSV of VIA",
        ),
        pytest.param(
            "label-studio",
            {
                "p.json": [
                    {
                        "data": {"image": "/data/upload/1/1a2b3c4d-a.jpg"},
                        "annotations": [
                            {
                                "result": [
                                    {
                                        "type": "rectanglelabels",
                                        "original_width": 64,
                                        "original_height": 48,
                                        "value": STUDIO,
                                    }
                                ]
                            }
                        ],
                    }
                ]
            },
            (4, 12, 16, 44),
            id="Label Studio, turned about its corner",
        ),
        pytest.param(
            "label-studio",
            {
                "p.json": [
                    {
                        "image": "/data/upload/1/a.jpg",
                        "annotation_id": 1,
                        "label": [{**STUDIO, "rotation": 0, "original_width": 64, "original_height": 48}],
                    }
                ]
            },
            (16, 12, 48, 24),
            id="JSON-MIN",
        ),
        pytest.param(
            "voc",
            {
                "labels/a.xml": "<annotation><filename>a</filename><object><name>boat</name>"
                "<robndbox><cx>30</cx><cy>20</cy><w>20</w><h>10</h><angle>1.5707963267948966</angle></robndbox></object></annotation>"
            },
            (25, 10, 35, 30),
            id="roLabelImg",
        ),
        pytest.param(
            "voc",
            {
                "a.xml": "<annotation><object><name>boat</name>"
                "<polygon><pt><x>4</x><y>6</y></pt><pt><x>24</x><y>16</y></pt></polygon></object></annotation>"
            },
            (4, 6, 24, 16),
            id="polygon of LabelMe",
        ),
        pytest.param("csv", {"x.csv": "images/a.jpg,4,6,24,16,boat\n"}, (4, 6, 24, 16), id="keras-retinanet"),
        pytest.param(
            "csv",
            {"x.csv": "image,x_min,y_min,x_max,y_max,label\na.jpg,4,6,24,16,boat\n"},
            (4, 6, 24, 16),
            id="other names of columns",
        ),
        pytest.param("yolo", {"a.txt": "0 0.5 0.5 0.5 0.5", "_darknet.labels": "boat"}, (16, 12, 48, 36), id="Darknet"),
    ],
)
def test_formats_of_other_tools(bring, made, source_format, files, box):
    bring(source_format, files)

    assert made() == {"a.jpg": [("boat", *box)]}


@pytest.mark.parametrize(
    ("source_format", "content", "fault"),
    [
        pytest.param("label-studio", [7], "p.json:1: a task is not an", id="no task"),
        pytest.param("label-studio", {"a": 1}, "p.json:1: this is one object, not the list of tasks", id="no list"),
        pytest.param(
            "label-studio",
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": []}, {"result": []}]}],
            "has 2 annotations. Only one can be the ground truth",
            id="two annotations",
        ),
        pytest.param(
            "label-studio",
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": [{"id": [], "type": "rectanglelabels"}]}]}],
            "a region has no label",
            id="no label",
        ),
        pytest.param("via", {"a": {"filename": 3}}, "a picture has no filename", id="no filename"),
        pytest.param(
            "via",
            {
                "config": {},
                "view": {"1": {"fid_list": ["1", "2"]}},
                "metadata": {"m": {"vid": "1", "z": [2], "xy": [1]}},
            },
            "a region is at a time of a video(.|\n)*the view '1' has 2 files",
            id="VIA 3 of a video",
        ),
        pytest.param(
            "via",
            {"a": VIA | {"regions": [{"shape_attributes": {"name": "rect"}, "region_attributes": {"t": "x"}}]}},
            "a.jpg: the shape .* cannot be read",
            id="no sides",
        ),
        pytest.param("coco", [1], "it is a list", id="a list"),
    ],
)
def test_what_cannot_be_read_is_a_fault_in_words(bring, tmp_path, source_format, content, fault):
    with pytest.raises(DatasetError, match=fault):
        bring(source_format, {"p.json": content})
    assert not (tmp_path / "made").exists()


def test_a_table_without_a_header_is_read_by_the_names_that_are_given(bring, made):
    columns = ("class", "filename", "xmin", "xmax", "ymin", "ymax")

    with pytest.raises(DatasetError, match=r"--columns"):
        bring("csv", {"x.csv": "boat,a.jpg,4,24,6,16\n"})
    bring("csv", {"x.csv": "boat,a.jpg,4,24,6,16\n"}, columns=columns)
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


def test_several_sets_of_voc_become_one_with_their_lists(bring, tmp_path):
    xml = "<annotation><filename>1.jpg</filename></annotation>"
    files = {
        f"VOC{year}/Annotations/{number}.xml": xml.replace("1.jpg", f"{number}.jpg")
        for year in (2007, 2012)
        for number in (1, 2, 3)
    }
    files |= {
        f"VOC{year}/ImageSets/Main/{name}.txt": f"{number}\n"
        for year in (2007, 2012)
        for number, name in ((1, "train"), (2, "val"), (3, "test"))
    }

    report = bring(
        "voc", files, [f"VOC{year}/JPEGImages/{number}.jpg" for year in (2007, 2012) for number in (1, 2, 3)]
    )
    assert report.summary.startswith("6 pictures, 0 boxes")
    assert "the source's splits were kept in splits/ (train 2, validation 2, test 2)" in report.notes
    assert (tmp_path / "made" / "annotations" / "VOC2012" / "1.xml").is_file()


# --- recognition ---

FOREIGN = [
    pytest.param({"meta.json": {"classes": [{"title": "x", "shape": "rectangle"}]}}, "Supervisely", id="Supervisely"),
    pytest.param({"annotations/default.json": {"dm_format_version": "1.0", "items": []}}, "Datumaro", id="Datumaro"),
    pytest.param({"x.json": [{"image": "a.jpg", "annotations": [{"coordinates": {}}]}]}, "CreateML", id="CreateML"),
    pytest.param({"bounding_boxes.labels": "{}"}, "Edge Impulse", id="Edge Impulse"),
    pytest.param({"train/metadata.jsonl": "{}"}, "Hugging Face", id="Hugging Face"),
    pytest.param({"train/x.tfrecord": "x"}, "TFRecord", id="TFRecord"),
    pytest.param({"labelTxt/a.txt": f"imagesource:x\n{'1.5 ' * 8}plane 0\n"}, "DOTA", id="DOTA"),
    pytest.param({"label_2/a.txt": f"Car {'1 ' * 14}\n"}, "KITTI", id="KITTI"),
    pytest.param({"x-export.json": {"assets": {"1": {"asset": {}, "regions": []}}}}, "VoTT", id="VoTT"),
    pytest.param({"a.json": {"item": {}, "annotations": [{"bounding_box": {}}]}}, "Darwin", id="Darwin"),
    pytest.param({"x.ndjson": '{"data_row": {}, "projects": {}}'}, "Labelbox", id="Labelbox"),
    pytest.param({"x.manifest": '{"source-ref": "s3://a"}'}, "Ground Truth", id="Ground Truth"),
    pytest.param({"x.ndjson": '{"type": "dataset", "class_names": {}}'}, "Ultralytics", id="Ultralytics"),
    pytest.param({"x.csv": "TRAIN,gs://x/a.jpg,boat,0.1,0.1,,,0.2,0.2,,\n"}, "AutoML", id="AutoML"),
    pytest.param({"x.tar.gz": "x"}, "archive", id="archive"),
]
KNOWN = [
    pytest.param({"x.json": coco({})}, "coco", id="COCO"),
    pytest.param({"data.yaml": "names: [a]"}, "yolo", id="YOLO"),
    pytest.param({"a.xml": "<annotations>"}, "cvat", id="CVAT"),
    pytest.param({"a.json": {"shapes": [], "imagePath": "a.jpg"}}, "labelme", id="LabelMe"),
    pytest.param({"a.json": {"a": VIA}}, "via", id="VIA"),
    pytest.param({"a.json": [{"annotations": [{"result": []}]}]}, "label-studio", id="Label Studio"),
    pytest.param({"a.csv": "filename,width,height,class,xmin,ymin,xmax,ymax\n"}, "csv", id="CSV"),
    pytest.param({"b.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\n"}, "open-images", id="Open Images"),
]


@pytest.mark.parametrize(("files", "name"), FOREIGN)
def test_a_format_that_is_not_read_is_named_with_what_to_export(bring, tmp_path, files, name):
    with pytest.raises(DatasetError, match=rf"This is .*{name}.*, which edgetrain cannot read\. .*"):
        bring("coco", files)
    with pytest.raises(DatasetError, match=rf"there is no annotation .* This is .*{name}"):
        find_dataset(tmp_path / "source")


@pytest.mark.parametrize(("files", "name"), KNOWN)
def test_a_dataset_of_another_format_is_told_the_very_command(tmp_path, files, name):
    for file, content in files.items():
        (tmp_path / file).write_text(content if isinstance(content, str) else json.dumps(content))

    with pytest.raises(DatasetError, match=rf'"ci/inv import-annotations --from {name} --source {tmp_path} --dataset '):
        find_dataset(tmp_path)


def test_annotations_that_lie_deeper_are_named(tmp_path):
    for name in ("train", "test"):
        draw_labelled(tmp_path / "images", "a", folders=(name, name))

    with pytest.raises(
        DatasetError, match=rf"2 annotations are deeper inside\. Name that folder: --dataset {tmp_path}/images\."
    ):
        find_dataset(tmp_path)


def test_nothing_is_recognised_where_nothing_is(tmp_path):
    draw(tmp_path / "a.jpg")

    assert recognise(tmp_path) is None
