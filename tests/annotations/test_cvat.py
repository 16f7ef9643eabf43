"""CVAT for images: order of labels, subsets, shapes, nothing unsafe, faults at their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.cvat import read_cvat, render_cvat
from edgetrain.annotations.import_source import ImportSource
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from tests.support.exchange_material import SIZE, annotation_sets, boxes_of, draw, plain, read

LABELS = "<meta><task><labels><label><name>fish</name></label><label><name>boat</name></label></labels></task></meta>"
BOX = '<box label="boat" xtl="1" ytl="2.5" xbr="30" ybr="40"/>'


@pytest.fixture
def cvat(tmp_path):
    """Return a function that reads an image with something inside."""

    def read_text(inside=BOX, attributes='name="a.jpg" width="64" height="48"', **options):
        text = f"<annotations>{LABELS}\n<image {attributes}>\n{inside}</image></annotations>"
        (tmp_path / "x.xml").write_text(text, encoding="utf-8")
        return read(ExchangeFormat.CVAT, tmp_path, **options)

    return read_text


@settings(max_examples=60)
@given(annotation_sets(digits=5))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    path = tmp_path_factory.getbasetemp() / "law.xml"
    path.write_text(render_cvat(annotations), encoding="utf-8")

    found, faults = read(ExchangeFormat.CVAT, path)
    assert (plain(found), found.classes, faults) == (plain(annotations), annotations.classes, [])


def test_labels_order_the_classes_and_the_subset_is_the_split(cvat):
    annotations, faults = cvat(attributes='name="sub\\a.jpg" subset="Validation" width="64" height="48"')

    assert (annotations.classes, boxes_of(annotations), faults) == (("fish", "boat"), [("boat", 1, 2.5, 30, 40)], [])
    assert [(picture.name, picture.split) for picture in annotations.pictures] == [("sub/a.jpg", Split.VALIDATION)]


def test_what_a_box_cannot_say_is_counted(cvat):
    occluded = BOX.replace("/>", ' occluded="1"><attribute name="colour">red</attribute></box>')
    other = '<tag label="x"/><mask label="boat" rle="1"/><polygon label="boat" points="1,2;3,4"/>'

    annotations, _ = cvat(occluded + BOX.replace("/>", ' rotation="90"/>') + other, with_polygons=False)
    assert len(boxes_of(annotations)) == 1
    assert annotations.left_out == {
        "occluded": 1,
        "attributes": 1,
        "tags": 1,
        "rotated boxes": 1,
        "shapes of the kind mask": 1,
        "shapes of the kind polygon": 1,
    }


def test_the_box_around_other_shapes_is_taken(cvat):
    turned = '<box label="boat" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90"/>'

    annotations, _ = cvat(f'{turned}<polygon label="fish" points="1,2;3.5,0;2,9"/>')
    assert boxes_of(annotations) == [("boat", 15, 5, 25, 25), ("fish", 1, 0, 3.5, 9)]


def test_a_missing_size_is_the_pictures(tmp_path, cvat):
    draw(tmp_path / "a.jpg")

    assert cvat(attributes='name="a.jpg"')[0].pictures[0].size == SIZE


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        pytest.param('\n<box label="b" xtl="x" ytl="1" xbr="2" ybr="3"/>', "4: xtl is 'x', not a number", id="number"),
        pytest.param('\n<box xtl="1" ytl="1" xbr="2" ybr="3"/>', "4: the shape has no label", id="no label"),
        pytest.param(
            '<polygon label="b" points="1,2;x"/>', '3: the points of <polygon> are not "x,y;x,y"', id="points"
        ),
        pytest.param("<box>", "3: this is not well-formed XML: an element is not closed", id="malformed"),
    ],
)
def test_faults_are_told_with_their_line(cvat, inside, fault):
    _, faults = cvat(inside, with_polygons=True)

    assert len(faults) == 1
    assert faults[0].startswith(f"x.xml:{fault}")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "x">]>\n<annotations/>', "1: the file declares a document", id="DTD"),
        pytest.param(
            '<!DOCTYPE a [<!ENTITY b "x">]><annotations/>'.encode("utf-16"),
            "1: the file declares a document type",
            id="UTF-16",
        ),
        pytest.param(b"<annotation/>", "1: the root element is <annotation>, not", id="VOC"),
        pytest.param(
            b'<annotations><track>\n<box xtl="1"/></track></annotations>', "2: the frame is None", id="no frame"
        ),
        pytest.param(
            b'<annotations><track label="a">\n<box frame="7" xtl="1" ytl="1" xbr="2" ybr="2"/></track></annotations>',
            "2: 1 frame of the tracks without a picture (first frame_000007). Export",
            id="video without its frames",
        ),
        pytest.param(b'<annotations>\n<image name="/a.jpg"/></annotations>', "2: the image's name '/a.jpg'", id="path"),
        pytest.param(b'<?xml version="1.0" encoding="nope"?><annotations/>', "1: ", id="unknown encoding"),
        pytest.param(
            b"<annotations><image>\xff</image></annotations>", "1: this is not well-formed XML: its bytes", id="bytes"
        ),
    ],
)
def test_what_is_unsafe_or_something_else_is_refused(tmp_path, data, fault):
    (tmp_path / "x.xml").write_bytes(data)

    _, faults = read(ExchangeFormat.CVAT, tmp_path)
    assert faults[0].startswith(f"x.xml:{fault}")


def test_other_encodings_are_read(tmp_path):
    text = f'<annotations>{LABELS}<image name="\u65e5.jpg" width="64" height="48">{BOX}</image></annotations>'
    (tmp_path / "x.xml").write_bytes(f'<?xml version="1.0" encoding="shift_jis"?>{text}'.encode("shift_jis"))

    annotations, faults = read(ExchangeFormat.CVAT, tmp_path)
    assert ([picture.name for picture in annotations.pictures], faults) == (["\u65e5.jpg"], [])


def test_a_file_that_is_gone_is_a_fault(tmp_path):
    (tmp_path / "x.xml").touch()
    source, reading = ImportSource(tmp_path), Reading()
    (tmp_path / "x.xml").unlink()

    read_cvat(source, reading)
    assert reading.faults == [("x.xml", 1, "cannot be read (No such file or directory). Fix its permissions.")]


def track(*shapes, number=0, task=""):
    return f'<track id="{number}" task_id="{task}" label="boat">{"".join(shapes)}</track>'


def tracked(frame, *, outside=0):
    return f'<box frame="{frame}" outside="{outside}" keyframe="1" xtl="{frame}" ytl="2" xbr="30" ybr="40"/>\n'


@pytest.fixture
def video(tmp_path):
    """Return a function that reads tracks of a video with six frames."""
    for number in range(6):
        draw(tmp_path / "images" / f"frame_{number:06}.PNG")

    def read_tracks(*tracks, meta="<start_frame>1</start_frame><stop_frame>4</stop_frame>"):
        meta += "<original_size><width>64</width><height>48</height></original_size>"
        text = f"<annotations><meta><task>{meta}</task></meta>{''.join(tracks)}</annotations>"
        (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
        return read(ExchangeFormat.CVAT, tmp_path)

    return read_tracks


def test_an_object_of_a_video_is_in_the_frames_of_its_track_unless_it_is_outside(video):
    found, faults = video(track(tracked(1), tracked(2), tracked(3, outside=1)), track(tracked(2), number=1))

    assert faults == []
    assert [(one.name[-10:-4], [box.box.xmin for box in one.boxes]) for one in found.pictures] == [
        ("000001", [1]),
        ("000002", [2, 2]),
        ("000003", []),
        ("000004", []),
    ]


def test_a_track_that_is_silent_about_a_frame_and_tracks_of_two_tasks_are_faults(video):
    _, gap = video(track(tracked(1), tracked(4)))
    _, tasks = video(track(tracked(1), task=3), track(tracked(1), task=4))

    text = "annotations.xml:2: the track '0' has an object in frame 1, but no entry for frame 2."
    assert gap == [f"{text} Export from CVAT itself, which writes every frame."]
    assert tasks[0].startswith("annotations.xml:1: these are tracks of 2 tasks")


def test_a_point_of_a_skeleton_that_is_outside_is_not_there(cvat):
    points = '<points label="{0}" outside="{1}" points="{2}"/>'.format
    inside = points(1, 0, "10,10") + points(2, 0, "30,20") + points(3, 1, "0,0")

    found, faults = cvat(
        f'<skeleton label="boat">{inside}</skeleton><skeleton label="boat">{points(1, 1, "0,0")}</skeleton>'
    )
    assert (boxes_of(found), faults) == ([("boat", 10, 10, 30, 20)], [])
    assert found.left_out == {"shapes of the kind skeleton": 1}
