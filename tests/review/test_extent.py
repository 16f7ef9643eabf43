"""Annotations that hold too much: told by their counts, never parsed."""

from __future__ import annotations

import pytest

from edgetrain.review import review
from edgetrain.review.extent import MOST_OBJECTS, excess
from edgetrain.review.validate import check

OBJECT = b"<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>\n"
MILLION = 1_100_000


def annotation(inner):
    return b"<annotation>" + inner + b"</annotation>"


def encoded(encoding, declared=""):
    """Return a few objects, made large by spaces, in an encoding."""
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    text = head + annotation(OBJECT * 9 + b" " * MILLION).decode()
    return text.encode(encoding)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(annotation(OBJECT * MOST_OBJECTS), id="as many objects as may be"),
        pytest.param(b"\xef\xbb\xbf" + annotation(OBJECT * MOST_OBJECTS), id="byte order mark"),
        pytest.param(encoded("utf-8", "UTF-8"), id="UTF-8, declared"),
        pytest.param(encoded("utf-16"), id="UTF-16"),
        pytest.param(encoded("latin-1", "ISO-8859-1"), id="Latin-1"),
        pytest.param(b"<" * 1000, id="small nonsense"),
    ],
)
def test_what_may_be_parsed_passes(data):
    assert excess(data) == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(annotation(OBJECT * (MOST_OBJECTS + 1)), "10,001 objects", id="one object more"),
        pytest.param(annotation(b"<object/>" * 200_000), "200,000 objects", id="empty objects"),
        pytest.param(annotation(b"<object/>" * 200_000).decode().encode("utf-16"), "200,000 objects", id="UTF-16"),
        pytest.param(annotation(b"<a/>" * MILLION), "1,100,002 tags", id="tags"),
        pytest.param(b"<a " + b" b=''" * MILLION + b"/>", "1,100,001 tags and attributes", id="attributes"),
        pytest.param(annotation(b"<!---->" * MILLION), "1,100,002 tags", id="comments"),
        pytest.param(encoded("cp037"), "not UTF-8, and larger than 1 MiB", id="EBCDIC"),
        pytest.param(encoded("utf-8", "utf-7"), "not UTF-8, and larger than 1 MiB", id="UTF-7"),
        pytest.param(b"\0" * MILLION, "not UTF-8, and larger than 1 MiB", id="zeros"),
    ],
)
def test_what_is_too_much_is_told(data, message):
    assert message in excess(data)


def test_a_file_with_too_much_is_a_finding_and_is_never_parsed(settings, workspace, voc_dataset, monkeypatch):
    (voc_dataset / "annotations" / "0003.xml").write_bytes(annotation(OBJECT * 200_000))
    parse, sizes = review.parse_annotation, []
    monkeypatch.setattr(review, "parse_annotation", lambda data, path: sizes.append(len(data)) or parse(data, path))

    findings, _ = check(settings(voc_dataset, validate__min_class_boxes=0), workspace)

    assert [(one.file, one.rule) for one in findings] == [("annotations/0003.xml", "file-excessive")]
    assert len(sizes) == 11
    assert max(sizes) < 10_000
