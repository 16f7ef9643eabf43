"""The first batch of a run is kept as the network saw it, and drawn."""

from __future__ import annotations

import pytest

from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.records.example import read_examples

pytestmark = pytest.mark.tensorflow


def test_the_first_batch_has_the_networks_input_and_the_boxes_of_the_anchors(finished_workspace):
    examples = list(read_examples([finished_workspace.first_batch_path]))
    names = read_label_map(finished_workspace.label_map_path).names
    boxes = [box for one in examples for box in one.boxes]

    assert examples
    assert len({one.size for one in examples}) == 1
    assert boxes
    assert {box.class_name for box in boxes} <= set(names)
    assert all(0 <= box.box.xmin < box.box.xmax <= 1 and 0 <= box.box.ymin < box.box.ymax <= 1 for box in boxes)


def test_a_box_keeps_its_sides_and_padding_is_no_box():
    import numpy as np

    from edgetrain.training.input.first_batch import _boxes

    boxes = np.array([[0.125, 0.25, 0.375, 0.5], [0, 0, 0, 0]], np.float32)
    (found,) = _boxes(boxes, np.array([[0, 1], [0, 0]], np.float32), ("boat", "fish"))

    assert found.class_name == "fish"
    assert (found.box.ymin, found.box.xmin, found.box.ymax, found.box.xmax) == (0.125, 0.25, 0.375, 0.5)
