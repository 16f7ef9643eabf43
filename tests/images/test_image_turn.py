"""Pictures turned for good: the pixels as people saw them, no orientation left, the other metadata kept."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from edgetrain.images.encoding import turned_upright
from edgetrain.images.image_file import JPEG, PNG, UnreadableImageError, probe_bytes

ORIENTATION, MAKER = 0x0112, 0x010F


def stored_turned(image_format, orientation=6):
    """Return a picture, red on its left half as stored, that is to be shown turned."""
    image = Image.new("RGB", (48, 32), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 24, 32))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Maker"
    buffer = io.BytesIO()
    image.save(buffer, image_format, exif=exif, dpi=(72, 72), quality=95, icc_profile=b"profile")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("image_format", "name"), [pytest.param("JPEG", JPEG, id="JPEG"), pytest.param("PNG", PNG, id="PNG")]
)
def test_the_pixels_are_turned_and_the_orientation_is_gone(image_format, name):
    turned = turned_upright(stored_turned(image_format), name, "a")

    info = probe_bytes(turned, "a")
    image = Image.open(io.BytesIO(turned)).convert("RGB")
    assert (info.format, info.exif_orientation, info.is_complete) == (name, 1, True)
    assert (info.size.width, info.size.height) == (32, 48)
    assert image.getpixel((16, 4))[0] > 250
    assert image.getpixel((16, 44))[2] > 250


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_other_metadata_stay(name):
    image = Image.open(io.BytesIO(turned_upright(stored_turned(name), name.lower(), "a")))

    assert image.getexif()[MAKER] == "Maker"
    assert image.info["icc_profile"] == b"profile"
    assert image.info["dpi"] == pytest.approx((72, 72), abs=0.1)


def test_a_damaged_picture_is_refused():
    with pytest.raises(UnreadableImageError, match="a: the picture is damaged"):
        turned_upright(stored_turned("JPEG")[:-300], JPEG, "a")
