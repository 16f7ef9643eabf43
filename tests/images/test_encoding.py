"""Pictures encoded anew: their size, their format, and that they still show the same."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageOps

from edgetrain.core.boxes import ImageSize
from edgetrain.images.encoding import encoded_anew, encoded_format, fitted_size
from edgetrain.images.image_file import UnreadableImageError, decode


def drawn(kind, *, mode="RGB", size=(640, 480), **options):
    """Return a picture with a red rectangle in its right half, encoded."""
    image = Image.new("RGB", size, (0, 0, 255))
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill=(255, 0, 0))
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param((640, 480), (640, 480), id="small enough"),
        pytest.param((641, 480), (640, 479), id="wide"),
        pytest.param((480, 6400), (48, 640), id="high"),
        pytest.param((10_000, 1), (640, 1), id="a line"),
    ],
)
def test_no_side_is_above_the_limit(size, expected):
    assert fitted_size(ImageSize(*size), 640) == ImageSize(*expected)


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [
        pytest.param("JPEG", "RGB", "JPEG", id="jpeg"),
        pytest.param("JPEG", "CMYK", "JPEG", id="cmyk"),
        pytest.param("PNG", "RGBA", "PNG", id="png"),
        pytest.param("BMP", "RGB", "PNG", id="bmp"),
        pytest.param("GIF", "P", "PNG", id="gif"),
        pytest.param("WEBP", "RGB", "PNG", id="webp"),
        pytest.param("TIFF", "RGB", "PNG", id="tiff"),
    ],
)
def test_a_picture_shows_the_same_in_another_size(kind, mode, expected):
    data = encoded_anew(drawn(kind, mode=mode), kind.lower(), ImageSize(64, 48), "a")

    image = Image.open(io.BytesIO(data))
    left, right = (decode(data).getpixel((x, 24)) for x in (16, 48))
    assert (image.format, image.size, image.mode) == (expected, (64, 48), "RGB")
    assert encoded_format(kind.lower()) == expected.lower()
    assert max(abs(one - other) for one, other in zip(left + right, (0, 0, 255, 255, 0, 0))) < 10


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_fine_stripes_become_gray_when_a_picture_is_scaled(kind):
    stripes = Image.linear_gradient("L").point(lambda value: 255 * (value // 4 % 2)).resize((2048, 2048))
    buffer = io.BytesIO()
    stripes.convert("RGB").save(buffer, kind, quality=95)

    scaled = decode(encoded_anew(buffer.getvalue(), kind.lower(), ImageSize(32, 32), "a"))

    exact = stripes.resize((32, 32), Image.Resampling.LANCZOS)
    assert max(abs(a - b) for a, b in zip(scaled.convert("L").tobytes(), exact.tobytes())) < 25


def test_colour_profile_and_orientation_do_not_stay():
    exif = Image.Exif()
    exif[0x0112] = 6

    data = encoded_anew(drawn("JPEG", exif=exif, icc_profile=b"x" * 200), "jpeg", ImageSize(64, 48), "a")

    assert {"exif", "icc_profile"} & set(Image.open(io.BytesIO(data)).info) == set()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_damaged_bytes_are_told(kind):
    with pytest.raises(UnreadableImageError, match=r"^a\.jpg: the picture is damaged"):
        encoded_anew(drawn(kind)[:300], kind.lower(), ImageSize(64, 48), "a.jpg")


def test_strips_fit_together():
    source = Image.effect_noise((700, 900), 90).convert("RGB")
    buffer = io.BytesIO()
    source.save(buffer, "PNG")

    scaled = decode(encoded_anew(buffer.getvalue(), "png", ImageSize(233, 301), "a"))

    exact = source.resize((233, 301), Image.Resampling.LANCZOS)
    assert max(abs(one - other) for one, other in zip(scaled.tobytes(), exact.tobytes())) <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_turned_picture_is_upright_in_its_new_size(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = drawn(kind, exif=exif)

    data = encoded_anew(stored, kind.lower(), ImageSize(48, 64), "a", is_turned=True)

    exact = ImageOps.exif_transpose(Image.open(io.BytesIO(stored))).convert("RGB").resize((48, 64))
    actual = decode(data)
    assert actual.size == (48, 64)
    for place in ((12, 16), (36, 16), (12, 48), (36, 48)):
        pairs = zip(actual.getpixel(place), exact.getpixel(place))
        assert max(abs(one - other) for one, other in pairs) < 10
