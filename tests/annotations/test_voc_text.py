"""Edits of an annotation's text: the value changes, every other byte stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.annotations.voc_text import UneditableError, parse_text

BODY = """<annotation a=">">\r
\t<filename> old.jpg\t</filename><!-- <filename>no</filename> -->\r
\t<size ><width>1</width><height/></size\r
>\r
\t<object><name>\u0431</name></object>\r
</annotation>\r
"""
ENCODINGS = [
    pytest.param("utf-8", "", id="UTF-8"),
    pytest.param("utf-8-sig", "", id="byte order mark"),
    pytest.param("utf-16", "", id="UTF-16"),
    pytest.param("utf-16-be", '<?xml version="1.0" encoding="UTF-16"?>', id="UTF-16 without mark"),
    pytest.param("cp1251", '<?xml version="1.0" encoding="windows-1251"?>\n', id="8 bits"),
]


@pytest.mark.parametrize(("encoding", "declaration"), ENCODINGS)
def test_only_the_value_changes_in_every_encoding(encoding, declaration):
    data = (declaration + BODY).encode(encoding)
    text = parse_text(data)

    edited = text.edited([text.value_edit(text.root.child("filename"), "a&\u0431.png")])

    assert edited == (declaration + BODY).replace("old.jpg", "a&amp;\u0431.png").encode(encoding)


def test_an_element_without_end_tag_gets_its_text():
    text = parse_text(BODY.encode())
    size = text.root.child("size")

    edits = [text.value_edit(size.child("height"), "7"), text.value_edit(size.child("width"), "22")]

    expected = BODY.replace("<width>1</width><height/>", "<width>22</width><height>7</height>")
    assert text.edited(edits) == expected.encode()


def test_an_empty_element_gets_its_text():
    text = parse_text(b"<a><b></b><c/></a>")

    assert text.edited([text.value_edit(text.root.child("b"), "1")]) == b"<a><b>1</b><c/></a>"


def test_a_letter_that_the_encoding_lacks_becomes_a_reference():
    text = parse_text(b'<?xml version="1.0" encoding="iso-8859-1"?><a>x</a>')

    assert text.edited([text.value_edit(text.root, "\u0431")]).endswith(b"<a>&#1073;</a>")


@pytest.mark.parametrize(
    ("before", "added"),
    [
        pytest.param("object", "\t<object>", id="before a sibling"),
        pytest.param("", "</annotation>", id="as the last one"),
    ],
)
def test_a_new_child_stands_on_a_line_of_its_own(before, added):
    text = parse_text(BODY.encode())

    edit = text.child_edit(text.root, "pose", [("x", "1"), ("y", "2")], before)

    new = "\t<pose>\r\n\t\t<x>1</x>\r\n\t\t<y>2</y>\r\n\t</pose>\r\n"
    assert text.edited([edit]) == BODY.replace(added, new + added).encode()


def test_a_new_child_in_a_file_of_one_line_stands_there_too():
    text = parse_text(b"<a><b>1</b></a>")

    assert text.edited([text.child_edit(text.root, "c", "<", "")]) == b"<a><b>1</b><c>&lt;</c></a>"


@pytest.mark.parametrize("inner", ["1<!-- x -->0", "<b/>", "<![CDATA[1]]>", "&amp;"])
def test_a_value_with_more_than_text_in_it_is_not_touched(inner):
    text = parse_text(f"<a><c>{inner}</c></a>".encode())

    with pytest.raises(UneditableError, match="<c> holds more than text"):
        text.value_edit(text.root.child("c"), "1")


def test_a_child_cannot_go_into_an_element_without_end_tag():
    text = parse_text(b"<a><size/></a>")

    with pytest.raises(UneditableError, match="<size/> has no end tag"):
        text.child_edit(text.root.child("size"), "width", "1", "")


def test_an_encoding_that_expat_does_not_know_is_refused():
    with pytest.raises(UneditableError, match="encoding cannot be edited"):
        parse_text("<a/>".encode("utf-32"))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(st.characters(codec="utf-8", exclude_categories=["C"])))))
def test_without_edits_the_bytes_are_the_same_and_every_place_is_right(items):
    inner = "".join(f"<{name}>{value.translate({38: 'x', 60: 'y', 62: 'z'})}</{name}>" for name, value in items)
    data = f"<annotation>{inner}</annotation>".encode()
    text = parse_text(data)

    assert text.edited([]) == data
    for element, (name, _) in zip(text.root.children, items):
        assert data[element.start : element.end].startswith(f"<{name}>".encode())
        assert data[element.inner_end : element.end] == f"</{name}>".encode()
