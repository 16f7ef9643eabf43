"""The words of the rules."""

from __future__ import annotations

from edgetrain.annotations.voc import Problem
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.review.reviewed import ReviewedSet
from edgetrain.review.rules.pictures import image_missing, of_problem, picture_findings
from edgetrain.review.rules.whole_set import twin_findings
from tests.support.places import DATA_DIR
from tests.support.rule_material import IMAGE, INSIDE, NAME, annotation, info, reviewed


def test_the_words_are_these():
    boxes = [BoundingBox(-3, 2.5, 812, 40), BoundingBox(9, 9, 1, 1), BoundingBox(9, 9, 9, 9)]
    rotated = info(exif_orientation=6, format="webp")

    findings = [image_missing(NAME, annotation(), "images/")]
    findings += picture_findings(NAME, annotation(*boxes, size=ImageSize(0, 0)), IMAGE, rotated)
    findings += twin_findings(ReviewedSet.of([reviewed("a", "1"), reviewed("b", "1", INSIDE)]), [[0, 1]])

    expected = DATA_DIR / "findings.txt"
    assert "\n".join(map(str, findings)) + "\n" == expected.read_text(encoding="utf-8")


def test_a_fault_that_the_parser_meets_has_the_severity_of_its_rule():
    problems = [Problem(3, "xml-encoding", "a.", "b."), Problem(4, "not-a-number", "c.", "d.")]

    assert [of_problem(NAME, problem).severity for problem in problems] == ["warning", "error"]
