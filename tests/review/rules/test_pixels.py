"""The rules that need decoded pixels."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import BoundingBox
from edgetrain.core.findings import Finding
from edgetrain.core.splits import Split
from edgetrain.images.pixel_facts import PixelFacts
from edgetrain.review.rules.pixels import (
    decoded,
    near_pictures,
    near_twin_findings,
    split_near_twin_findings,
    with_damage,
)
from tests.support.rule_material import INSIDE, reviewed

LARGE, MOVED, FAR = (BoundingBox(left, 100, left + 100, 200) for left in (100, 130, 160))
SEEN = PixelFacts(0xFF)


def near(*pictures, twins=()):
    """Return the groups of pictures that all have nearly the same hash."""
    facts = {one.image_name: PixelFacts(0xFF ^ number) for number, one in enumerate(pictures)}
    return near_pictures(pictures, facts, twins)


def halved(*boxes):
    """Return the picture b at half its size."""
    small = [BoundingBox(*(side / 2 for side in vars(box).values())) for box in boxes]
    return reviewed("b", "2", *small, width=320, height=240)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(reviewed("b", "2", LARGE, INSIDE), [], id="same boxes, another order"),
        pytest.param(reviewed("b", "2", MOVED, INSIDE), [], id="a box moved a little"),
        pytest.param(reviewed("b", "2", FAR, INSIDE), ["annotations/b.xml"], id="a box moved far"),
        pytest.param(reviewed("b", "2", LARGE), ["annotations/b.xml"], id="a box less"),
        pytest.param(reviewed("b", "2", LARGE, INSIDE, INSIDE), ["annotations/b.xml"], id="a box more"),
        pytest.param(reviewed("b", "2", LARGE, LARGE), ["annotations/b.xml"], id="one box for two"),
        pytest.param(halved(LARGE, INSIDE), [], id="same boxes, half the size"),
        pytest.param(reviewed("b", "2", LARGE, INSIDE, width=320), ["annotations/b.xml"], id="other width"),
    ],
)
def test_pictures_that_look_alike_must_have_about_the_same_boxes(second, expected):
    findings = list(near_twin_findings(near(reviewed("a", "1", INSIDE, LARGE), second)))

    assert [one.file for one in findings] == expected
    assert all(one.message.startswith("images/b.jpg looks almost the same as images/a.jpg, but") for one in findings)


def test_another_class_is_another_box():
    first, second = reviewed("a", "1", LARGE), reviewed("b", "2", LARGE)
    renamed = second._replace(boxes=(second.boxes[0]._replace(class_name="fish"),))

    assert [one.rule for one in near_twin_findings(near(first, renamed))] == ["near-twin-boxes"]


def test_each_box_needs_a_partner_of_its_own_class():
    first, second = reviewed("a", "1", LARGE, INSIDE), reviewed("b", "2", LARGE, INSIDE)
    fish = [box._replace(class_name="fish") for box in first.boxes]
    first = first._replace(boxes=(fish[0], first.boxes[1]))
    second = second._replace(boxes=(second.boxes[0], fish[1]))

    assert [one.file for one in near_twin_findings(near(first, second))] == ["annotations/b.xml"]


def test_one_box_is_no_partner_of_two():
    first, second = reviewed("a", "1", LARGE, LARGE), reviewed("b", "2", LARGE, INSIDE)

    assert [one.file for one in near_twin_findings(near(first, second))] == ["annotations/b.xml"]


def test_identical_pictures_are_not_told_again():
    pictures = [reviewed("a", "1", LARGE), reviewed("b", "1"), reviewed("c", "3")]
    groups = near(*pictures, twins=[pictures[:2]])

    assert [one.file for one in near_twin_findings(groups)] == ["annotations/c.xml"]
    assert near(*pictures[:2], twins=[pictures[:2]]) == []


def test_pictures_that_look_alike_must_not_be_in_two_splits():
    pictures = [reviewed(name, name) for name in "abcd"]
    splits = {"annotations/b.xml": Split.TRAIN, "annotations/c.xml": Split.TRAIN, "annotations/d.xml": Split.TEST}

    findings = list(split_near_twin_findings(near(*pictures), splits))

    assert [(one.file, one.rule) for one in findings] == [("annotations/d.xml", "split-near-twin")]
    assert "images/d.jpg (test) looks almost the same as images/b.jpg (train)" in findings[0].message
    assert list(split_near_twin_findings(near(*pictures), {})) == []


def test_damage_is_told_once_beside_the_other_faults_of_a_picture():
    known = Finding.of(("annotations/a.xml", 2), "size-mismatch", "wrong", "Fix it.")
    pictures = [reviewed("a", "1", findings=(known,)), reviewed("b", "2"), reviewed("c", "3", image="images/a.jpg")]

    found = with_damage(pictures, {"images/a.jpg": PixelFacts(None, "it is torn"), "images/b.jpg": SEEN})

    assert [[finding.rule for finding in one.findings] for one in found] == [
        ["size-mismatch", "pixels-damaged"],
        [],
        [],
    ]
    assert (found[0].findings[1].file, found[0].findings[1].message) == ("images/a.jpg", "it is torn.")


def test_pictures_that_must_not_be_decoded_are_not(voc_dataset, tmp_path):
    huge = Finding.of(("images/0001.jpg", 1), "image-huge", "huge", "Shrink it.")
    known = [reviewed(f"000{number}", "1") for number in range(3)]
    known[1:] = [known[1]._replace(findings=(huge,)), known[2]._replace(image_key="")]

    assert list(decoded(voc_dataset, known, tmp_path / "pixels.json")) == ["images/0000.jpg"]
