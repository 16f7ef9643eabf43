"""The rules of labelled pictures: what is a fault, how bad, and the words for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.label_map import LabelMap
from edgetrain.formats.dataset_rules import (
    Reviewed,
    box_findings,
    class_findings,
    count_findings,
    image_missing,
    name_findings,
    orphan_findings,
    picture_findings,
    shared_findings,
    twin_findings,
)
from edgetrain.formats.image_file import ImageInfo

SIZE = ImageSize(640, 480)
NAME, IMAGE = "annotations/a.xml", "images/a.jpg"
INSIDE = BoundingBox(1, 2, 30, 40)


def annotation(*boxes, filename="a.jpg", size=SIZE):
    """Return an annotation with boats at lines 20, 21, …."""
    labelled = tuple(LabelledBox("boat", box, line) for line, box in enumerate(boxes, start=20))
    return Annotation(Path(NAME), filename, 3, size, 8, labelled)


def info(**changes):
    """Return what a faultless picture says, changed."""
    values = {"size": SIZE, "format": "jpeg", "is_complete": True, "exif_orientation": 1, "mode": "RGB"}
    return ImageInfo(**{**values, **changes})


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param(INSIDE, [], id="inside"),
        pytest.param(BoundingBox(0, 0, 640, 480), [], id="the whole picture"),
        pytest.param(BoundingBox(0.5, 0.5, 1, 1), [], id="half a pixel"),
        pytest.param(BoundingBox(30, 2, 1, 40), ["box-inverted"], id="xmin after xmax"),
        pytest.param(BoundingBox(1, 40, 30, 2), ["box-inverted"], id="ymin after ymax"),
        pytest.param(BoundingBox(1, 2, 1, 40), ["box-empty"], id="no width"),
        pytest.param(BoundingBox(1, 2, 30, 2), ["box-empty"], id="no height"),
        pytest.param(BoundingBox(-1, 2, 30, 40), ["box-outside"], id="left"),
        pytest.param(BoundingBox(1, -2, 30, 40), ["box-outside"], id="above"),
        pytest.param(BoundingBox(1, 2, 640.5, 40), ["box-outside"], id="right"),
        pytest.param(BoundingBox(1, 2, 30, 481), ["box-outside"], id="below"),
        pytest.param(BoundingBox(700, 2, -3, 40), ["box-inverted", "box-outside"], id="inverted and outside"),
    ],
)
def test_boxes_must_have_an_area_inside_the_picture(box, expected):
    findings = list(box_findings(NAME, annotation(INSIDE, box), SIZE))

    assert [(one.rule, one.line, one.severity) for one in findings] == [(rule, 21, "error") for rule in expected]


@given(st.builds(BoundingBox, *[st.floats(-10, 700)] * 4))
def test_a_box_without_finding_is_one_that_training_can_use(box):
    """The rules agree with the value's own idea of inside and area."""
    is_usable = box.is_within(SIZE) and box.area > 0

    assert is_usable == (not list(box_findings(NAME, annotation(box), SIZE)))


def test_without_a_size_nothing_is_outside():
    assert list(box_findings(NAME, annotation(BoundingBox(-5, 0, 9999, 3)), None)) == []


@pytest.mark.parametrize(
    ("changes", "size", "expected"),
    [
        pytest.param({}, SIZE, None, id="faultless"),
        pytest.param({"format": "png"}, SIZE, None, id="PNG"),
        pytest.param({"format": "webp"}, SIZE, (IMAGE, 1, "image-format", "error"), id="WebP"),
        pytest.param({"is_complete": False}, SIZE, (IMAGE, 1, "image-truncated", "error"), id="cut"),
        pytest.param({"exif_orientation": 6}, SIZE, (IMAGE, 1, "exif-orientation", "error"), id="rotated"),
        pytest.param({}, ImageSize(0, 0), (NAME, 8, "size-mismatch", "error"), id="size 0x0"),
        pytest.param({}, ImageSize(480, 640), (NAME, 8, "size-mismatch", "error"), id="size of another picture"),
        pytest.param({}, None, (NAME, 8, "size-missing", "warning"), id="no size"),
    ],
)
def test_a_picture_must_be_readable_by_training_and_have_the_stated_size(changes, size, expected):
    findings = picture_findings(NAME, annotation(INSIDE, size=size), IMAGE, info(**changes))

    assert [(one.file, one.line, one.rule, one.severity) for one in findings] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("filename", "image_name", "is_reported"),
    [
        pytest.param("a.jpg", "images/a.jpg", False, id="all agree"),
        pytest.param("/photos/a.jpg", "images/a.jpg", False, id="path before the name"),
        pytest.param("A.jpg", "images/a.jpg", True, id="another case"),
        pytest.param("a", "images/a.jpg", True, id="no suffix"),
        pytest.param(None, "images/a.jpg", True, id="no filename"),
        pytest.param("b.jpg", "images/b.jpg", True, id="another stem"),
    ],
)
def test_disagreeing_names_are_warned_of(filename, image_name, is_reported):
    found = list(name_findings(NAME, annotation(filename=filename), image_name))

    assert [(one.line, one.rule, one.severity) for one in found] == [(3, "filename-mismatch", "warning")] * is_reported


@pytest.mark.parametrize(
    ("known", "severity", "end"),
    [
        pytest.param("boot", "error", ' Did you mean "boot"?', id="near miss"),
        pytest.param("Boat", "error", ' Did you mean "Boat"?', id="another case"),
        pytest.param("zebra", "warning", "", id="new class"),
    ],
)
def test_an_unknown_class_is_an_error_if_it_looks_like_a_known_one(known, severity, end):
    findings = list(class_findings(NAME, annotation(INSIDE), LabelMap((known,))))

    expected = f"'boat' is not in label_map.pbtxt.{end}"
    assert [(one.line, one.severity, one.message) for one in findings] == [(20, severity, expected)]


@pytest.mark.parametrize(("most", "expected"), [(3, []), (2, [(22, "too-many-boxes")])])
def test_more_boxes_than_training_reads_are_an_error(most, expected):
    findings = count_findings(NAME, annotation(INSIDE, INSIDE, INSIDE), most)

    assert [(one.line, one.rule) for one in findings] == expected


def reviewed(name, digest, *boxes, image=None):
    """Return a reviewed annotation called ``annotations/NAME.xml``."""
    return Reviewed(f"annotations/{name}.xml", annotation(*boxes), image or f"images/{name}.jpg", digest)


@pytest.mark.parametrize(
    ("boxes", "digest", "expected"),
    [
        pytest.param((INSIDE, BoundingBox(5, 5, 9, 9)), "1", [], id="same boxes, another order"),
        pytest.param((INSIDE,), "1", ["annotations/b.xml"], id="a box less"),
        pytest.param((), "1", ["annotations/b.xml"], id="no box"),
        pytest.param((INSIDE,), "2", [], id="another picture"),
        pytest.param((INSIDE,), "", [], id="picture that cannot be read"),
    ],
)
def test_identical_pictures_must_have_the_same_boxes(boxes, digest, expected):
    first = reviewed("a", "1", BoundingBox(5, 5, 9, 9), INSIDE)

    assert [one.file for one in twin_findings([first, reviewed("b", digest, *boxes)])] == expected


def test_a_picture_belongs_to_one_annotation():
    shared = [reviewed("a", "1", INSIDE), reviewed("b", "1", image="images/a.jpg"), reviewed("c", "2")]

    assert [(one.file, one.line, one.rule) for one in shared_findings(shared)] == [
        ("annotations/b.xml", 3, "image-shared")
    ]
    assert list(twin_findings(shared)) == []


def test_a_picture_without_annotation_is_warned_of_unless_its_annotation_is_broken():
    pictures = [reviewed("a", "1"), Reviewed("annotations/broken.xml", None)]

    found = list(orphan_findings(pictures, ["images/a.jpg", "images/broken.jpg", "images/new.jpg"]))

    assert [(one.file, one.rule, one.severity) for one in found] == [("images/new.jpg", "image-orphaned", "warning")]


def test_the_words_are_these():
    boxes = [BoundingBox(-3, 2.5, 812, 40), BoundingBox(9, 9, 1, 1), BoundingBox(9, 9, 9, 9)]
    rotated = info(exif_orientation=6, format="webp")

    findings = [image_missing(NAME, annotation(), "images/")]
    findings += picture_findings(NAME, annotation(*boxes, size=ImageSize(0, 0)), IMAGE, rotated)
    findings += twin_findings([reviewed("a", "1"), reviewed("b", "1", INSIDE)])

    expected = Path(__file__).parents[1] / "data" / "findings.txt"
    assert "\n".join(map(str, findings)) + "\n" == expected.read_text(encoding="utf-8")
