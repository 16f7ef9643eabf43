"""Where imported files go, which stand there already, and what is a fault rather than a guess."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import ImportSource, ReadingChoices
from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.dataset.import_plan import ImportTarget, PlannedFile, shown_names
from tests.support.exchange_material import SIZE, draw

BOX = LabelledBox("boat", BoundingBox(1, 2, 30, 40), 7, is_difficult=False)
ALL = [split.value for split in Split]
ORIENTATION = 0x0112


@pytest.fixture
def source(tmp_path):
    """Return a folder for the pictures that are imported."""
    return tmp_path / "source"


def picture(name, split=None, boxes=(BOX,), size=SIZE, **given):
    return Picture(name, size, tuple(boxes), split, Place("labels.csv", 3), **given)


def planned(tmp_path, source, *pictures, classes=(), drawn_on=None):
    """Return the names of the planned files, the files by name, and the faults."""
    reading = Reading()
    target = ImportTarget(tmp_path / "dataset")
    found = ImportSource(source, choices=ReadingChoices(drawn_on=drawn_on))
    files = target.plan(AnnotationSet(pictures, tuple(classes)), found, reading)
    return {file.name: file for file in files}, [message for _, _, message in reading.faults]


def test_pictures_and_annotations_go_where_a_new_dataset_has_them(tmp_path, source):
    draw(source / "images" / "sub" / "a.jpg")

    files, faults = planned(tmp_path, source, picture("images/sub/a.jpg"))

    assert [*files] == ["images/sub/a.jpg", "annotations/sub/a.xml"]
    assert faults == []
    annotation, _ = parse_annotation(files["annotations/sub/a.xml"].made(), Path())
    assert (annotation.filename, annotation.size, annotation.boxes[0].box) == ("a.jpg", SIZE, BOX.box)


def test_the_folders_that_a_dataset_has_are_used(tmp_path, source):
    draw(source / "a.jpg")
    for folder in ("Annotations", "JPEGImages"):
        (tmp_path / "dataset" / folder).mkdir(parents=True)

    files, _ = planned(tmp_path, source, picture("a.jpg"))

    assert [*files] == ["JPEGImages/a.jpg", "Annotations/a.xml"]


def test_pictures_that_differ_by_their_suffix_alone_have_annotations_that_do_too(tmp_path, source):
    for name in ("a.jpg", "a.png"):
        draw(source / name)

    files, faults = planned(tmp_path, source, picture("a.jpg"), picture("a.png"))

    assert [*files][2:] == ["annotations/a.jpg.xml", "annotations/a.png.xml"]
    assert faults == []


def test_equal_names_in_two_folders_keep_their_folders(tmp_path, source):
    for folder in ("one", "two"):
        draw(source / folder / "a.jpg")
    pictures = [picture("a.jpg", found_as=f"{folder}/a.jpg") for folder in ("one", "two")]

    files, faults = planned(tmp_path, source, *pictures)

    assert [*files] == ["images/one/a.jpg", "images/two/a.jpg", "annotations/one/a.xml", "annotations/two/a.xml"]
    assert faults == []


def test_one_picture_that_is_labelled_twice_is_a_fault(tmp_path, source):
    draw(source / "a.jpg")

    _, faults = planned(tmp_path, source, picture("a.jpg"), picture("A.JPG", found_as="a.jpg"))

    assert faults == ["the picture 'A.JPG' is already in labels.csv:3. Remove one."]


def test_a_picture_that_is_nowhere_is_a_fault_and_a_class_name_of_two_lines(tmp_path, source):
    source.mkdir()
    box = LabelledBox("bo\nat", BOX.box, 9, is_difficult=False)

    files, faults = planned(tmp_path, source, picture("a.jpg", boxes=[box, BOX]))

    assert faults[0].startswith(f"the picture 'a.jpg' is neither in {source} nor in the dataset")
    assert faults[1].startswith(r"the class name 'bo\nat' is not one line of text")
    assert [*files] == ["annotations/a.xml"]


@pytest.mark.parametrize(
    ("splits", "listed", "note"),
    [
        pytest.param([None, None], [], "", id="none"),
        pytest.param([Split.TRAIN, Split.TRAIN], [], "all pictures are in train, so there is", id="one"),
        pytest.param([Split.TRAIN, None], [], "in no split of the source", id="not of all"),
        pytest.param(
            [Split.TRAIN, Split.TEST], ["train", "validation", "test"], "the source's splits were kept", id="kept"
        ),
        pytest.param(
            [Split.TRAIN, Split.VALIDATION], ["train", "validation", "test"], "to test, which must not be", id="no test"
        ),
    ],
)
def test_a_division_is_kept_where_it_is_one(tmp_path, source, splits, listed, note):
    draw(source / "a.jpg")
    draw(source / "b.jpg")
    annotations = AnnotationSet((picture("a.jpg", splits[0]), picture("b.jpg", splits[1])))
    target = ImportTarget(tmp_path / "dataset")

    lists, told = target.plan_splits(annotations, target.plan(annotations, ImportSource(source), Reading()))

    assert [file.name for file in lists] == [f"splits/{name}.txt" for name in listed]
    assert note in told


@pytest.mark.parametrize(
    ("there", "text", "note"),
    [
        pytest.param(
            "splits/train.txt", "annotations/z.xml\n", "the dataset already has splits", id="another division"
        ),
        pytest.param("ImageSets/Main/train.txt", "z\n", "the dataset already has splits", id="that of VOC"),
        pytest.param("annotations/z.xml", "<annotation/>", "has other annotations too", id="other annotations"),
    ],
)
def test_a_division_of_the_dataset_stays(tmp_path, source, there, text, note):
    draw(source / "a.jpg")
    draw(source / "b.jpg")
    path = tmp_path / "dataset" / there
    path.parent.mkdir(parents=True)
    path.write_text(text)
    annotations = AnnotationSet((picture("a.jpg", Split.TRAIN), picture("b.jpg", Split.TEST)))
    target = ImportTarget(tmp_path / "dataset")

    lists, told = target.plan_splits(annotations, target.plan(annotations, ImportSource(source), Reading()))

    assert lists == []
    assert note in told


def test_the_label_map_has_the_source_s_order_and_says_which_class_has_no_box(tmp_path):
    target = ImportTarget(tmp_path / "dataset")

    (file,), note = target.plan_label_map(AnnotationSet((picture("a.jpg"),), ("fish", "boat")))

    assert file.made().index(b"fish") < file.made().index(b"boat")
    assert note == "label_map.pbtxt has the source's classes in their order, ids from 1; without any box: fish"
    assert target.plan_label_map(AnnotationSet((picture("a.jpg"),))) == ([], "")


def test_a_label_map_of_the_dataset_stays_and_another_order_is_said(tmp_path):
    target = ImportTarget(tmp_path / "dataset")
    annotations = AnnotationSet((picture("a.jpg"),), ("fish", "boat"))
    (file,), _ = target.plan_label_map(annotations)
    (tmp_path / "dataset").mkdir()
    path = tmp_path / "dataset" / file.name

    path.write_bytes(file.made())
    assert target.plan_label_map(annotations) == ([], "")
    path.write_bytes(file.made().replace(b"fish", b"crab"))
    assert target.plan_label_map(annotations) == (
        [],
        "label_map.pbtxt is the dataset's own; the source orders its classes differently",
    )


@pytest.mark.parametrize(
    ("stated", "drawn_on", "is_fault", "size", "is_changed"),
    [
        pytest.param((48, 64), None, True, (48, 64), False, id="the stored size tells nothing: ask"),
        pytest.param((48, 64), "turned", False, (64, 48), True, id="drawn on the turned picture"),
        pytest.param((48, 64), "stored", False, (48, 64), True, id="drawn on the stored one"),
        pytest.param((64, 48), None, False, (64, 48), False, id="the turned size tells it all"),
    ],
)
def test_of_a_turned_picture_boxes_and_pixels_agree_or_the_user_is_asked(  # noqa: PLR0913, PLR0917
    tmp_path, source, stated, drawn_on, is_fault, size, is_changed
):
    source.mkdir()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGB", (48, 64)).save(source / "a.jpg", exif=exif)

    files, faults = planned(tmp_path, source, picture("a.jpg", size=ImageSize(*stated)), drawn_on=drawn_on)

    annotation, _ = parse_annotation(files["annotations/a.xml"].made(), Path())
    assert annotation.size == ImageSize(*size)
    assert bool(files["images/a.jpg"].changed) is is_changed
    assert [text.startswith("1 picture with an EXIF orientation") for text in faults] == [True] * is_fault


def test_a_turned_picture_that_cannot_be_turned_is_a_fault(tmp_path, source):
    source.mkdir()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGB", (48, 64)).save(source / "a.webp", exif=exif)

    _, faults = planned(tmp_path, source, picture("a.webp", size=ImageSize(48, 64)), drawn_on="turned")

    assert [text.startswith("a.webp: WEBP with an EXIF orientation") for text in faults] == [True]


def test_what_only_looks_different_is_the_same_annotation(tmp_path, source):
    draw(source / "a.jpg")
    files, _ = planned(tmp_path, source, picture("a.jpg"))
    file, path = files["annotations/a.xml"], tmp_path / "there.xml"
    content = file.made()

    for text, differs in (
        (content, False),
        (content.replace(b"\t", b"  "), False),
        (content.replace(b"boat", b"fish"), True),
        (b"<annotation>", True),
    ):
        path.write_bytes(text)
        assert file.differs_from(path) is differs


def test_a_picture_is_the_same_where_its_bytes_are(tmp_path):
    draw(tmp_path / "a.jpg")
    draw(tmp_path / "b.jpg")
    draw(tmp_path / "c.jpg", ImageSize(9, 9))

    file = PlannedFile("images/a.jpg", tmp_path / "a.jpg")

    assert [file.differs_from(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")] == [False, False, True]
    assert (file.is_picture, file.made()) == (True, (tmp_path / "a.jpg").read_bytes())


@pytest.mark.parametrize("layout", ["train/annotations", "."])
def test_a_dataset_in_which_imported_annotations_would_be_lost_is_refused(tmp_path, layout):
    folder = tmp_path / "dataset" / layout
    folder.mkdir(parents=True)
    (folder / "a.xml").write_text("<annotation/>")

    with pytest.raises(DatasetError, match="its annotations are next to the pictures or"):
        ImportTarget(tmp_path / "dataset")


def test_of_many_names_the_first_are_shown():
    assert shown_names(["a", "b"]) == "a, b"
    assert shown_names(list("abcdefg")) == "a, b, c, d, e and 2 more"
