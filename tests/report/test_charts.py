"""Charts, marked pictures and numbers as a page shows them."""

from __future__ import annotations

import base64
import io
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.report import charts
from edgetrain.report.charts import Curve, JudgedBox, Svg

SIZE = ImageSize(640, 480)
BOX = BoundingBox(64, 48, 320, 240)
FINITE = st.floats(-1e9, 1e9)


def parse(svg):
    """Return an SVG element as a tree; fails if it is not well-formed."""
    return ET.fromstring(svg.text)  # noqa: S314 - our own text


def jpeg(width=640, height=480):
    """Return a picture with metadata."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, "JPEG", comment=b"secret", exif=Image.Exif())
    return buffer.getvalue()


def judged(**changes):
    """Return picture and caption of one labelled box that is found."""
    given_values = {"truths": [JudgedBox("boat", BOX)], "detections": [JudgedBox("boat", BOX, 0.9)], "name": "a.jpg"}
    return charts.judged_picture(jpeg(), SIZE, **{**given_values, **changes})


@given(FINITE, FINITE)
def test_ticks_are_round_even_and_enclose_the_values(first, second):
    low, high = sorted((first, second))
    found = charts.ticks(low, high)
    steps = [after - before for before, after in zip(found, found[1:])]
    slack = 1e-6 * max(abs(low), abs(high), 1e-300)

    assert 2 <= len(found) <= 8
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(0, 4, [0, 1, 2, 3, 4], id="ones"),
        pytest.param(0, 0.001, [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001], id="small"),
        pytest.param(1, 20, [0, 5, 10, 15, 20], id="steps"),
        pytest.param(7, 7, [6, 8], id="one-value"),
        pytest.param(0, 0, [0, 0.2], id="nothing"),
    ],
)
def test_ticks_of_known_ranges(low, high, expected):
    found = charts.ticks(low, high)

    assert found[0] <= low
    assert found[-1] >= high
    assert found[: len(expected)] == expected or low == high


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 10))
def test_the_running_mean_stays_within_the_values_and_keeps_the_ends(values, reach):
    means = charts.running_mean(values, reach)

    assert len(means) == len(values)
    assert (means[0], means[-1]) == (values[0], values[-1])
    assert all(min(values) - 1e-6 <= mean <= max(values) + 1e-6 for mean in means)


def test_the_running_mean_takes_as_many_neighbours_on_both_sides():
    assert charts.running_mean([0, 3, 6, 0, 0], 1) == [0, 3, 3, 2, 0]


def test_a_line_chart_places_points_between_its_axes():
    tree = parse(charts.line_chart([Curve("raw", ((0, 0), (10, 4)))], x_label="step", y_label="loss", title="Loss"))
    points = tree.find("polyline").get("points")
    words = [item.text for item in tree.findall("text")]

    assert points == "58.0,206.0 446.0,30.0"
    assert words == ["0", "1", "2", "3", "4", "0", "2", "4", "6", "8", "10", "step", "loss"]


def test_texts_of_a_chart_are_escaped():
    svg = charts.line_chart([Curve("raw", ((0, 1),))], x_label="<b>", y_label="&", title='"><script>')

    assert "<b>" not in svg.text
    assert parse(svg).get("aria-label") == '"><script>'


def test_values_that_are_not_finite_leave_a_gap():
    tree = parse(charts.line_chart([Curve("raw", ((0, 1), (1, math.nan), (2, 3)))], x_label="", y_label="", title=""))

    assert len(tree.find("polyline").get("points").split()) == 2


def test_a_run_without_finite_loss_has_no_chart():
    assert charts.training_charts([(1, math.nan, 0.1), (2, math.inf, 0.1)]) == []


@pytest.mark.parametrize(("rows", "lines"), [pytest.param(19, 1, id="short"), pytest.param(20, 2, id="long")])
def test_only_a_long_run_is_smoothed(rows, lines):
    loss, _ = charts.training_charts([(step, 1 / step, 0.1) for step in range(1, rows + 1)])

    assert len(parse(loss).findall("polyline")) == lines


@pytest.mark.parametrize(("value", "width"), [(0, "0.0%"), (0.25, "25.0%"), (1, "100.0%"), (7, "100.0%"), (-1, "0.0%")])
def test_a_bar_is_as_long_as_its_share(value, width):
    tree = parse(charts.share_bar(value, 0.5, title="boat"))

    assert tree.findall("rect")[1].get("width") == width
    assert tree.find("line").get("x1") == "50.0%"


def test_a_bar_without_mark_has_none():
    assert parse(charts.share_bar(0.5, None, title="boat")).find("line") is None


def test_a_picture_is_small_and_without_metadata():
    svg, _ = judged()
    data = base64.b64decode(re.search(r"base64,([^\"]*)", svg.text)[1])

    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (320, 240))
    assert b"secret" not in data


def test_boxes_are_scaled_and_clipped_to_the_picture():
    svg, _ = judged(truths=[], detections=[JudgedBox("boat", BoundingBox(-50, 48, 9000, 240), 0.9)])
    outline = parse(svg).find("g").findall("rect")[1]

    assert [outline.get(key) for key in ("x", "y", "width", "height")] == ["0.0", "24.0", "320.0", "96.0"]


@pytest.mark.parametrize(
    ("truths", "detections", "caption"),
    [
        pytest.param([("boat", BOX)], [("boat", BOX, 0.9)], "1 of 1 found, none wrong", id="found"),
        pytest.param([("boat", BOX)], [("fish", BOX, 0.9)], "0 of 1 found, 1 wrong", id="other-class"),
        pytest.param([("boat", BOX)], [("boat", BOX, 0.9), ("boat", BOX, 0.8)], "1 of 1 found, 1 wrong", id="twice"),
        pytest.param([], [], "nothing to find, none wrong", id="negative"),
        pytest.param([], [("boat", BOX, 0.9)], "nothing to find, 1 wrong", id="false-alarm"),
    ],
)
def test_the_caption_counts_what_was_found(truths, detections, caption):
    found = judged(truths=[JudgedBox(*item) for item in truths], detections=[JudgedBox(*item) for item in detections])

    assert found[1] == caption


def test_the_best_detections_and_those_that_match_are_named():
    others = [JudgedBox("fish", BoundingBox(0, 0, 9, 9), 0.9 - index / 100) for index in range(5)]
    svg, _ = judged(detections=[*others, JudgedBox("boat", BOX, 0.31)])
    words = [item.text for item in parse(svg).iter("text")]

    assert words == ["boat 0.31", "fish 0.88", "fish 0.89", "fish 0.90"]


def test_long_and_hostile_names_are_cut_and_escaped():
    svg, _ = judged(detections=[JudgedBox("<script>" + "x" * 90, BOX, 0.9)], name="<i>")

    assert "<script" not in svg.text
    assert next(parse(svg).iter("text")).text == "<script>xxxxxxxxxxx… 0.90"


@pytest.mark.parametrize("data", [None, b"no picture"], ids=["absent", "damaged"])
def test_without_a_picture_the_boxes_stand_on_an_empty_ground(data):
    svg, _ = charts.judged_picture(data, SIZE, truths=[JudgedBox("boat", BOX)], detections=[], name="a.jpg")

    assert parse(svg).find("image") is None
    assert parse(svg).find("g").get("class") == "truth"


def test_wide_letters_have_a_wide_label():
    narrow, wide = (judged(detections=[JudgedBox(name, BOX, 0.9)])[0] for name in ("ab", "浣熊"))

    def width(svg):
        return float(next(item for item in parse(svg).iter("rect") if item.get("class") == "tag").get("width"))

    assert width(wide) > width(narrow)


def test_jinja_takes_an_element_as_it_stands():
    assert Svg("<svg/>").__html__() == "<svg/>"
