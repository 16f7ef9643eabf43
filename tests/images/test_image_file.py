"""Pictures: what the header says, whether the end is there, and pixels as TensorFlow sees them."""

from __future__ import annotations

import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.images.image_file import (
    ImageInfo,
    UnreadableImageError,
    decode,
    decode_gray,
    decode_reduced,
    probe,
    probe_bytes,
)


def encoded(image_format="JPEG", mode="RGB", size=(40, 30), **options):
    """Return the bytes of a picture with a gradient."""
    stream = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert(mode)
    image.save(stream, image_format, **options)
    return stream.getvalue()


def rotated(orientation):
    """Return a JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(exif=exif)


JPEG, PNG = encoded(), encoded("PNG")
LARGE = encoded(size=(400, 300), quality=95)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(JPEG, ("jpeg", "RGB"), id="JPEG"),
        pytest.param(encoded(progressive=True), ("jpeg", "RGB"), id="progressive JPEG"),
        pytest.param(encoded(mode="L"), ("jpeg", "L"), id="gray JPEG"),
        pytest.param(encoded(mode="CMYK"), ("jpeg", "CMYK"), id="CMYK JPEG"),
        pytest.param(encoded("MPO", save_all=True), ("jpeg", "RGB"), id="several pictures in one JPEG"),
        pytest.param(PNG, ("png", "RGB"), id="PNG"),
        pytest.param(encoded("PNG", "P"), ("png", "P"), id="PNG with palette"),
        pytest.param(encoded("GIF"), ("gif", "L"), id="GIF"),
        pytest.param(encoded("BMP"), ("bmp", "RGB"), id="BMP"),
        pytest.param(encoded("TIFF"), ("tiff", "RGB"), id="TIFF"),
    ],
)
def test_format_and_size_are_those_of_the_content(tmp_path, data, expected):
    (tmp_path / "picture.jpg").write_bytes(data)

    info = probe(tmp_path / "picture.jpg")

    oddity = "has CMYK colours" if info.mode == "CMYK" else ""
    assert info == ImageInfo(ImageSize(40, 30), expected[0], True, 1, info.mode, oddity)  # noqa: FBT003 - is_complete
    assert info.mode == expected[1] or info.format == "gif"


@pytest.mark.parametrize(
    ("data", "is_complete"),
    [
        pytest.param(JPEG, True, id="JPEG"),
        pytest.param(JPEG + b"\0\0trailer", True, id="JPEG with a trailer"),
        pytest.param(JPEG[:-1], False, id="JPEG without its last byte"),
        pytest.param(JPEG[:-2], False, id="JPEG without its end marker"),
        pytest.param(LARGE[: len(LARGE) // 2], False, id="JPEG cut in the middle"),
        pytest.param(JPEG[:-40] + b"\xff\xd9\0\0", True, id="JPEG that Pillow decodes to its end"),
        pytest.param(encoded(progressive=True)[:-2], False, id="progressive JPEG without its end marker"),
        pytest.param(PNG, True, id="PNG"),
        pytest.param(PNG + b"\0", True, id="PNG with a trailer"),
        *[pytest.param(PNG[:-cut], False, id=f"PNG without {cut} bytes") for cut in (1, 4, 8, 12, 13)],
    ],
)
def test_a_cut_picture_is_incomplete_and_a_trailer_is_not_a_cut(data, is_complete):
    assert is_complete is probe_bytes(data, "a").is_complete


def test_a_jpeg_cut_behind_an_inner_end_marker_is_incomplete():
    """The end marker of a thumbnail in the header is not the end of the picture."""
    thumbnail = b"\xff\xe1\x00\x06\xff\xd9\x00\x00"

    data = LARGE[:2] + thumbnail + LARGE[2 : len(LARGE) // 2]

    assert not probe_bytes(data, "a").is_complete


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_told(orientation):
    assert orientation == probe_bytes(rotated(orientation), "a").exif_orientation


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(rotated(0), id="0"),
        pytest.param(rotated(99), id="99"),
        pytest.param(encoded(exif=b"Exif\0\0garbage"), id="garbage"),
        pytest.param(encoded(exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), id="offset behind the end"),
    ],
)
def test_an_orientation_without_sense_means_upright(data):
    assert probe_bytes(data, "a").exif_orientation == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "images/a.jpg: the file is not a picture. Replace the picture", id="empty"),
        pytest.param(b"<html></html>", "images/a.jpg: the file is not a picture.", id="HTML"),
        pytest.param(JPEG[:3], r"images/a.jpg: the picture is damaged \(", id="three bytes of a JPEG"),
        pytest.param(PNG[:20], r"images/a.jpg: the picture is damaged \(", id="twenty bytes of a PNG"),
    ],
)
def test_what_is_no_picture_is_a_dataset_error(data, message):
    with pytest.raises(DatasetError, match=f"^{message}"):
        probe_bytes(data, "images/a.jpg")


def test_a_picture_that_cannot_be_opened_is_a_dataset_error(tmp_path):
    with pytest.raises(DatasetError, match=r"a.jpg: the file cannot be read \(No such file or directory\)"):
        probe(tmp_path / "a.jpg")


def test_a_picture_of_absurd_size_is_refused_before_it_is_decoded():
    header = b"IHDR" + (60000).to_bytes(4, "big") * 2 + PNG[24:29]
    data = PNG[:12] + header + zlib.crc32(header).to_bytes(4, "big") + PNG[33:]

    with pytest.raises(DatasetError, match=r"a: the picture is damaged \(Image size \(3600000000 pixels\)"):
        decode(data, "a")
    assert probe_bytes(data, "a").size == ImageSize(60000, 60000)


@given(st.sampled_from([JPEG, PNG, rotated(6)]), st.data())
def test_damaged_pictures_never_give_a_traceback(source, data):
    """A picture with a slice replaced by anything is told apart, or refused with a message."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
    damaged = source[:start] + data.draw(st.binary(max_size=8)) + source[end:]

    try:
        info = probe_bytes(damaged, "a")
        decode(damaged, "a")
    except DatasetError as error:
        info = str(error)

    assert info


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "I;16"])
def test_pixels_are_rgb_whatever_the_mode(mode):
    image = decode(encoded("PNG", mode))

    assert (image.mode, image.size) == ("RGB", (40, 30))


def test_sixteen_bits_are_scaled_not_clipped():
    data = io.BytesIO()
    Image.new("I;16", (2, 1), 0x8000).save(data, "PNG")

    assert decode(data.getvalue()).getpixel((0, 0)) == (0x80, 0x80, 0x80)


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}])
@pytest.mark.parametrize("size", [(40, 30), (403, 301), (1999, 1501)])
def test_brightness_is_that_of_the_pixels(size, options):
    data = encoded(size=size, **options)

    exact = decode(data).convert("L").resize((8, 4), Image.Resampling.BILINEAR).tobytes()
    assert max(abs(one - other) for one, other in zip(decode_gray(data, ImageSize(8, 4)), exact)) < 2


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "I;16"])
def test_brightness_is_known_whatever_the_mode(mode):
    data = encoded("PNG", mode, (403, 301))

    exact = decode(data).convert("L").resize((8, 4), Image.Resampling.BILINEAR).tobytes()
    assert max(abs(one - other) for one, other in zip(decode_gray(data, ImageSize(8, 4)), exact)) < 2


@pytest.mark.parametrize(
    ("data", "least", "size", "extent"),
    [
        pytest.param(LARGE, ImageSize(50, 37), (50, 38), (50, 37.5), id="an eighth"),
        pytest.param(LARGE, ImageSize(60, 40), (100, 75), (100, 75), id="a quarter"),
        pytest.param(LARGE, ImageSize(400, 30), (400, 300), (400, 300), id="full size"),
        pytest.param(encoded("PNG", size=(400, 300)), ImageSize(4, 3), (400, 300), (400, 300), id="PNG"),
    ],
)
def test_a_jpeg_is_decoded_at_a_part_of_its_size(data, least, size, extent):
    image, shown = decode_reduced(data, least)

    assert (image.mode, image.size, shown) == ("RGB", size, extent)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="baseline"),
        pytest.param({"progressive": True}, id="progressive"),
        pytest.param({"subsampling": 0, "restart_marker_blocks": 2}, id="restarts"),
        pytest.param({"mode": "CMYK"}, id="CMYK"),
    ],
)
def test_the_same_damage_is_told_though_not_every_pixel_is_made(options):
    source = encoded(size=(200, 150), **options)
    chance = random.Random(1)  # noqa: S311 - the same faults each time
    for _ in range(150):
        damaged = bytearray(source[: chance.choice((len(source), chance.randrange(len(source))))])
        for _ in range(chance.randrange(3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)

        assert fault(decode_gray, bytes(damaged), ImageSize(2, 2)) == fault(decode, bytes(damaged))


@pytest.mark.parametrize("factors", [(0x22, 0x21, 0x11), (0x31, 0x21, 0x11), (0x12, 0x13, 0x11), (0x41, 0x11, 0x11)])
def test_colours_that_cannot_be_decoded_are_told_though_nobody_looks_at_them(factors):
    damaged = bytearray(encoded(size=(200, 150), subsampling=0))
    frame = damaged.index(b"\xff\xc0")
    damaged[frame + 11 : frame + 18 : 3] = bytes(factors)

    assert fault(decode_gray, bytes(damaged), ImageSize(2, 2)) == fault(decode, bytes(damaged))


def test_a_header_that_is_shorter_than_its_channels_is_told():
    damaged = bytearray(encoded(size=(200, 150)))
    damaged[damaged.index(b"\xff\xc0") + 3] = 11

    assert fault(decode_gray, bytes(damaged), ImageSize(2, 2)) == fault(decode, bytes(damaged)) != ""


def fault(read, data, *arguments):
    """Return why a picture cannot be decoded, empty if it can."""
    try:
        read(data, *arguments)
    except UnreadableImageError as error:
        return error.reason
    return ""


def test_pixels_of_a_cut_picture_are_a_dataset_error():
    with pytest.raises(DatasetError, match=r"a: the picture is damaged \("):
        decode(LARGE[:2000], "a")


def chunk_places(data):
    """Return where each chunk of a PNG begins and ends, by its name; of several the last one."""
    places, position = {}, 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        places[data[position + 4 : position + 8]] = (position + 8, position + 8 + length)
        position += length + 12
    return places


@pytest.mark.parametrize("read", [decode, lambda data, name: decode_gray(data, ImageSize(8, 8), name)])
@pytest.mark.parametrize("shift", [0, 3])
def test_a_png_whose_checksum_is_wrong_is_damaged_though_pillow_decodes_it(read, shift):
    _, end = chunk_places(PNG)[b"IDAT"]
    data = bytearray(PNG)
    data[end + shift] ^= 1

    assert Image.open(io.BytesIO(bytes(data))).convert("RGB").size == Image.open(io.BytesIO(PNG)).size
    with pytest.raises(DatasetError, match=r"a: the picture is damaged \(the checksum of its chunk IDAT is wrong\)"):
        read(bytes(data), "a")


def is_sound(data):
    """Return whether neither the ends of a picture nor its pixels are told to be damaged."""
    try:
        decode(data)
        return probe_bytes(data, "a").is_complete
    except DatasetError:
        return False


@given(st.integers(8, len(PNG) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_plain_png_is_told(place, change):
    data = bytearray(PNG)
    data[place] ^= change

    assert (is_sound(PNG), is_sound(bytes(data))) == (True, False)


@pytest.mark.tensorflow
def test_tensorflow_refuses_a_png_whose_checksum_is_wrong():
    import tensorflow as tf

    data = bytearray(PNG)
    data[chunk_places(PNG)[b"IDAT"][1]] ^= 1

    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_png(bytes(data))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(JPEG, id="JPEG"),
        pytest.param(PNG, id="PNG"),
        pytest.param(PNG + b"\0\0", id="PNG with a trailer"),
        pytest.param(JPEG + b"\0\0", id="JPEG with a trailer"),
        pytest.param(encoded("MPO", save_all=True), id="several pictures in one JPEG"),
        pytest.param(encoded("PNG", "RGBA"), id="PNG with transparency"),
        pytest.param(encoded("PNG", "I;16"), id="PNG of 16 bits"),
        pytest.param(rotated(6), id="EXIF orientation"),
    ],
)
def test_tensorflow_decodes_what_we_call_complete_to_the_same_pixels(data):
    import numpy as np
    import tensorflow as tf

    theirs = tf.io.decode_image(data, channels=3, expand_animations=False).numpy()

    assert probe_bytes(data, "a").is_complete
    assert np.abs(theirs.astype(int) - np.asarray(decode(data)).astype(int)).max() <= 3
