"""Annotations of the usual form: what is read of them is what the whole parser reads, or nothing."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.annotations import voc
from edgetrain.annotations.voc import parse_annotation, render_annotation
from edgetrain.annotations.voc_plain import parse_plain
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from tests.soak.mutants import mutants
from tests.support.places import DATA_DIR

PATH = Path("a.xml")
LABELIMG = (DATA_DIR / "voc" / "labelimg.xml").read_bytes()
BNDBOX = b"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
OBJECT = b"<object><name>boat</name>%s</object>" % BNDBOX
HEAD = b"<filename>a.jpg</filename><size><width>64</width><height>48</height></size>"
PIECES = [b"\0", b" ", b"\n", b"\r", b"<", b"&lt;", b"nan", b"-1", b"1.", b"\xc3\xa9", b"<!---->", b"</object>", OBJECT]
SIDES = st.integers(-9, 9999) | st.floats(-9, 9999)
BOXES = st.builds(
    LabelledBox,
    st.text(st.characters(codec="ascii", exclude_categories=("C",)), min_size=1, max_size=9),
    st.builds(BoundingBox, SIDES, SIDES, SIDES, SIDES),
    st.just(0),
    st.booleans(),
)


def with_lines(annotation):
    """Return an annotation with those parts that do not count in comparisons."""
    return annotation, [box.lines for box in annotation.boxes]


def require_agreement(data):
    """Hold the plain reader against the whole parser; return whether the plain one took the file."""
    plain = parse_plain(data, PATH)
    with mock.patch.object(voc, "parse_plain", return_value=None):
        annotation, problems = parse_annotation(data, PATH)

    assert plain is None or (with_lines(plain), []) == (with_lines(annotation), problems)
    return plain is not None


def test_what_labelimg_writes_is_plain():
    assert require_agreement(LABELIMG)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(DATA_DIR.rglob("*.xml"))])
def test_files_of_other_programs_are_read_alike(path):
    require_agreement(path.read_bytes())


@given(st.lists(BOXES, max_size=3))
def test_written_annotations_are_read_alike(boxes):
    require_agreement(render_annotation(Annotation(PATH, "a.jpg", 0, ImageSize(64, 48), 0, tuple(boxes))))


@given(st.data())
def test_a_replaced_slice_is_read_alike(data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(LABELIMG))] * 2)))
    splice = data.draw(st.binary(max_size=4) | st.sampled_from(PIECES))

    require_agreement(LABELIMG[:start] + splice + LABELIMG[max(start, end - 20) : end] + LABELIMG[end:])


def test_mutants_are_read_alike():
    taken = sum(require_agreement(data) for data in mutants(0, 2000))

    assert 20 < taken < 1000


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(HEAD, id="negative"),
        pytest.param(HEAD + OBJECT + b"\n" + OBJECT.replace(b"2<", b"2.5<"), id="two objects"),
        pytest.param(HEAD + OBJECT.replace(b"<bndbox>", b"<difficult>1</difficult><bndbox>"), id="difficult"),
    ],
)
def test_forms_that_are_read_alike(inside):
    assert require_agreement(b"<annotation>%s</annotation>" % inside)
