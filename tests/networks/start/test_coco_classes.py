"""COCO's classes are found by name, however a dataset spells them."""

from __future__ import annotations

import pytest

from edgetrain.networks.start.coco_classes import COCO_CLASSES, COCO_IDS, coco_id


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("person", 1, id="as it is"),
        pytest.param("Traffic_Light", 10, id="case and underscore"),
        pytest.param("hair-drier", 89, id="hyphen"),
        pytest.param("raccoon", None, id="not COCO's"),
    ],
)
def test_a_class_is_found_by_name(name, number):
    assert coco_id(name) == number


def test_there_are_80_classes_below_the_number_of_ids():
    """The gaps are COCO's: ten ids were never given to a class."""
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}

    assert set(COCO_CLASSES) == set(range(1, COCO_IDS + 1)) - gaps
    assert len(set(COCO_CLASSES.values())) == len(COCO_CLASSES)
