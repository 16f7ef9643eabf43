"""Rectangles: their laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgetrain.core.boxes import BoundingBox, ImageSize, NormalizedBox, iou

NUMBERS = st.floats(-1e4, 1e4)
BOXES = st.builds(BoundingBox, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
SIZES = st.builds(ImageSize, st.integers(1, 10_000), st.integers(1, 10_000))
BOX = BoundingBox(10, 20, 30, 60)


def test_a_box_has_width_height_and_area():
    assert (BOX.width, BOX.height, BOX.area) == (20, 40, 800)


@pytest.mark.parametrize("box", [BoundingBox(30, 20, 10, 60), BoundingBox(10, 20, 10, 60), BoundingBox(9, 9, 1, 1)])
def test_an_inverted_or_empty_box_has_no_area(box):
    assert box.area == 0


def test_normalized_boxes_have_the_order_of_tensorflow():
    assert BOX.normalize(ImageSize(100, 80)) == NormalizedBox(ymin=0.25, xmin=0.1, ymax=0.75, xmax=0.3)


@given(BOXES, SIZES)
def test_normalizing_and_back_gives_the_same_box(box, size):
    back = box.normalize(size).to_pixels(size)

    assert (back.xmin, back.ymin, back.xmax, back.ymax) == pytest.approx((box.xmin, box.ymin, box.xmax, box.ymax))


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_a_share(first, second):
    assert iou(first, second) == iou(second, first)
    assert 0 <= iou(first, second) <= 1 + 1e-9


@given(BOXES)
def test_iou_of_a_box_with_itself_is_1(box):
    assume(box.area > 0)

    assert iou(box, box) == pytest.approx(1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(BoundingBox(20, 20, 40, 60), 1 / 3, id="half beside"),
        pytest.param(BoundingBox(30, 20, 50, 60), 0, id="touching"),
        pytest.param(BoundingBox(10, 20, 10, 20), 0, id="empty"),
    ],
)
def test_iou_of_known_boxes(other, expected):
    assert iou(BOX, other) == pytest.approx(expected)


def test_iou_of_two_empty_boxes_is_0():
    assert iou(BoundingBox(1, 1, 1, 1), BoundingBox(1, 1, 1, 1)) == 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param(BoundingBox(0, 0, 64, 48), True, id="edges included"),
        pytest.param(BoundingBox(0, 0, 64.5, 48), False, id="too wide"),
        pytest.param(BoundingBox(0, -1, 64, 48), False, id="above"),
        pytest.param(BoundingBox(5, 0, 4, 48), False, id="inverted"),
        pytest.param(BoundingBox(math.nan, 0, 4, 48), False, id="not a number"),
    ],
)
def test_a_box_is_within_a_picture_or_not(box, expected):
    assert box.is_within(ImageSize(64, 48)) is expected


@pytest.mark.parametrize(("value", "expected"), [(1.0, True), (math.inf, False), (math.nan, False)])
def test_finite_boxes_have_finite_sides(value, expected):
    assert BoundingBox(0, 0, value, 1).is_finite() is expected


def test_a_size_reads_as_width_times_height():
    assert str(ImageSize(64, 48)) == "64x48"
