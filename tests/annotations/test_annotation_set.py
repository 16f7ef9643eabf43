"""The common value of all formats, and how faults are told."""

from __future__ import annotations

import pytest

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox
from edgetrain.core.errors import DatasetError


def test_classes_that_only_boxes_name_follow_the_stated_ones_sorted():
    boxes = tuple(LabelledBox(name, BoundingBox(0, 0, 1, 1), 1) for name in ("c", "z", "a"))

    assert AnnotationSet((Picture("a.jpg", None, boxes),), ("z", "y")).class_names() == ("z", "y", "a", "c")


def test_faults_are_told_together_sorted_and_counted():
    reading = Reading()
    reading.fault(Place("b.csv", 2), "two.")
    reading.fault(Place("a.csv", 10), "ten.")
    reading.fault(Place("a.csv", 9), "nine.")

    with pytest.raises(DatasetError, match=r"^a.csv:9: nine.\na.csv:10: ten.\nb.csv:2: two.\n3 faults. Nothing!$"):
        reading.raise_faults("Nothing!")


def test_of_many_faults_the_first_are_shown_and_all_counted():
    reading = Reading()
    for line in range(1, 61):
        reading.fault(Place("a.csv", line), "bad.")

    with pytest.raises(DatasetError, match=r"a.csv:50: bad.\n60 faults \(the first 50 are shown\). Nothing.$"):
        reading.raise_faults("Nothing.")


def test_without_faults_nothing_is_raised():
    Reading().raise_faults("Nothing.")
