"""Labels of other people, as they really come: each kind that once went wrong in silence, with its right value."""

from __future__ import annotations

import json
import unicodedata
import zipfile

import pytest
from PIL import Image, ImageDraw

from edgetrain.annotations.archive import unpack
from edgetrain.annotations.recognition import recognise
from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset import export_annotations, import_annotations, label_map, split
from edgetrain.dataset.folder import find_dataset
from edgetrain.dataset.zipped import with_unzipped_dataset
from edgetrain.images.image_file import decode, probe
from edgetrain.review import validate
from edgetrain.review.validate import check
from tests.conftest import draw_labelled
from tests.support.exchange_material import draw
from tests.support.places import SHARED_DIR

CASES = SHARED_DIR / "cases" / "annotations"
SIZE = {"width": 64, "height": 48}


@pytest.fixture
def bring(settings, workspace, tmp_path):
    """Return a function that writes files beside pictures, and imports them from ``source`` into ``made``."""

    def run(source_format, files, pictures=("a.jpg",), source=None, **changes):
        for name, content in files.items():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        for name in pictures:
            draw(tmp_path / "source" / name)
        given = {f"import_annotations__{key}": value for key, value in changes.items()}
        given |= {"import_annotations__format": source_format}
        given |= {"import_annotations__source": source or tmp_path / "source"}
        return import_annotations.run(settings(tmp_path / "made", **given), workspace)

    return run


@pytest.fixture
def made(tmp_path):
    """Return a function that gives class and corners of the imported boxes by picture."""

    def boxes():
        folder = find_dataset(tmp_path / "made")
        images = [folder.read(item) for item in folder.items]
        return {
            image.image_path.name: [(one.class_name, *vars(one.box).values()) for one in image.annotation.boxes]
            for image in images
        }

    return boxes


def coco(*annotations, images=("a.jpg",), categories=("boat",), **extra):
    return {
        "images": [{"id": number, "file_name": name, **SIZE} for number, name in enumerate(images)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
        "annotations": [{"image_id": 0, "category_id": 1, "bbox": [4, 6, 20, 10], **one} for one in annotations],
        **extra,
    }


def rules_of(settings, workspace, root):
    return [(one.file, one.rule) for one in check(settings(root), workspace)[0] if one.rule != "class-rare"]


# --- pictures that are stored turned ---


def draw_turned(path, orientation, box):
    """Save a picture whose stored pixels have a red rectangle, with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (64, 32), "black")
    ImageDraw.Draw(image).rectangle(box, fill="red")
    exif = Image.Exif()
    exif[274] = orientation
    image.save(path, quality=95, exif=exif)


def red_share(path, box):
    """Return the share of a box, in the pixels as training decodes them, that is red."""
    pixels = decode(path.read_bytes()).crop(tuple(map(round, box)))
    data = pixels.tobytes()
    return sum(red > 128 > green for red, green in zip(data[::3], data[1::3])) / (len(data) / 3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("answer", ["turned", "stored"])
def test_of_a_turned_picture_boxes_and_pixels_agree_once_it_is_said_how_it_was_seen(
    bring, made, tmp_path, orientation, answer
):
    draw_turned(tmp_path / "source" / "images" / "a.jpg", orientation, (8, 4, 23, 11))
    # The same rectangle as a person sees it, and as it is stored.
    seen = {3: (41 / 64, 21 / 32), 6: (21 / 32, 8 / 64), 8: (4 / 32, 41 / 64)}[orientation]
    across = orientation != 3
    width, height = (8 / 32, 16 / 64) if across else (16 / 64, 8 / 32)
    x, y = seen if answer == "turned" else (8 / 64, 4 / 32)
    width, height = (width, height) if answer == "turned" else (16 / 64, 8 / 32)
    files = {"labels/a.txt": f"0 {x + width / 2} {y + height / 2} {width} {height}", "classes.txt": "boat"}

    with pytest.raises(DatasetError, match=r"1 picture with an EXIF orientation: .*--boxes-drawn-on turned"):
        bring("yolo", files, pictures=())
    assert not (tmp_path / "made").exists()
    bring("yolo", files, pictures=(), boxes_drawn_on=answer)
    picture = tmp_path / "made" / "images" / "a.jpg"
    assert probe(picture).exif_orientation == 1
    assert red_share(picture, made()["a.jpg"][0][1:]) > 0.8
    assert bring("yolo", files, pictures=(), boxes_drawn_on=answer).results["written"] == 0


def test_a_stored_size_does_not_tell_on_which_picture_boxes_were_drawn_but_the_turned_one_does(bring, tmp_path):
    draw_turned(tmp_path / "source" / "a.jpg", 6, (8, 4, 23, 11))
    value = coco({})
    value["images"][0] |= {"width": 64, "height": 32}

    with pytest.raises(DatasetError, match="nothing tells"):
        bring("coco", {"x.json": value}, pictures=())
    value["images"][0] |= {"width": 32, "height": 64}
    assert bring("coco", {"x.json": value}, pictures=()).results["boxes"] == 1


# --- objects that are no boxes ---


def test_a_picture_that_lost_all_its_objects_is_no_negative_unless_that_is_said(bring, made, tmp_path):
    files = {"x.json": coco({"iscrowd": 1}, images=("a.jpg", "b.jpg"))}
    pictures = ("a.jpg", "b.jpg")

    with pytest.raises(DatasetError, match=r"of 1 picture no object is left, since crowds are left out: a.jpg"):
        bring("coco", files, pictures)
    assert not (tmp_path / "made").exists()
    report = bring("coco", files, pictures, emptied_pictures="leave-out")
    assert (list(made()), report.results["lost"]) == (["b.jpg"], {"crowds": {"a.jpg": 1}})
    bring("coco", files, pictures, emptied_pictures="negatives")
    assert made() == {"a.jpg": [], "b.jpg": []}
    bring("coco", files, pictures, boxes_from_crowds=True, replace=True)
    assert made()["a.jpg"] == [("boat", 4, 6, 24, 16)]


def test_a_picture_that_lost_some_objects_is_named_with_their_kind(bring):
    report = bring("coco", {"x.json": coco({}, {"iscrowd": 1})})

    assert "left out, since Pascal VOC boxes cannot say it: 1 crowds, in a.jpg" in report.notes


@pytest.mark.parametrize(
    ("annotation", "box"),
    [
        pytest.param({"bbox": [10, 10, 20, 10], "attributes": {"rotation": 90}}, (15, 5, 25, 25), id="turned"),
        pytest.param({"bbox": [50, 10, 20, 10], "attributes": {"rotation": 45}}, (49.393, 4.393, 64, 25.607), id="cut"),
        pytest.param({"bbox": [], "segmentation": [5, 6, 30, 6, 30, 40]}, (5, 6, 30, 40), id="VIA's flat polygon"),
        # Columns of 48 pixels: rows 10 to 19 of column 2, rows 5 to 8 of column 3.
        pytest.param(
            {"bbox": None, "segmentation": {"counts": [106, 10, 33, 4], "size": [48, 64]}}, (2, 5, 4, 20), id="mask"
        ),
        pytest.param(
            {"bbox": None, "segmentation": {"counts": "Z3:Q1JVj2", "size": [48, 64]}}, (2, 5, 4, 20), id="packed mask"
        ),
    ],
)
def test_the_box_around_other_shapes(bring, made, annotation, box):
    report = bring("coco", {"x.json": coco(annotation)})

    assert made()["a.jpg"] == [("boat", *box)]
    assert sum(report.results["boxed"].values()) == 1


def test_rows_with_keypoints_are_boxes_where_data_yaml_says_so_and_a_fault_where_nothing_does(bring, made):
    row = "0 0.7 0.7 0.2 0.3 0.65 0.6 0.75 0.6 0.65 0.8 0.75 0.8"
    files = {"labels/a.txt": row, "data.yaml": "names: [boat]"}

    with pytest.raises(DatasetError, match=r"labels/a.txt:1: .* may be a polygon, or a box with keypoints"):
        bring("yolo", files, ["images/a.jpg"])
    report = bring("yolo", files | {"data.yaml": "names: [boat]\nkpt_shape: [4, 2]"}, ["images/a.jpg"])
    assert (made()["a.jpg"], report.results["left_out"]) == ([("boat", 38.4, 26.4, 51.2, 40.8)], {"keypoints": 1})
    bring("yolo", files | {"data.yaml": "names: [boat]\nkpt_shape: []"}, ["images/a.jpg"], replace=True)
    assert made()["a.jpg"] == [("boat", 12.8, 14.4, 48, 38.4)]


# --- YOLO's folders, lists and names ---


def test_label_files_that_no_picture_uses_are_faults(bring):
    row = "boat 20.0 30.5 40.0 40.0"

    with pytest.raises(DatasetError, match=r"sub/Label/a.txt:1: there is no picture for these labels"):
        bring("yolo", {"sub/Label/a.txt": row, "classes.txt": "boat"}, ["sub/a.jpg"])


def test_folders_are_known_in_any_case(bring, made):
    bring("yolo", {"Ben/LABELS/a.txt": "0 0.5 0.5 0.5 0.5", "classes.txt": "boat"}, ["Ben/Images/a.jpg"])

    assert made() == {"a.jpg": [("boat", 16, 12, 48, 36)]}


def test_names_of_yaml_are_text(bring):
    labels = {"labels/a.txt": "0 0.5 0.5 0.5 0.5"}

    report = bring("yolo", labels | {"data.yaml": "names: [yes, no, 007, 1.50, null, 1e3]"}, ["images/a.jpg"])
    assert report.results["classes"] == ["yes", "no", "007", "1.50", "null", "1e3"]


@pytest.mark.parametrize(
    ("config", "lists"),
    [
        pytest.param("train: tr.txt\nval: va.txt\ntest: [te.txt]", True, id="lists"),
        pytest.param(
            "path: /data/me/set\ntrain: images/one\nval: images/two\ntest: ../images/three", False, id="folders"
        ),
    ],
)
def test_the_division_of_data_yaml_is_kept(bring, tmp_path, config, lists):
    places = {"one/a.jpg": "tr", "two/b.jpg": "va", "three/c.jpg": "te"}
    files = {"data.yaml": f"{config}\nnames: [boat]"}
    files |= {f"{name}.txt": f"/home/other/images/{place}\n" for place, name in places.items()} if lists else {}

    bring("yolo", files, [f"images/{place}" for place in places])
    splits = [item.split for item in find_dataset(tmp_path / "made").items]
    assert splits == [Split.TRAIN, Split.TEST, Split.VALIDATION]


def test_a_folder_of_a_split_that_is_not_there_is_said_and_no_other_stands_in_for_it(bring):
    config = "train: ../train/images\nval: ../valid/images\nnames: [boat]"

    report = bring("yolo", {"data.yaml": config, "labels/a.txt": ""}, ["images/a.jpg"])
    assert any("this is not below the source: data.yaml: ../train/images, " in note for note in report.notes)


def test_regions_without_a_class_are_faults_unless_all_are_given_one(bring, made):
    entry = {**VIA, "regions": [{**VIA["regions"][0], "region_attributes": {}}]}

    with pytest.raises(DatasetError, match=r"a region has no class .*--class-name NAME"):
        bring("via", {"via.json": {"a": entry}})
    bring("via", {"via.json": {"a": entry}}, class_name="fire")
    assert made() == {"a.jpg": [("fire", 4, 6, 24, 16)]}


def test_a_division_into_equal_parts_is_dropped_and_said(bring):
    report = bring("yolo", {"data.yaml": "train: images\nval: images\nnames: [boat]"}, ["images/a.jpg"])

    assert any("1 picture in train and validation at once" in note for note in report.notes)


def test_an_export_to_yolo_says_that_train_and_val_are_the_same(settings, workspace, voc_dataset, tmp_path):
    given = {"export_annotations__format": "yolo", "export_annotations__out": tmp_path / "out"}

    notes = export_annotations.run(settings(voc_dataset, **given), workspace).notes
    assert any("same folder for train and val" in note for note in notes)


# --- COCO's relatives ---


def test_a_root_category_is_no_class_unless_it_has_boxes(bring):
    value = coco({"category_id": 2}, categories=("pets", "cat", "dog"))
    for category in value["categories"]:
        category["supercategory"] = "none" if category["name"] == "pets" else "pets"

    assert bring("coco", {"x.json": value}).results["classes"] == ["cat", "dog"]
    value["annotations"].append({**value["annotations"][0], "category_id": 1})
    assert bring("coco", {"x.json": value}, replace=True).results["classes"] == ["pets", "cat", "dog"]


@pytest.mark.parametrize(
    "stated",
    [
        "..\\..\\label-studio\\media\\upload\\4\\a.jpg",
        "/data/local-files/?d=pics/a.jpg",
        "C:\\Users\\x\\a.jpg",
        "https://app.example.com/x/a.jpg?token=1",
        "/data/upload/1/1a2b3c4d-a.jpg",
        "elsewhere/a.jpg",
    ],
)
def test_a_foreign_path_is_followed_by_its_name_if_that_is_there_once(bring, made, stated):
    report = bring("coco", {"x.json": coco({}, images=(stated,))}, ["images/a.jpg"])

    assert list(made()) == ["a.jpg"]
    assert any("1 picture found by name" in note for note in report.notes)
    with pytest.raises(DatasetError, match=r"no relative path|there are several"):
        bring("coco", {"x.json": coco({}, images=(stated,))}, ["other/a.jpg"])


def test_ids_may_be_numbers_in_quotes(bring, made):
    bring("coco", {"x.json": coco({"image_id": "0", "category_id": "1"})})

    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


def test_files_beside_the_objects_are_passed_over_and_said(bring, made):
    files = {
        "annotations/captions_val2017.json": coco() | {"annotations": [{"image_id": 0, "caption": "x"}]},
        "annotations/instances_val2017.json": coco({}),
        "annotations/person_keypoints_val2017.json": coco({}),
    }

    report = bring("coco", files, ["images/a.jpg"])
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}
    assert [note.split(" (")[0] for note in report.notes[:2]] == [
        "passed over: annotations/captions_val2017.json",
        "passed over: annotations/person_keypoints_val2017.json",
    ]


# --- formats that are read only ---

VIA = {
    "filename": "a.jpg",
    "size": 1,
    "regions": [
        {
            "shape_attributes": {"name": "rect", "x": 4, "y": 6, "width": 20, "height": 10},
            "region_attributes": {"type": {"boat": True, "fish": False}},
        }
    ],
}
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
        pytest.param("label-studio", [7], "p.json:1: a task is no object", id="no task"),
        pytest.param("label-studio", {"a": 1}, "p.json:1: this is one object, not the list of tasks", id="no list"),
        pytest.param(
            "label-studio",
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": []}, {"result": []}]}],
            "has 2 annotations, and none alone is the ground truth",
            id="two annotations",
        ),
        pytest.param(
            "label-studio",
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": [{"id": [], "type": "rectanglelabels"}]}]}],
            "a region has no label",
            id="no label",
        ),
        pytest.param("via", {"a": {"filename": 3}}, "a picture has no filename", id="no filename"),
        pytest.param("via", {"config": 1, "metadata": 1, "view": 1}, "a project of VIA 3", id="VIA 3"),
        pytest.param(
            "via",
            {"a": VIA | {"regions": [{"shape_attributes": {"name": "rect"}, "region_attributes": {"t": "x"}}]}},
            "a.jpg: the shape .* cannot be read",
            id="no sides",
        ),
        pytest.param("coco", [1], 'it is a list that begins with "\\["', id="a list"),
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
    assert "the source's division was kept in splits/ (train 2, validation 2, test 2)" in report.notes
    assert (tmp_path / "made" / "annotations" / "VOC2012" / "1.xml").is_file()


# --- zips ---


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_zip_of_a_tool_is_taken_as_it_is(bring, made, tmp_path):
    draw(tmp_path / "a.jpg")
    files = {
        "x.json": json.dumps(coco({})),
        "images/a.jpg": (tmp_path / "a.jpg").read_bytes(),
        "__MACOSX/._a.jpg": b"x",
    }

    bring("coco", {}, (), source=packed(tmp_path / "x.zip", files))
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        pytest.param("../a.txt", b"x", "leads out of the archive", id="upwards"),
        pytest.param("/etc/a.txt", b"x", "leads out of the archive", id="absolute"),
        pytest.param("a\\..\\..\\b.txt", b"x", "leads out of the archive", id="backslashes"),
        pytest.param("a.txt", bytes(300 << 20), "more than pictures and labels ever shrink", id="bomb"),
    ],
)
def test_an_archive_that_is_no_export_is_refused_and_writes_nothing(tmp_path, name, content, fault):
    path = packed(tmp_path / "x.zip", {name: content})
    (tmp_path / "out" / "inside").mkdir(parents=True)

    with pytest.raises(DatasetError, match=fault):
        unpack(path, tmp_path / "out" / "inside")
    assert [one for one in (tmp_path / "out").rglob("*") if one.is_file()] == []


def test_a_link_and_a_damaged_archive_are_refused(tmp_path):
    entry = zipfile.ZipInfo("a.txt")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    data = packed(tmp_path / "whole.zip", {"a.txt": b"x" * 5000}).read_bytes()
    (tmp_path / "damaged.zip").write_bytes(data[:40] + b"\0\0\0\0" + data[44:])
    (tmp_path / "out").mkdir()

    for name, fault in (("link.zip", "is a link"), ("damaged.zip", "cannot be read")):
        with pytest.raises(DatasetError, match=fault):
            unpack(tmp_path / name, tmp_path / "out")


def test_a_dataset_may_be_a_zip(settings, workspace, voc_dataset, tmp_path):
    files = {
        f"set/{path.relative_to(voc_dataset).as_posix()}": path.read_bytes()
        for path in voc_dataset.rglob("*")
        if path.is_file()
    }

    unzipped = with_unzipped_dataset(settings(packed(tmp_path / "set.zip", files)))
    assert len(find_dataset(unzipped.dataset.root).items) == 12
    assert with_unzipped_dataset(settings(tmp_path / "set.zip")).dataset.root == unzipped.dataset.root
    with pytest.raises(DatasetError, match=r"This is COCO JSON. Import it: .*--from coco --source .*x.zip"):
        with_unzipped_dataset(settings(packed(tmp_path / "x.zip", {"x.json": json.dumps(coco({}))})))


# --- recognition ---

FOREIGN = [
    pytest.param({"meta.json": {"classes": [{"title": "x", "shape": "rectangle"}]}}, "Supervisely", id="Supervisely"),
    pytest.param({"annotations/default.json": {"dm_format_version": "1.0", "items": []}}, "Datumaro", id="Datumaro"),
    pytest.param({"x.json": [{"image": "a.jpg", "annotations": [{"coordinates": {}}]}]}, "CreateML", id="CreateML"),
    pytest.param({"bounding_boxes.labels": "{}"}, "Edge Impulse", id="Edge Impulse"),
    pytest.param({"train/metadata.jsonl": "{}"}, "Hugging Face", id="Hugging Face"),
    pytest.param({"train/x.tfrecord": "x"}, "TFRecord", id="TFRecord"),
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
    with pytest.raises(DatasetError, match=rf"This is .*{name}.*, which is not read\. .*"):
        bring("coco", files)
    with pytest.raises(DatasetError, match=rf"no annotation found .* This is .*{name}"):
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
        DatasetError, match=rf"2 annotations lie deeper\. Name that folder: --dataset {tmp_path}/images\."
    ):
        find_dataset(tmp_path)


def test_nothing_is_recognised_where_nothing_is(tmp_path):
    draw(tmp_path / "a.jpg")

    assert recognise(tmp_path) is None


# --- names in other forms, label maps ---


def test_names_in_another_unicode_form_or_with_percent_codes_are_found_with_one_warning(settings, workspace, tmp_path):
    for number, (stem, written) in enumerate(
        [("Zähler_ñ", unicodedata.normalize("NFD", "Zähler_ñ")), ("a b", "a%20b"), ("100%", "100%")]
    ):
        path = draw_labelled(tmp_path, stem, shade=40 * number)
        path.write_text(path.read_text(encoding="utf-8").replace(f"{stem}.jpg", f"{written}.jpg"), encoding="utf-8")
        path.rename(path.with_name(f"{written}.xml"))

    found = rules_of(settings, workspace, tmp_path)
    assert found == [
        (f"annotations/{unicodedata.normalize('NFD', 'Zähler_ñ')}.xml", "filename-form"),
        ("annotations/a%20b.xml", "filename-form"),
    ]


def test_display_names_are_the_classes_where_the_names_are_those_of_no_box(settings, workspace, voc_dataset):
    names = ("fish", "boat", "house")
    items = (f"item {{ id: {n} name: '/m/{n}' display_name: '{name}' }}\n" for n, name in enumerate(names, start=1))
    (voc_dataset / "label_map.pbtxt").write_text("".join(items))

    assert label_map.run(settings(voc_dataset), workspace).results["classes"] == list(names)
    assert read_label_map(workspace.label_map_path).names == names
    assert "class-unknown" not in {rule for _, rule in rules_of(settings, workspace, voc_dataset)}


# --- augmented copies, validation pictures ---


def test_augmented_copies_stay_together_and_that_is_said(settings, workspace, tmp_path):
    for number in range(24):
        draw_labelled(tmp_path / "set", f"IMG_{number % 8}_jpg.rf.{number:06x}", shade=10 * number)

    report = split.run(settings(tmp_path / "set"), workspace)
    places = {}
    for part in Split:
        for line in workspace.split_path(part).read_text().splitlines():
            places.setdefault(line.split(".rf.")[0], set()).add(part)
    assert {len(parts) for parts in places.values()} == {1}
    assert "24 augmented copies (NAME.rf.…) of 8 pictures: copies stay together" in report.notes


def test_a_division_that_parts_augmented_copies_is_an_error(settings, workspace, tmp_path):
    for folder in ("train", "test"):
        draw_labelled(tmp_path, f"a_jpg.rf.{folder}", folders=(folder, folder), shade=len(folder))

    assert ("train/a_jpg.rf.train.xml", "split-augmented") in rules_of(settings, workspace, tmp_path)


@pytest.mark.parametrize(("share", "count"), [(0.25, 1), (0, 0)])
def test_without_validation_pictures_a_share_of_train_becomes_them(settings, workspace, voc_dataset, share, count):
    (voc_dataset / "splits").mkdir()
    names = sorted(f"annotations/{path.name}" for path in (voc_dataset / "annotations").glob("*.xml"))
    for name, own in (("train", names[:8]), ("test", names[8:])):
        (voc_dataset / "splits" / f"{name}.txt").write_text("".join(f"{one}\n" for one in own))

    report = split.run(settings(voc_dataset, split__validation=share), workspace)
    chosen = workspace.split_path(Split.VALIDATION).read_text().splitlines()
    assert bool(chosen) == bool(count)
    assert set(chosen) <= set(names[:8])
    assert workspace.split_path(Split.TEST).read_text().splitlines() == names[8:]
    assert any("has no validation split" in note for note in report.notes)


# --- chosen classes ---


def test_chosen_classes_are_applied_counted_and_said_and_files_stay(settings, workspace, voc_dataset):
    before = {path: path.read_bytes() for path in voc_dataset.rglob("*.xml")}
    given = {"dataset__classes": {"rename": {"fish": "boat"}, "drop": ["house"], "emptied": "leave-out"}}

    report = split.run(settings(voc_dataset, **given), workspace)
    assert {name for one in report.results["splits"].values() for name in one["classes"]} == {"boat"}
    assert any(note.startswith("dataset.classes: boxes under another name: ") for note in report.notes)
    assert any(note.startswith("dataset.classes: 5 boxes left out: house 5") for note in report.notes)
    assert label_map.run(settings(voc_dataset, **given), workspace).results["classes"] == ["boat"]
    assert {path: path.read_bytes() for path in voc_dataset.rglob("*.xml")} == before


def test_a_picture_without_a_chosen_object_is_a_negative_only_if_said(settings, workspace, voc_dataset):
    choice = {"keep": ["boat"]}

    with pytest.raises(DatasetError, match=r"dataset.classes leaves no object in \d+ pictures"):
        split.run(settings(voc_dataset, dataset__classes=choice), workspace)
    found = check(settings(voc_dataset, dataset__classes=choice), workspace)[0]
    assert "class-emptied" in {one.rule for one in found}
    split.run(settings(voc_dataset, dataset__classes={**choice, "emptied": "negatives"}), workspace)
    lines = sum(len(workspace.split_path(part).read_text().splitlines()) for part in Split)
    assert lines == 12


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        pytest.param({"kep": ["a"]}, r'kep is not a setting\. Did you mean "keep"', id="unknown"),
        pytest.param({"keep": ["a"], "drop": ["a"]}, "'a' is in keep and in drop", id="contradiction"),
        pytest.param("a", "must be a mapping of keep, rename, drop, emptied", id="text"),
        pytest.param({"rename": {"a": ""}}, "empty name", id="empty name"),
    ],
)
def test_a_choice_of_classes_that_makes_no_sense_is_an_error(settings, choice, fault):
    with pytest.raises(SettingsError, match=fault):
        settings(dataset__classes=choice)


def test_names_that_no_box_has_are_told():
    assert list(ClassChoice(keep=("boad",)).notes(["boat"])) == [
        "dataset.classes: 1 box left out: boat 1",
        "dataset.classes names 'boad', but no box has that class. Did you mean \"boat\"?",
    ]


# --- messages ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("<annotation><filename>a & b</filename></annotation>", "Write & as &amp;.", id="ampersand"),
        pytest.param("", "write <annotation><filename>PICTURE.jpg</filename></annotation>", id="empty"),
        pytest.param("<annotation/><annotation/>", "Keep one root element", id="two"),
        pytest.param("<annotation><object>", "ends too early", id="cut"),
    ],
)
def test_faults_of_xml_are_told_in_a_users_words(tmp_path, text, words):
    _, problems = parse_annotation(text.encode(), tmp_path)

    assert words in f"{problems[0].message} {problems[0].fix}"


def test_a_spreadsheet_runs_nothing_of_an_exported_table(settings, workspace, tmp_path, bring, made):
    path = draw_labelled(tmp_path / "set", "a")
    path.write_text(path.read_text().replace("<name>boat<", '<name>=HYPERLINK("http://x")<'))
    out = tmp_path / "source" / "x.csv"

    given = {"export_annotations__format": "csv", "export_annotations__out": out}
    export_annotations.run(settings(tmp_path / "set", **given), workspace)
    assert '"\'=HYPERLINK(""http://x"")"' in out.read_text()
    bring("csv", {})
    assert made()["a.jpg"][0][0] == '=HYPERLINK("http://x")'


def test_more_boxes_than_the_model_reports_are_said(settings, workspace, voc_dataset):
    report = validate.run(settings(voc_dataset, export__max_detections=2), workspace)
    assert report.notes == ()
    path = voc_dataset / "annotations" / "0001.xml"
    text = path.read_text()
    start, end = text.index("\t<object>"), text.rindex("</annotation>")
    third = text[start:end].replace("<xmin>4<", "<xmin>9<").replace("<xmin>34<", "<xmin>40<")
    path.write_text(text[:end] + third + text[end:])

    notes = validate.run(settings(voc_dataset, export__max_detections=2), workspace).notes
    assert any("1 picture holds more boxes than the 2 that the model will report" in note for note in notes)


def test_pictures_of_telephones_are_named_with_the_way_out(settings, workspace, voc_dataset):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    (voc_dataset / "images" / "0001.jpg").write_bytes(heic)
    (voc_dataset / "images" / "new.HEIC").write_bytes(heic)

    found = [one for one in check(settings(voc_dataset), workspace)[0] if one.file.startswith("images/")]
    assert [(one.file, one.rule) for one in found] == [
        ("images/0001.jpg", "image-format"),
        ("images/new.HEIC", "image-orphaned"),
    ]
    assert "heif-convert 0001.jpg 0001.jpg" not in found[0].fix
    assert "Convert it to JPEG" in found[0].fix


# --- the cases beside the project ---

COUNTS = [
    pytest.param("85-yolo-half-upper", "yolo", 24, 24, {}, id="folders in another case"),
    pytest.param("87-yolo-partial-polygons", "yolo", 14, 14, {}, id="some polygons"),
    pytest.param("12-yolo-obb", "yolo", 4, 4, {}, id="oriented boxes"),
    pytest.param("84-coco-cvat-masks", "coco", 2, 2, {"boxes_from_crowds": True}, id="masks"),
    pytest.param("36-yolo-exif", "yolo", 3, 3, {"boxes_drawn_on": "turned"}, id="turned pictures"),
    pytest.param("21-yolo-split-lists", "yolo", 10, 10, {}, id="lists"),
    pytest.param("29-coco-ls-windows", "coco", 5, 5, {}, id="foreign paths"),
    pytest.param("88-coco-from-via", "coco", 1, 1, {}, id="ids as text"),
    pytest.param("33-coco-captions-beside", "coco", 1, 1, {}, id="captions"),
    pytest.param("40-cvat-zip/task.zip", "cvat", 1, 1, {}, id="zip"),
    pytest.param("19-roboflow-darknet", "yolo", 9, 9, {}, id="Darknet"),
    pytest.param("54-via-json", "via", 1, 1, {}, id="VIA"),
    pytest.param("55-labelstudio-json", "label-studio", 1, 1, {}, id="Label Studio"),
    pytest.param("08-rolabelimg-rectlabel", "voc", 9, 11, {}, id="shapes in VOC"),
    pytest.param("69-edje-images-train-test", "voc", 11, 11, {}, id="VOC deeper"),
]


@pytest.mark.shared
@pytest.mark.parametrize(("case", "source_format", "pictures", "boxes", "choices"), COUNTS)
def test_the_cases_are_read_whole(bring, case, source_format, pictures, boxes, choices):  # noqa: PLR0913, PLR0917
    results = bring(source_format, {}, (), source=CASES / case, **choices).results

    assert (results["pictures"], results["boxes"]) == (pictures, boxes)
