"""The rules of names: where they must agree, and what they must not hold."""

from __future__ import annotations

import pytest

from edgetrain.review.rules.names import name_findings, path_findings
from tests.support.rule_material import NAME, annotation, places


@pytest.mark.parametrize(
    ("filename", "image_name", "rule"),
    [
        pytest.param("a.jpg", "images/a.jpg", None, id="all agree"),
        pytest.param("photos/a.jpg", "images/a.jpg", None, id="path before the name"),
        pytest.param("A.jpg", "images/a.jpg", "filename-case", id="another case"),
        pytest.param("a", "images/a.jpg", "filename-mismatch", id="no suffix"),
        pytest.param(None, "images/a.jpg", "filename-mismatch", id="no filename"),
        pytest.param("b.jpg", "images/b.jpg", "filename-mismatch", id="another stem"),
    ],
)
def test_disagreeing_names_are_warned_of(filename, image_name, rule):
    findings = name_findings(NAME, annotation(filename=filename), image_name)

    assert places(findings) == ([(3, rule, "warning")] if rule else [])


def test_an_annotation_may_be_called_like_the_whole_picture():
    assert list(name_findings("annotations/a.jpg.xml", annotation(), "images/a.jpg")) == []


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("a.jpg", [], id="a name"),
        pytest.param("a..b.jpg", [], id="dots in a name"),
        pytest.param(None, [], id="none"),
        pytest.param("photos/a.jpg", [("filename-path", "warning")], id="folder"),
        pytest.param("photos\\a.jpg", [("filename-path", "warning")], id="folder of Windows"),
        pytest.param("../a.jpg", [("filename-unsafe", "error")], id="upwards"),
        pytest.param("x\\..\\a.jpg", [("filename-unsafe", "error")], id="upwards on Windows"),
        pytest.param("/photos/a.jpg", [("filename-unsafe", "error")], id="absolute"),
        pytest.param("C:\\photos\\a.jpg", [("filename-unsafe", "error")], id="drive"),
        pytest.param("a\nb.jpg", [("filename-unsafe", "error")], id="line end"),
    ],
)
def test_a_filename_is_a_name_alone(filename, expected):
    findings = path_findings(NAME, annotation(filename=filename))

    assert [(one.rule, one.severity) for one in findings] == expected
