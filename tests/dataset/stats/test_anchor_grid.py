"""The anchors of the templates, and which of them is nearest to a box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import BoundingBox, iou
from edgetrain.core.errors import SettingsError
from edgetrain.dataset.stats.anchor_grid import read_anchor_shapes

PLACES = st.floats(0, 1)
SHAPES = read_anchor_shapes("mobilenet_v2_ssd", 300)
PYRAMID = read_anchor_shapes("mobilenet_v2_fpnlite", 320)


def all_anchors(shape):
    """Return every anchor of a shape."""
    centres = [shape.offset + number * shape.stride for number in range(shape.grid)]
    half_width, half_height = shape.width / 2, shape.height / 2
    return [
        BoundingBox(x - half_width, y - half_height, x + half_width, y + half_height) for x in centres for y in centres
    ]


@pytest.mark.parametrize(
    ("image_size", "grids"),
    [
        pytest.param(300, [19, 10, 5, 3, 2, 1], id="300"),
        pytest.param(320, [20, 10, 5, 3, 2, 1], id="320"),
        pytest.param(97, [7, 4, 2, 1, 1, 1], id="odd"),
    ],
)
@pytest.mark.parametrize("network", ["mobilenet_v1_ssd", "mobilenet_v2_ssd"])
def test_the_layers_are_those_of_the_network(network, image_size, grids):
    """The grids were read off the built networks' feature maps."""
    shapes = read_anchor_shapes(network, image_size)

    assert [shape.grid for shape in shapes] == [
        grid for grid, count in zip(grids, (3, 6, 6, 6, 6, 6)) for _ in range(count)
    ]


@pytest.mark.tensorflow
def test_the_anchors_are_those_of_the_object_detection_api():
    from object_detection.anchor_generators.multiple_grid_anchor_generator import create_ssd_anchors

    ratios = (1.0, 2.0, 0.5, 3.0, 0.3333)
    generator = create_ssd_anchors(num_layers=6, min_scale=0.2, max_scale=0.95, aspect_ratios=ratios)
    theirs = [row for part in generator.generate([(g, g) for g in (19, 10, 5, 3, 2, 1)]) for row in part.get().numpy()]

    ours = [(box.ymin, box.xmin, box.ymax, box.xmax) for shape in SHAPES for box in all_anchors(shape)]
    assert len(theirs) == len(ours) == 1917
    for theirs_of_side, ours_of_side in zip(zip(*theirs), zip(*ours)):
        assert sorted(map(float, theirs_of_side)) == pytest.approx(sorted(ours_of_side), abs=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("image_size", "grids"), [(320, (40, 20, 10, 5, 3)), (640, (80, 40, 20, 10, 5))])
@pytest.mark.parametrize("network", ["mobilenet_v2_fpnlite", "mobilenet_v1_fpn"])
def test_the_anchors_of_a_pyramid_are_those_of_the_object_detection_api(network, image_size, grids):
    """At 320 pixels the last level's cells do not fill the input, and begin at its edge."""
    from object_detection.anchor_generators.multiscale_grid_anchor_generator import MultiscaleGridAnchorGenerator

    generator = MultiscaleGridAnchorGenerator(3, 7, 4.0, (1.0, 2.0, 0.5), 2)
    parts = generator.generate([(grid, grid) for grid in grids], im_height=image_size, im_width=image_size)
    theirs = [row for part in parts for row in part.get().numpy()]

    shapes = read_anchor_shapes(network, image_size)

    ours = [(box.ymin, box.xmin, box.ymax, box.xmax) for shape in shapes for box in all_anchors(shape)]
    assert [shape.grid for shape in shapes[::6]] == list(grids)
    for theirs_of_side, ours_of_side in zip(zip(*theirs), zip(*ours)):
        assert sorted(map(float, theirs_of_side)) == pytest.approx(sorted(ours_of_side), abs=1e-5)


@given(
    st.tuples(PLACES, PLACES, PLACES, PLACES),
    st.sampled_from([shape for shape in (*SHAPES, *PYRAMID) if shape.grid < 11]),
)
def test_the_best_iou_is_that_of_all_anchors(corners, shape):
    xs, ys = sorted(corners[:2]), sorted(corners[2:])
    box = BoundingBox(xs[0], ys[0], xs[1], ys[1])

    assert shape.best_iou(box) == pytest.approx(max(iou(box, anchor) for anchor in all_anchors(shape)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("model {}", "it has no", id="no generator"),
        pytest.param("ssd_anchor_generator { num_layers: 6 }", "has no min_scale", id="no scale"),
    ],
)
def test_a_template_without_anchors_is_refused(tmp_path, text, message):
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "mine.config").write_text(text)

    with pytest.raises(SettingsError, match=message):
        read_anchor_shapes("mine", 300, templates_dir=tmp_path)
