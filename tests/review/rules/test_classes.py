"""What is said of class names, and what is not said of names that are near on purpose."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.review.reviewed import Reviewed, ReviewedBox, ReviewedSet
from edgetrain.review.rules.classes import class_findings, is_near


def reviewed(**counts):
    """Return one annotation for each class with so many boxes, named like the class, its name in line 7."""
    return [
        Reviewed(f"{name}.xml", is_read=True, boxes=tuple(ReviewedBox(name, 6, 7, 1, 1, 9, 9) for _ in range(count)))
        for name, count in sorted(counts.items())
    ]


def found(items, names=None, *, min_boxes=0, splits=None, divided=()):
    label_map = LabelMap(tuple(names)) if names else None
    known = ReviewedSet.of(items)
    findings = class_findings(known, label_map=label_map, min_boxes=min_boxes, splits=splits or {}, divided=divided)
    return [(one.rule, one.file, one.line) for one in findings]


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"cat1": 400, "cat2": 3}, id="numbered"),
        pytest.param({"car": 900, "cart": 60}, id="many of both"),
        pytest.param({"car": 900, "cat": 5}, id="short names"),
        pytest.param({"left hand": 900, "right hand": 5}, id="opposites"),
        pytest.param({"Größe": 900, "Farbe": 5}, id="unlike"),
    ],
)
def test_names_that_are_near_on_purpose_are_left_alone(counts):
    assert found(reviewed(**counts)) == []


@pytest.mark.parametrize("slip", ["racoon", "raccoom", "raccono", "raccoonn", "Raccoon", "rac-coon", "raccoons"])
def test_a_slip_beside_a_far_more_frequent_class_is_a_typo(slip):
    assert found(reviewed(**{"raccoon": 200, slip: 3})) == [("class-typo", f"{slip}.xml", 7)]


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"boat": 30, "boats": 20}, id="a letter"),
        pytest.param({"Boat": 500, "boat": 400}, id="case"),
        pytest.param({"traffic light": 500, "traffic_light": 400}, id="punctuation"),
        pytest.param({"house": 5000, "mouse": 5}, id="another first letter"),
    ],
)
def test_names_that_may_be_one_class_are_similar(counts):
    assert [rule for rule, _, _ in found(reviewed(**counts))] == ["class-similar"]


def test_names_of_the_committed_map_are_never_doubted():
    assert found(reviewed(house=5000, mouse=5, boat=30, boats=2), ["house", "mouse", "boat", "boats"]) == []


@pytest.mark.parametrize("name", ["racoon", "Raccoon"])
def test_a_name_near_the_committed_map_is_a_typo(name):
    assert found(reviewed(**{"raccoon": 200, name: 3}), ["raccoon"]) == [("class-typo", f"{name}.xml", 7)]


def test_a_near_name_is_a_typo_where_the_maps_own_has_no_box():
    assert found(reviewed(racoon=40), ["raccoon"]) == [("class-typo", "racoon.xml", 7)]


def test_a_new_class_is_told_once_though_it_is_near():
    items = [one._replace(name=f"{number}.xml") for number in range(9) for one in reviewed(cart=60)]

    assert found([*items, *reviewed(car=900)], ["car"]) == [("class-unknown", "0.xml", 7)]


def test_a_typo_is_shown_in_each_annotation_up_to_twenty_and_the_rest_counted():
    items = [one._replace(name=f"{number:02}.xml") for number in range(30) for one in reviewed(racoon=1)]

    known = ReviewedSet.of([*items, *reviewed(raccoon=400)])

    findings = list(class_findings(known, label_map=None, min_boxes=0, splits={}, divided=()))

    assert [one.file for one in findings] == [f"{number:02}.xml" for number in range(20)]
    assert findings[-1].message.endswith("10 more annotations use it.")
    assert "(30 boxes) looks like a misspelt 'raccoon'." in findings[0].message


def test_a_rare_class_is_told_and_one_of_the_map_without_a_box():
    expected = [("class-rare", "boat.xml", 7), ("class-rare", "label_map.pbtxt", 1)]

    assert found(reviewed(boat=9, fish=10), ["boat", "fish", "house"], min_boxes=10) == expected


def test_a_class_missing_in_a_split_is_told():
    items = reviewed(boat=20, fish=20)
    splits = {"boat.xml": Split.TRAIN, "fish.xml": Split.TEST}

    assert found(items, splits=splits, divided={Split.TRAIN}) == [("class-missing", "fish.xml", 7)]
    assert found(items, splits=splits, divided=()) == []


def test_thousands_of_classes_take_no_time():
    items = reviewed(**{f"class {'abcdefghij'[number % 10]}{number}": 1 for number in range(5000)})
    started = time.process_time()

    found([*items, *reviewed(**{"x" * 100_000: 1, "y" * 100_000: 99})])

    assert time.process_time() - started < 5


@given(st.text("abcd 1", max_size=12), st.text("abcd 1", max_size=12))
def test_nearness_is_mutual(first, second):
    assert is_near(first, second) == is_near(second, first)


@given(st.text("abcdefgh", min_size=4, max_size=12), st.data())
def test_one_letter_more_is_near(name, data):
    place = data.draw(st.integers(0, len(name)))

    assert is_near(name, f"{name[:place]}x{name[place:]}")
