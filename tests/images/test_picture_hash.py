"""The difference hash: the same for the same scene, absent where there is nothing to see."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from edgetrain.images.image_file import UnreadableImageError
from edgetrain.images.near_duplicates import MAX_DISTANCE, difference_hash, hamming_distance


def encoded(image, image_format="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


SCENE = Image.radial_gradient("L")


def test_a_scene_keeps_its_hash_at_another_size_and_quality():
    smaller = encoded(SCENE.resize((120, 120)), "JPEG", quality=40)

    assert hamming_distance(difference_hash(encoded(SCENE), "a"), difference_hash(smaller, "b")) <= MAX_DISTANCE


@pytest.mark.parametrize("size", [(259, 197), (255, 255), (1001, 463), (61, 47)])
def test_a_jpeg_has_the_hash_of_its_pixels(size):
    """It is decoded at a part of its size, which is no whole number of pixels here."""
    scene = Image.effect_mandelbrot((640, 480), (-2, -1, 1, 1), 60).resize(size, Image.Resampling.LANCZOS)

    distance = hamming_distance(
        difference_hash(encoded(scene, "JPEG", quality=95), "a"), difference_hash(encoded(scene), "b")
    )

    assert distance <= MAX_DISTANCE // 2


def test_a_mirrored_edge_gives_the_opposite_bits():
    rising = Image.linear_gradient("L").rotate(90)

    assert difference_hash(encoded(rising), "a") == 2**64 - 1
    assert difference_hash(encoded(rising.rotate(180)), "b") == 0


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_without_structure_has_no_hash(grey):
    faint = SCENE.point(lambda value: max(0, min(255, grey + value // 20 - 6)))

    assert difference_hash(encoded(faint), "a") is None


def test_damaged_pixels_are_an_error():
    with pytest.raises(UnreadableImageError, match=r"^a\.png: the picture is damaged"):
        difference_hash(encoded(SCENE)[:400], "a.png")
