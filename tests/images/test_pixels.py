"""Pictures as the network's input."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize
from edgetrain.images.pixels import network_pixels, reduced_pixels


def _png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_is_stretched_to_the_input():
    """Height and width are those asked for, the colours stay where they are."""
    array = np.zeros((40, 60, 3), np.uint8)
    array[:, 30:] = (255, 0, 0)

    pixels = network_pixels(_png(array), ImageSize(16, 8), "a.png")

    assert (pixels.shape, pixels.dtype) == ((8, 16, 3), np.uint8)
    assert pixels[4, 2].tolist() == [0, 0, 0]
    assert pixels[4, 13].tolist() == [255, 0, 0]


def test_a_gray_picture_has_three_equal_channels():
    """The network takes RGB whatever the file has."""
    pixels = network_pixels(_png(np.full((10, 10), 77, np.uint8)), ImageSize(10, 10), "gray.png")

    assert pixels.shape == (10, 10, 3)
    assert np.unique(pixels).tolist() == [77]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_only_a_picture_whose_sides_are_both_longer_is_reduced(kind):
    """The shorter side gets the length asked for, and the picture keeps its shape."""
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((640, 320)).save(stream, kind)

    reduced = reduced_pixels(stream.getvalue(), 100, "a")
    kept = reduced_pixels(stream.getvalue(), 320, "a")

    assert (reduced.shape, kept.shape) == ((100, 200, 3), (320, 640, 3))
    assert abs(reduced[25].mean() - kept[80].mean()) < 2
