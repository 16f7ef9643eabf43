"""The rules of a dataset as a whole."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import BoundingBox
from edgetrain.core.splits import Split
from edgetrain.review.reviewed import Reviewed, ReviewedSet
from edgetrain.review.rules.whole_set import (
    habit_findings,
    identical_pictures,
    orphan_findings,
    shared_findings,
    split_twin_findings,
    twin_findings,
)
from tests.support.rule_material import INSIDE, reviewed

OTHER = BoundingBox(5, 5, 9, 9)
UNREAD = Reviewed("annotations/broken.xml", is_read=False)


def twins(*pictures):
    """Return a set and its groups of identical pictures, told by their keys alone."""
    found = ReviewedSet.of(one._replace(image_digest=one.image_key) for one in pictures)
    return found, identical_pictures(found)


@pytest.mark.parametrize(
    ("boxes", "key", "expected"),
    [
        pytest.param((INSIDE, OTHER), "1", [], id="same boxes, another order"),
        pytest.param((INSIDE,), "1", ["annotations/b.xml"], id="a box less"),
        pytest.param((), "1", ["annotations/b.xml"], id="no box"),
        pytest.param((INSIDE,), "2", [], id="another picture"),
        pytest.param((INSIDE,), "", [], id="picture that cannot be read"),
    ],
)
def test_identical_pictures_must_have_the_same_boxes(boxes, key, expected):
    groups = twins(reviewed("a", "1", OTHER, INSIDE), reviewed("b", key, *boxes))

    assert [one.file for one in twin_findings(*groups)] == expected


def test_identical_pictures_must_not_be_in_two_splits():
    pictures = [reviewed(name, "1", INSIDE) for name in "abc"]
    splits = {"annotations/b.xml": Split.TRAIN, "annotations/c.xml": Split.TEST}

    findings = list(split_twin_findings(*twins(*pictures), splits))

    assert [(one.file, one.rule, one.severity) for one in findings] == [("annotations/c.xml", "split-twin", "error")]
    assert "images/c.jpg (test) is identical to images/b.jpg (train)" in findings[0].message


def test_a_picture_belongs_to_one_annotation():
    shared = [reviewed("a", "1", INSIDE), reviewed("b", "1", image="images/a.jpg"), reviewed("c", "2")]

    assert [(one.file, one.line, one.rule) for one in shared_findings(ReviewedSet.of(shared))] == [
        ("annotations/b.xml", 3, "image-shared")
    ]
    assert twins(*shared)[1] == []


def test_a_picture_without_annotation_is_warned_of_unless_its_annotation_is_broken():
    known = ReviewedSet.of([reviewed("a", "1"), UNREAD])

    found = orphan_findings(known, ["images/a.jpg", "images/broken.jpg", "images/new.jpg"])

    assert [(one.file, one.rule, one.severity) for one in found] == [("images/new.jpg", "image-orphaned", "warning")]


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        pytest.param([reviewed("a", "1"), reviewed("b", "2", INSIDE)], [], id="one object"),
        pytest.param([reviewed("a", "1"), reviewed("b", "2")], ["dataset-negative"], id="no object"),
        pytest.param([reviewed("a", "1"), UNREAD], [], id="one that cannot be read may have some"),
        pytest.param([reviewed("a", "1", BoundingBox(1, 2, 3.5, 4)), reviewed("b", "2", BoundingBox(1, 2, 3, 4.5))],
                     ["box-float"], id="broken coordinates, said once"),
        pytest.param([reviewed("a", "1", BoundingBox(0, 9, 9, 20)), reviewed("b", "2", BoundingBox(9, 9, 640, 20))],
                     ["box-edge-base"], id="from 0, and to the full width"),
        pytest.param([reviewed("a", "1", BoundingBox(0, 9, 640, 20), BoundingBox(0, 9, 9, 480))], [], id="edges"),
        pytest.param([reviewed("a", "1", BoundingBox(0, 9, 9, 20), width=0, height=0)], [], id="size unknown"),
    ],
)  # fmt: skip
def test_habits_of_labelling_are_told_once(pictures, expected):
    assert [one.rule for one in habit_findings(ReviewedSet.of(pictures))] == expected


def test_the_number_of_broken_boxes_is_told():
    broken = BoundingBox(1, 2, 3.5, 4)
    message = next(habit_findings(ReviewedSet.of([reviewed("a", "1", broken, broken)]))).message

    assert message == "2 boxes of the dataset have broken coordinates, first 1 2 3.5 4."
