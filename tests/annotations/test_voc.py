"""Pascal VOC annotations: every writer's layout, every fault at its line, nothing unsafe, nothing guessed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.annotations.voc import parse_annotation, read_annotation, render_annotation, write_annotation
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError
from tests.support.places import DATA_DIR

PATH = Path("annotations/0007.xml")
BNDBOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
OBJECT = f"<object><name>boat</name>{BNDBOX}</object>"
BOX = BoundingBox(1, 2, 30, 40)
BOMB = '<!DOCTYPE a [<!ENTITY b "boom">]><annotation><filename>&b;</filename></annotation>'

UTF7_BOMB = b'<?xml version="1.0" encoding="UTF-7"?>' + BOMB.replace("<!", "+ADwAIQ-").encode()


def parse(inside):
    """Return annotation and problems of elements within <annotation>."""
    return parse_annotation(f"<annotation>{inside}</annotation>".encode(), PATH)


def rules(problems):
    """Return line and rule of each problem."""
    return [(problem.line, problem.rule) for problem in problems]


def test_reads_what_labelimg_writes():
    data = (DATA_DIR / "voc" / "labelimg.xml").read_bytes()

    annotation, problems = parse_annotation(data, PATH)

    box = LabelledBox("raccoon", BoundingBox(81, 88, 522, 408), line=14)
    assert annotation == Annotation(PATH, "raccoon-1.jpg", 3, ImageSize(650, 417), 8, (box,))
    assert problems == []


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(OBJECT, id="name first"),
        pytest.param(f"<object>{BNDBOX}<name>boat</name></object>", id="box before name (VOC devkit)"),
        pytest.param(
            "<object><name>boat</name><bndbox><xmin>1</xmin><xmax>30</xmax><ymin>2</ymin><ymax>40</ymax></bndbox></object>",
            id="xmax before ymin (Roboflow)",
        ),
        pytest.param(f"<object><name>boat</name><occluded>0</occluded>{BNDBOX}</object>", id="occluded (Roboflow)"),
        pytest.param(f"<object><name>boat</name>{BNDBOX}<attributes/></object>", id="attributes (CVAT)"),
        pytest.param(
            f"<object><name>boat</name><part><name>mast</name>{BNDBOX.replace('30', '9')}</part>{BNDBOX}</object>",
            id="part before box (VOC persons)",
        ),
        pytest.param(f"<object><name>\n boat\t</name>{BNDBOX}</object>", id="white space around the name"),
        pytest.param(OBJECT.replace(">30<", "> 30\n<"), id="white space around a number"),
        pytest.param(OBJECT.replace(">30<", ">\ufeff30<"), id="byte order mark in a number"),
        pytest.param(OBJECT.replace(">30<", ">30.0<"), id="float"),
        pytest.param(OBJECT.replace(">30<", ">3e1<"), id="exponent"),
        pytest.param(OBJECT.replace(">30<", ">3<!-- x -->0<"), id="comment in a number"),
    ],
)
def test_one_box_is_read_whatever_its_layout(inside):
    annotation, problems = parse(inside)

    assert problems == []
    assert [(box.class_name, box.box) for box in annotation.boxes] == [("boat", BOX)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", False), ("1", True), ("true", True), ("True", True), ("Unspecified", False), ("", False)],
)
def test_difficult_is_1_or_true(text, expected):
    annotation, _ = parse(f"<object><name>boat</name><difficult>{text}</difficult>{BNDBOX}</object>")

    assert annotation.boxes[0].is_difficult is expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbf<annotation><filename>\xc3\xa9.jpg</filename></annotation>", id="UTF-8 with mark"),
        pytest.param("<annotation><filename>é.jpg</filename></annotation>".encode("utf-16"), id="UTF-16"),
        pytest.param(
            '<?xml version="1.0" encoding="ISO-8859-1"?><annotation><filename>é.jpg</filename></annotation>'.encode(
                "latin-1"
            ),
            id="Latin-1",
        ),
        pytest.param(
            '<?xml version="1.0" encoding="utf-8"?><annotation><filename>é.jpg</filename></annotation>'.encode(),
            id="declared UTF-8",
        ),
    ],
)
def test_every_encoding_that_xml_knows_is_read(data):
    annotation, _ = parse_annotation(data, PATH)

    assert annotation.filename == "é.jpg"


@pytest.mark.parametrize(
    "size",
    [
        pytest.param("", id="no size"),
        pytest.param("<size/>", id="empty"),
        pytest.param("<size><width>3</width></size>", id="no height"),
        pytest.param("<size><width>3</width><height></height></size>", id="empty height"),
    ],
)
def test_a_size_that_is_not_stated_is_none(size):
    annotation, problems = parse(size)

    assert annotation.size is None
    assert problems == []


def test_a_size_is_found_by_name_and_may_have_a_point():
    annotation, _ = parse("<size><height>48.0</height><width>64</width></size>")

    assert annotation.size == ImageSize(64, 48)


def test_an_annotation_without_objects_is_a_negative():
    annotation, problems = parse("<filename>a.jpg</filename>")

    assert (annotation.boxes, problems) == ((), [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", "utf-7"])
def test_document_types_are_refused_in_every_encoding(encoding):
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding in {"cp037", "utf-7"} else ""

    annotation, problems = parse_annotation((declaration + BOMB).encode(encoding), PATH)

    assert annotation is None
    assert problems[0].rule in {"xml-unsafe", "xml-malformed"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(BOMB.encode(), (1, "xml-unsafe"), id="entity"),
        pytest.param(f"\n\n{BOMB}".encode("utf-16"), (3, "xml-unsafe"), id="UTF-16, third line"),
        pytest.param(UTF7_BOMB, (1, "xml-unsafe"), id="UTF-7, hidden from a scan of the bytes"),
        pytest.param(b"", (1, "xml-malformed"), id="empty file"),
        pytest.param(b"<annotation>\n<object>\n</annotation>", (3, "xml-malformed"), id="not closed"),
        pytest.param(b"<annotation>&unknown;</annotation>", (1, "xml-malformed"), id="undefined entity"),
        pytest.param(b"<annotation>\xff</annotation>", (1, "xml-malformed"), id="not UTF-8"),
        pytest.param(b"<html/>", (1, "element-missing"), id="another root"),
        pytest.param(b"<a>" * 5000, (1, "xml-malformed"), id="too deep"),
    ],
)
def test_a_file_that_is_no_annotation_is_one_problem_at_its_line(data, expected):
    annotation, problems = parse_annotation(data, PATH)

    assert annotation is None
    assert rules(problems) == [expected]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        pytest.param("\n<object>\n<name>a</name></object>", [(2, "element-missing")], id="no bndbox"),
        pytest.param(f"\n<object>{BNDBOX}</object>", [(2, "element-missing")], id="no name"),
        pytest.param(f"<object>\n<name> </name>{BNDBOX}</object>", [(2, "element-missing")], id="empty name"),
        pytest.param(f"<object><name>a\nb</name>{BNDBOX}</object>", [(1, "class-malformed")], id="name of two lines"),
        pytest.param(f"<object><name>a\tb</name>{BNDBOX}</object>", [(1, "class-malformed")], id="name with a tab"),
        pytest.param(OBJECT.replace("<xmax>30</xmax>", ""), [(1, "element-missing")], id="no xmax"),
        pytest.param(OBJECT.replace(BNDBOX, 2 * BNDBOX), [(1, "element-repeated")], id="two boxes in one object"),
        pytest.param(f"<objects>{OBJECT}</objects>", [(1, "element-misplaced")], id="object too deep"),
        pytest.param("<size/>\n<size/>", [(2, "element-repeated")], id="two sizes"),
        pytest.param("<size><width>1.5</width><height>2</height></size>", [(1, "not-a-number")], id="half a pixel"),
        pytest.param("<size><width>big</width><height>2</height></size>", [(1, "not-a-number")], id="size is a word"),
        pytest.param(
            f"\n{OBJECT.replace('>1<', '>a<').replace('>40<', '>b<')}\n{OBJECT.replace(BNDBOX, '')}",
            [(2, "not-a-number"), (2, "not-a-number"), (3, "element-missing")],
            id="three problems",
        ),
    ],
)
def test_every_fault_is_reported_at_its_line(inside, expected):
    annotation, problems = parse(inside)

    assert annotation.boxes == ()
    assert rules(problems) == expected


@pytest.mark.parametrize("text", ["1_0", "nan", "inf", "-inf", "1e999", "10,5", "0x10", "", "1 0", "٣", "1<b/>0"])
def test_what_is_not_plainly_a_number_is_refused(text):
    annotation, problems = parse(OBJECT.replace(">30<", f">{text}<"))

    assert annotation.boxes == ()
    assert rules(problems) == [(1, "not-a-number")]


def test_objects_without_fault_stay_beside_a_broken_one():
    annotation, problems = parse(f"{OBJECT}<object/>{OBJECT}")

    assert len(annotation.boxes) == 2
    assert len(problems) == 2


def test_reading_a_file_with_faults_tells_the_first_and_how_many_more(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<annotation>\n<object><name>a</name></object><object/></annotation>")

    expected = """a.xml:2: <object> has no <bndbox>. Draw the box again, or remove the object. \
(and 2 more; run "ci/inv validate")"""
    with pytest.raises(DatasetError, match=f"^{re.escape(expected)}$"):
        read_annotation(path, "a.xml")


def test_a_file_that_cannot_be_read_is_a_dataset_error(tmp_path):
    with pytest.raises(DatasetError, match=r"a.xml: cannot be read \(No such file or directory\)"):
        read_annotation(tmp_path / "a.xml")


def test_writes_what_labelimg_writes():
    expected = (DATA_DIR / "voc" / "labelimg_drawn.xml").read_bytes()
    boxes = (LabelledBox("fish", BoundingBox(1, 5, 30, 40.5), 0), LabelledBox("cat & dog", BOX, 0, is_difficult=True))

    actual = render_annotation(Annotation(PATH, "0007.jpg", 0, ImageSize(64, 48), 0, boxes))

    assert expected.decode() == actual.decode()


NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
SIDES = st.floats(allow_nan=False, allow_infinity=False)
BOXES = st.builds(LabelledBox, NAMES, st.builds(BoundingBox, SIDES, SIDES, SIDES, SIDES), st.just(0), st.booleans())
SIZES = st.none() | st.builds(ImageSize, st.integers(0, 99999), st.integers(0, 99999))
ANNOTATIONS = st.builds(
    Annotation, st.just(PATH), st.none() | NAMES, st.just(0), SIZES, st.just(0), st.lists(BOXES, max_size=4).map(tuple)
)


def without_lines(annotation):
    """Return the parts of an annotation that are not places."""
    boxes = [(box.class_name, box.box, box.is_difficult) for box in annotation.boxes]
    return annotation.path, annotation.filename, annotation.size, boxes


@given(ANNOTATIONS)
def test_what_was_written_is_read_back(annotation):
    parsed, problems = parse_annotation(render_annotation(annotation), PATH)

    assert problems == []
    assert without_lines(annotation) == without_lines(parsed)


def test_written_files_are_read_back(tmp_path):
    annotation = Annotation(tmp_path / "a.xml", "a.jpg", 3, ImageSize(64, 48), 8, ())

    write_annotation(annotation.path, annotation)

    assert without_lines(annotation) == without_lines(read_annotation(annotation.path))


@given(st.data())
def test_damaged_xml_never_gives_a_traceback(data):
    """An annotation with a slice replaced by anything is read, or refused with a problem that has a line."""
    source = render_annotation(Annotation(PATH, "a.jpg", 1, ImageSize(9, 9), 1, (LabelledBox("boat", BOX, 1),)))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
    splice = data.draw(st.binary(max_size=8) | st.sampled_from([b"<!DOCTYPE a>", b"</object>", b"&lt;", b"nan", b"\0"]))

    annotation, problems = parse_annotation(source[:start] + splice + source[end:], PATH)

    assert annotation is not None or problems
    assert all(problem.line >= 1 and re.fullmatch("[a-z-]+", problem.rule) for problem in problems)


@given(st.binary(max_size=200))
def test_random_bytes_never_give_a_traceback(data):
    annotation, problems = parse_annotation(data, PATH)

    assert annotation is None
    assert len(problems) == 1
