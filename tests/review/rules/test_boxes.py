"""The rules of boxes: what is a fault, how bad, and on which line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.review.rules.boxes import BoxLimits, box_findings, count_findings, repeat_findings, size_findings
from tests.support.rule_material import INSIDE, NAME, SIZE, annotation, places

LIMITS = BoxLimits(image_size=300, min_side=4, most=100)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param(INSIDE, [], id="inside"),
        pytest.param(BoundingBox(0, 0, 640, 480), [], id="the whole picture"),
        pytest.param(BoundingBox(0.5, 0.5, 1, 1), [], id="half a pixel"),
        pytest.param(BoundingBox(30, 2, 1, 40), [(32, "box-inverted")], id="xmin after xmax"),
        pytest.param(BoundingBox(1, 40, 30, 2), [(33, "box-inverted")], id="ymin after ymax"),
        pytest.param(BoundingBox(1, 2, 1, 40), [(34, "box-empty")], id="no width"),
        pytest.param(BoundingBox(1, 2, 30, 2), [(35, "box-empty")], id="no height"),
        pytest.param(BoundingBox(-1, 2, 30, 40), [(32, "box-outside")], id="left"),
        pytest.param(BoundingBox(1, -2, 30, 40), [(33, "box-outside")], id="above"),
        pytest.param(BoundingBox(1, 2, 640.5, 40), [(34, "box-outside")], id="right"),
        pytest.param(BoundingBox(1, 2, 30, 481), [(35, "box-outside")], id="below"),
        pytest.param(BoundingBox(700, 2, -3, 40), [(32, "box-inverted"), (32, "box-outside")], id="both"),
    ],
)
def test_boxes_must_have_an_area_inside_the_picture(box, expected):
    findings = box_findings(NAME, annotation(INSIDE, box), SIZE)

    assert places(findings) == [(line, rule, "error") for line, rule in expected]


@given(st.builds(BoundingBox, *[st.floats(-10, 700)] * 4))
def test_a_box_without_finding_is_one_that_training_can_use(box):
    """The rules agree with the value's own idea of inside and area."""
    is_usable = box.is_within(SIZE) and box.xmin < box.xmax and box.ymin < box.ymax

    assert is_usable == (not list(box_findings(NAME, annotation(box), SIZE)))


def test_without_a_size_nothing_is_outside():
    assert list(box_findings(NAME, annotation(BoundingBox(-5, 0, 9999, 3)), None)) == []


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        pytest.param(BoundingBox(0, 0, 4, 4), ImageSize(300, 300), [], id="just large enough"),
        pytest.param(BoundingBox(0, 0, 3.9, 40), ImageSize(300, 300), [(22, "box-tiny", "warning")], id="narrow"),
        pytest.param(BoundingBox(0, 0, 40, 8), ImageSize(300, 1000), [(22, "box-tiny", "warning")], id="scaled down"),
        pytest.param(BoundingBox(0, 0, 3, 3), ImageSize(100, 100), [], id="scaled up"),
        pytest.param(BoundingBox(0, 0, 9, 90), ImageSize(3000, 300), [(22, "box-vanishing", "error")], id="gone"),
        pytest.param(BoundingBox(9, 0, 1, 90), ImageSize(3000, 300), [], id="inverted: another rule's"),
        pytest.param(BoundingBox(0, 0, 1, 1), ImageSize(0, 0), [], id="a size of nothing"),
    ],
)
def test_boxes_must_be_seen_at_the_size_that_the_network_reads(box, size, expected):
    assert places(size_findings(NAME, annotation(box), size, LIMITS)) == expected


@pytest.mark.parametrize(("most", "expected"), [(3, []), (2, [(40, "too-many-boxes", "error")])])
def test_more_boxes_than_training_reads_are_an_error(most, expected):
    assert places(count_findings(NAME, annotation(INSIDE, INSIDE, INSIDE), most)) == expected


@pytest.mark.parametrize(
    ("second", "class_name", "expected"),
    [
        pytest.param(INSIDE, "boat", [(32, "box-duplicate", "warning")], id="the same"),
        pytest.param(INSIDE, "fish", [(31, "box-two-classes", "warning")], id="another class"),
        pytest.param(BoundingBox(2, 2, 30, 40), "boat", [(32, "box-near-duplicate", "warning")], id="nearly"),
        pytest.param(BoundingBox(2, 2, 30, 40), "fish", [], id="nearly, another class"),
        pytest.param(BoundingBox(6, 2, 30, 40), "boat", [], id="beside"),
        pytest.param(BoundingBox(1, 2, 30, 60), "boat", [], id="longer"),
    ],
)
def test_an_object_has_one_box(second, class_name, expected):
    drawn = annotation(INSIDE, second, classes=("boat", class_name))

    assert places(repeat_findings(NAME, drawn)) == expected


@given(st.lists(st.builds(BoundingBox, *[st.integers(0, 12)] * 4), max_size=6))
def test_no_order_of_boxes_hides_a_repetition(boxes):
    rules = [sorted(one.rule for one in repeat_findings(NAME, annotation(*order))) for order in (boxes, boxes[::-1])]

    assert rules[0] == rules[1]


def test_a_hundred_thousand_boxes_are_judged_in_no_time():
    crowd = annotation(*[BoundingBox(1, 1, 50, 2 + index) for index in range(20_000)])

    assert list(repeat_findings(NAME, crowd)) == []
