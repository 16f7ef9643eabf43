"""Turned pictures, and objects that are no boxes."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from edgetrain.core.errors import DatasetError
from edgetrain.images.image_file import decode, probe
from tests.support.foreign_labels import coco

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

    with pytest.raises(DatasetError, match="nothing says which"):
        bring("coco", {"x.json": value}, pictures=())
    value["images"][0] |= {"width": 32, "height": 64}
    assert bring("coco", {"x.json": value}, pictures=()).results["boxes"] == 1


# --- objects that are no boxes ---


def test_a_picture_that_lost_all_its_objects_is_no_negative_unless_that_is_said(bring, made, tmp_path):
    files = {"x.json": coco({"iscrowd": 1}, images=("a.jpg", "b.jpg"))}
    pictures = ("a.jpg", "b.jpg")

    with pytest.raises(DatasetError, match=r"of 1 picture no object remains, because crowds are skipped: a.jpg"):
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

    assert "crowds: 1 skipped, because Pascal VOC boxes have no field for it, in a.jpg" in report.notes


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

    with pytest.raises(DatasetError, match=r"labels/a.txt:1: .* may be a polygon or a box with keypoints"):
        bring("yolo", files, ["images/a.jpg"])
    report = bring("yolo", files | {"data.yaml": "names: [boat]\nkpt_shape: [4, 2]"}, ["images/a.jpg"])
    assert (made()["a.jpg"], report.results["left_out"]) == ([("boat", 38.4, 26.4, 51.2, 40.8)], {"keypoints": 1})
    bring("yolo", files | {"data.yaml": "names: [boat]\nkpt_shape: []"}, ["images/a.jpg"], replace=True)
    assert made()["a.jpg"] == [("boat", 12.8, 14.4, 48, 38.4)]
