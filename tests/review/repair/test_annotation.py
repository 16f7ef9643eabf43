"""What is repaired in one annotation, and what is left since it is open to doubt: at and beside each limit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from edgetrain.annotations.voc import parse_annotation
from edgetrain.annotations.voc_text import parse_text
from edgetrain.images.image_file import probe_bytes
from edgetrain.review.repair.annotation import MOST_OVERHANG, Subject, repair_of

ORIENTATION = 0x0112
WIDTH, HEIGHT = 64, 48


def info_of(size=(WIDTH, HEIGHT), kind="JPEG", orientation=0, mode="RGB"):
    stream = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    Image.new(mode, size).save(stream, kind, exif=exif)
    return probe_bytes(stream.getvalue(), "a")


def subject(  # noqa: PLR0913, PLR0917 - each is one fact of a case
    box=(1, 2, 30, 40), stated=(WIDTH, HEIGHT), filename="a.jpg", image_name="images/a.jpg", info=None, taken=()
):
    """Return an annotation of one box with its picture; ``None`` leaves an element out."""
    name = "" if filename is None else f"<filename>{filename}</filename>"
    size = "" if stated is None else "<size><width>{}</width><height>{}</height></size>".format(*stated)
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box))
    data = f"<annotation>{name}{size}<object><name>boat</name><bndbox>{sides}</bndbox></object></annotation>".encode()
    annotation, problems = parse_annotation(data, Path("annotations/a.xml"))
    assert annotation is not None
    assert not [one for one in problems if one.rule != "size-value"]
    text = parse_text(data)
    return Subject("annotations/a.xml", text, annotation, image_name, info or info_of(), set(taken).__contains__)


def repaired(one):
    """Return the text after the repair, the rules of its changes, and those of what was left."""
    repair = repair_of(one)
    rules = [[change.rule for change in changes] for changes in (repair.changes, repair.left)]
    return one.text.edited(repair.edits), *rules


def test_what_is_right_stays_byte_for_byte():
    one = subject()

    assert repaired(one) == (one.text.data, [], [])


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        pytest.param((-MOST_OVERHANG, 2, 30, 40), (0, 2, 30, 40), id="left, at the limit"),
        pytest.param((1, 2, WIDTH + MOST_OVERHANG, 40), (1, 2, WIDTH, 40), id="right, at the limit"),
        pytest.param((-1, -2, WIDTH + 1, HEIGHT + 2), (0, 0, WIDTH, HEIGHT), id="all sides"),
    ],
)
def test_a_box_that_overhangs_a_little_is_clipped(box, clipped):
    text, changed, left = repaired(subject(box))

    corners = parse_annotation(text, Path())[0].boxes[0].box
    assert tuple(vars(corners).values()) == pytest.approx(clipped)
    assert set(changed) == {"box-outside"}
    assert left == []


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((-MOST_OVERHANG - 0.01, 2, 30, 40), id="beyond the limit"),
        pytest.param((WIDTH, 2, WIDTH + 1, 40), id="nothing would be left of it"),
    ],
)
def test_a_box_that_may_be_another_fault_is_left_as_it_is(box):
    one = subject(box)

    assert repaired(one) == (one.text.data, [], ["box-outside"])


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        pytest.param(None, "size-missing", id="none"),
        pytest.param((0, 0), "size-mismatch", id="zero"),
        pytest.param((WIDTH + 2, HEIGHT), "size-mismatch", id="a little off"),
        pytest.param((25, 48), "size-mismatch", id="the boxes fit the picture alone"),
    ],
)
def test_a_size_that_can_only_be_the_picture_s_is_written(stated, rule):
    text, changed, left = repaired(subject(stated=stated))

    assert str(parse_annotation(text, Path())[0].size) == f"{WIDTH}x{HEIGHT}"
    assert (changed, left) == ([rule], [])


@pytest.mark.parametrize(
    ("stated", "box", "reason"),
    [
        pytest.param((HEIGHT, WIDTH), (1, 2, 30, 40), "may have been turned", id="sides swapped"),
        pytest.param((2 * WIDTH, 2 * HEIGHT), (1, 2, 30, 40), "may have been resized", id="twice as large"),
        pytest.param((200, 200), (1, 2, 120, 90), "the boxes do not fit the picture", id="another picture"),
    ],
)
def test_a_size_that_may_tell_of_another_picture_is_left_with_the_reason(stated, box, reason):
    one = subject(box, stated=stated)
    repair = repair_of(one)

    assert repair.edits == []
    assert [change.rule for change in repair.left] == ["size-mismatch"]
    assert reason in repair.left[0].text


@pytest.mark.parametrize(
    ("filename", "rule"),
    [
        pytest.param("old.jpg", "filename-mismatch", id="another name"),
        pytest.param(None, "filename-mismatch", id="none"),
        pytest.param("A.JPG", "filename-case", id="case"),
        pytest.param("C:\\pictures\\a.jpg", "filename-path", id="path"),
    ],
)
def test_the_file_s_name_becomes_that_of_the_picture(filename, rule):
    text, changed, left = repaired(subject(filename=filename))

    assert parse_annotation(text, Path())[0].filename == "a.jpg"
    assert (changed, left) == ([rule], [])


def test_a_picture_gets_the_extension_of_its_content_and_its_annotation_the_name():
    one = subject(info=info_of(kind="PNG"))
    repair = repair_of(one)

    assert repair.new_image_name == "images/a.png"
    assert b"<filename>a.png</filename>" in one.text.edited(repair.edits)


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        pytest.param({"taken": ["images/a.png"]}, {"image-extension"}, id="the name is taken"),
        pytest.param(
            {"image_name": "images/b.jpg", "filename": "b.jpg"},
            {"image-extension", "filename-mismatch"},
            id="other names",
        ),
    ],
)
def test_a_picture_whose_new_name_is_not_certain_keeps_its_own(changes, rules):
    repair = repair_of(subject(info=info_of(kind="PNG"), **changes))

    assert repair.new_image_name == ""
    assert {change.rule for change in repair.left} == rules


@pytest.mark.parametrize(
    ("stated", "size", "orientation", "is_turned", "left"),
    [
        pytest.param((64, 48), (48, 64), 6, True, [], id="drawn on the turned picture"),
        pytest.param((48, 64), (48, 64), 6, False, [], id="drawn on the stored one"),
        pytest.param((64, 48), (64, 48), 3, False, ["exif-orientation"], id="half a turn tells nothing"),
        pytest.param((48, 48), (48, 48), 6, False, ["exif-orientation"], id="a square tells nothing"),
        pytest.param((64, 48), (64, 48), 1, False, [], id="upright"),
    ],
)
def test_a_picture_is_turned_only_where_the_size_tells_that_boxes_were_drawn_so(
    stated, size, orientation, is_turned, left
):
    repair = repair_of(subject((1, 2, 30, 40), stated=stated, info=info_of(size, orientation=orientation)))

    assert repair.is_turned is is_turned
    assert [change.rule for change in repair.left] == left


def test_a_turned_picture_whose_boxes_do_not_fit_is_left():
    repair = repair_of(subject((1, 2, 30, 60), stated=(64, 48), info=info_of((48, 64), orientation=6)))

    assert (repair.is_turned, [change.rule for change in repair.left]) == (False, ["exif-orientation"])


def test_of_a_picture_that_cannot_be_read_only_the_name_is_repaired():
    one = subject((1, 2, WIDTH + 1, 40), filename="old.jpg")
    unread = Subject(one.name, one.text, one.annotation, one.image_name, None, one.is_taken)

    _, changed, left = repaired(unread)

    assert (changed, left) == (["filename-mismatch"], [])


def test_a_grey_picture_has_a_depth_of_one():
    text, _, _ = repaired(subject(stated=None, info=info_of(mode="L")))

    assert b"<depth>1</depth>" in text
