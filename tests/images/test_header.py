"""Headers read without a decoder say what Pillow says, or nothing."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetrain.images.header import read_header


def encoded(image_format, mode="RGB", orientation=1, **options):
    """Return the bytes of a small picture."""
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new(mode, (40, 30)).save(stream, image_format, exif=exif, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize(
    ("image_format", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16")],
)
def test_size_mode_and_orientation_are_those_that_pillow_reads(image_format, mode, orientation):
    header = read_header(encoded(image_format, mode, orientation))

    assert header[:5] == (40, 30, image_format.lower(), orientation, mode)


@pytest.mark.parametrize(
    ("data", "oddity"),
    [
        pytest.param(encoded("JPEG"), "", id="JPEG"),
        pytest.param(encoded("JPEG", progressive=True), "", id="progressive JPEG"),
        pytest.param(encoded("JPEG", "CMYK"), "has CMYK colours", id="CMYK"),
        pytest.param(encoded("PNG", "I;16"), "has 16 bits a channel", id="16 bits"),
        pytest.param(
            encoded("PNG", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")]),
            "is an animation",
            id="animated PNG",
        ),
    ],
)
def test_what_training_sees_otherwise_is_named(data, oddity):
    assert read_header(data).oddity == oddity


@pytest.mark.parametrize("data", [b"", b"GIF89a", encoded("JPEG")[:60], encoded("PNG")[:40], encoded("BMP")])
def test_what_is_unusual_or_too_short_is_left_to_the_decoder(data):
    assert read_header(data) is None


@given(st.sampled_from([encoded("JPEG", "RGB", 6), encoded("PNG", "RGB", 6)]), st.data())
def test_damaged_headers_give_a_header_or_nothing(source, data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
    header = read_header(source[:start] + data.draw(st.binary(max_size=6)) + source[end:])

    assert header is None or (header.width > 0 and header.height > 0 and 1 <= header.exif_orientation <= 8)
