"""Sources of which something would be lost or bent without a word: each is a fault, or is said."""

from __future__ import annotations

import pytest
from PIL import Image

from edgetrain.core.errors import DatasetError
from tests.support.exchange_material import draw
from tests.support.foreign_labels import coco

BOX = "<bndbox><xmin>4</xmin><ymin>6</ymin><xmax>24</xmax><ymax>16</ymax></bndbox>"
RECTANGLE = {"x": 25, "y": 25, "width": 25, "height": 25}
PLACED = {"original_width": 64, "original_height": 48}


def region(to_name="image", page=0):
    value = {**RECTANGLE, "rotation": 0, "rectanglelabels": ["boat"]}
    return {"type": "rectanglelabels", "to_name": to_name, "item_index": page, "value": value, **PLACED}


def voc(*objects, name="a.jpg"):
    return f"<annotation><filename>{name}</filename>{''.join(objects)}</annotation>"


# --- Label Studio ---


@pytest.mark.parametrize(
    ("data", "regions"),
    [
        ({"first": "a.jpg", "second": "b.jpg"}, [region("one"), region("two")]),
        ({"first": "a.jpg", "second": "b.jpg"}, [region("two")]),
        ({"image": "a.jpg"}, [region(page=0), region(page=1)]),
    ],
)
def test_a_task_with_several_pictures_is_a_fault(bring, data, regions):
    task = {"id": 5, "data": data, "annotations": [{"result": regions}]}

    with pytest.raises(DatasetError, match=r"p.json:1: the task 5 has several pictures"):
        bring("label-studio", {"p.json": [task]}, ("a.jpg", "b.jpg"))


def test_a_task_whose_thumbnail_is_there_too_has_one_picture(bring, made):
    task = {"data": {"image": "a.jpg", "small": "b.jpg"}, "annotations": [{"result": [region()]}]}

    report = bring("label-studio", {"p.json": [task]}, ("a.jpg", "b.jpg"))
    assert made() == {"a.jpg": [("boat", 16, 12, 32, 24)]}
    assert "1 picture in the source without an annotation, not imported (first b.jpg)" in report.notes


def test_a_region_of_the_short_form_without_a_label_is_a_fault_or_gets_the_class_that_is_named(bring, made):
    files = {"p.json": [{"image": "a.jpg", "annotation_id": 1, "box": [{**RECTANGLE, **PLACED}]}]}

    with pytest.raises(DatasetError, match=r"a region has no label"):
        bring("label-studio", files)
    bring("label-studio", files, class_name="boat")
    assert made() == {"a.jpg": [("boat", 16, 12, 32, 24)]}


def test_a_result_that_is_no_list_is_a_fault(bring):
    with pytest.raises(DatasetError, match=r"the result of the task 1 is not a list of"):
        bring("label-studio", {"p.json": [{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": {}}]}]})


def test_tasks_that_nobody_annotated_are_the_reason_why_nothing_comes(bring):
    with pytest.raises(DatasetError, match=r"it contains no usable picture \(1 task without an annotation: skipped\)"):
        bring("label-studio", {"p.json": [{"data": {"image": "a.jpg"}, "annotations": [], "predictions": [{}]}]})


# --- Open Images ---


@pytest.mark.parametrize(
    "table",
    [
        "ImageID,Source,LabelName,Confidence\nb,verification,/m/1,1\n",
        "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax\nm.png,b,/m/1,x,.1,.2,.1,.2\n",
        "ImageID,LabelName1,LabelName2,XMin1,XMax1\nb,/m/1,/m/2,.1,.2\n",
    ],
)
def test_a_picture_of_which_only_other_tables_speak_is_no_negative(bring, made, table):
    boxes = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,.25,.5,.25,.5\n"

    report = bring("open-images", {"boxes.csv": boxes, "other.csv": table}, ("a.jpg", "b.jpg"))
    assert made() == {"a.jpg": [("/m/1", 16, 12, 32, 24)]}
    assert any(note.startswith("skipped: other.csv") for note in report.notes)


# --- VOC ---


@pytest.mark.parametrize("tag", ["Object", "OBJECT", "item", "annotation"])
def test_a_box_in_anything_but_an_object_is_a_fault(bring, tag):
    with pytest.raises(DatasetError, match=rf"a.xml:1: <{tag}> holds a box, but only <object> is read"):
        bring("voc", {"a.xml": voc(f"<{tag}><name>boat</name>{BOX}</{tag}>")})


def test_an_object_that_labelme_of_mit_keeps_as_deleted_is_none(bring, made):
    kept, deleted = (
        f"<object><name>boat</name><deleted>{flag}</deleted><polygon><pt><x>{x}</x><y>6</y></pt>"
        "<pt><x>24</x><y>16</y></pt></polygon></object>"
        for flag, x in ((0, 4), (1, 0))
    )

    report = bring("voc", {"a.xml": voc(kept, deleted)})
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}
    assert (
        "objects that are marked as deleted: 1 skipped, because Pascal VOC boxes have no field for it" in report.notes
    )


# --- YOLO ---


def test_pictures_without_a_label_file_and_with_a_shared_one_are_said(bring):
    files = {"labels/a.txt": "0 .5 .5 .5 .5", "classes.txt": "boat"}

    report = bring("yolo", files, ("images/a.jpg", "images/a.png", "images/b.jpg"))
    assert "1 picture without a label file, taken as negatives (first images/b.jpg)" in report.notes
    assert (
        "2 pictures share a label file with another picture and get the same boxes (first images/a.jpg)" in report.notes
    )


@pytest.mark.parametrize("other", ["train/a.xml", "train/a.json", "_annotations.txt"])
def test_pictures_with_labels_of_another_format_are_no_negatives(bring, other):
    files = {"val/b.txt": "0 .5 .5 .5 .5", "classes.txt": "boat", other: "a.jpg 4,6,24,16,0 1,2,3,4,0"}

    with pytest.raises(DatasetError, match=rf"{other}:1: .*"):
        bring("yolo", files, ("train/a.jpg", "val/b.jpg"))


def test_labels_of_another_format_in_a_folder_of_annotations_are_found(bring):
    files = {"labels/b.txt": "0 .5 .5 .5 .5", "classes.txt": "boat", "annotations/a.xml": "<annotation/>"}

    with pytest.raises(DatasetError, match=r"annotations/a.xml:1: images/a.jpg has this file instead of YOLO labels."):
        bring("yolo", files, ("images/a.jpg", "images/b.jpg"))


# --- COCO ---


def test_a_copy_of_a_file_is_passed_over_unless_its_pictures_are_others(bring, made):
    twice = {"annotations/train.json": coco({}), "train/_annotations.coco.json": coco({})}

    report = bring("coco", twice, ("train/a.jpg",))
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}
    assert "skipped: train/_annotations.coco.json (the same as annotations/train.json)" in report.notes
    apart = bring("coco", {"s/x.json": coco({}), "t/x.json": coco({})}, ("s/a.jpg", "t/a.jpg"), replace=True)
    assert apart.results["pictures"] == 3


# --- all formats ---


@pytest.mark.parametrize(
    ("source_format", "write"),
    [
        ("coco", lambda names: {"x.json": coco(*({"image_id": n} for n in range(3)), images=names)}),
        (
            "csv",
            lambda names: {
                "x.csv": "filename,class,xmin,ymin,xmax,ymax\n" + "".join(f"{n},boat,4,6,24,16\n" for n in names)
            },
        ),
        (
            "cvat",
            lambda names: {
                "x.xml": "<annotations>"
                + "".join(f'<image name="{name}" width="64" height="48"/>' for name in names)
                + "</annotations>"
            },
        ),
        ("via", lambda names: {"x.json": {name: {"filename": name, "regions": []} for name in names}}),
        (
            "label-studio",
            lambda names: {"x.json": [{"data": {"image": name}, "annotations": [{"result": []}]} for name in names]},
        ),
    ],
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_the_division_that_folders_of_pictures_tell_is_kept(bring, tmp_path, source_format, write, is_whole):
    places = ("train/a.jpg", "val/b.jpg", "test/c.jpg")

    report = bring(source_format, write(places if is_whole else ("a.jpg", "b.jpg", "c.jpg")), places)
    assert any(note.startswith("the source's splits were kept in splits/ (train 1, valid") for note in report.notes)
    assert (tmp_path / "made" / "splits" / "test.txt").read_text().endswith("c.xml\n")


def test_the_division_in_a_column_is_kept_and_two_for_one_picture_are_a_fault(bring):
    rows = [f"{name}.jpg,boat,4,6,24,16,{split}\n" for name, split in (("a", "Train"), ("b", "val"), ("c", "TEST"))]
    head = "filename,class,xmin,ymin,xmax,ymax,subset\n"

    report = bring("csv", {"x.csv": head + "".join(rows)}, ("a.jpg", "b.jpg", "c.jpg"))
    assert report.notes == ("the source's splits were kept in splits/ (train 1, validation 1, test 1)",)
    with pytest.raises(
        DatasetError, match=r"x.csv:3: the picture is in the splits 'train' and 'test' at the same time"
    ):
        bring("csv", {"x.csv": head + rows[0] + rows[0].replace("Train", "test")}, ("a.jpg",))


def test_pictures_of_one_name_in_two_tasks_stay_apart(bring, made):
    files = {
        f"{task}/annotations/instances_default.json": coco({"bbox": [x, 6, 20, 10]}) for task, x in (("s", 4), ("t", 5))
    }

    report = bring("coco", files, ("s/images/a.jpg", "t/images/a.jpg"))
    assert report.results["pictures"] == 2


def test_a_turned_picture_of_another_format_is_to_be_converted_whatever_the_answer(bring, tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    (tmp_path / "source").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "source" / "a.webp", exif=exif)

    with pytest.raises(DatasetError, match=r"a.webp: WEBP with an EXIF orientation.*Convert it to JPEG or PNG"):
        bring("yolo", {"a.txt": "0 .5 .5 .5 .5", "classes.txt": "boat"}, (), boxes_drawn_on="turned")


def test_a_heic_picture_is_named_with_the_command_that_converts_it(bring, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))

    with pytest.raises(DatasetError, match=r'"heif-convert a.heic a.jpg"'):
        bring("yolo", {"a.txt": "0 .5 .5 .5 .5", "classes.txt": "boat"}, ())


def test_where_all_pictures_are_left_out_that_is_the_reason(bring):
    with pytest.raises(
        DatasetError, match=r"it contains no usable picture \(1 picture skipped, because they lost all their objects: "
    ):
        bring("coco", {"x.json": coco({"iscrowd": 1})}, emptied_pictures="leave-out")


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_link_out_of_the_source_is_followed_only_where_that_is_allowed(bring, made, tmp_path, is_folder):
    draw(tmp_path / "elsewhere" / "a.jpg")
    place = tmp_path / "source" / ("images" if is_folder else "a.jpg")
    place.parent.mkdir()
    place.symlink_to(tmp_path / "elsewhere" / ("" if is_folder else "a.jpg"))

    fault = rf"{place.name}:1: a link points outside the source, to .*dataset.follow_links: true"
    with pytest.raises(DatasetError, match=fault):
        bring("coco", {"x.json": coco({})}, ())
    assert not (tmp_path / "made").exists()
    bring("coco", {"x.json": coco({})}, (), source=tmp_path / "source" / "x.json", follow_links=True)
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


def test_beside_a_file_that_is_imported_a_link_out_is_as_if_it_were_not_there(bring, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.jpg").symlink_to("/etc/passwd")

    with pytest.raises(DatasetError, match=r"the picture 'a.jpg' is neither in"):
        bring("coco", {"x.json": coco({})}, (), source=tmp_path / "source" / "x.json")
