"""Which bytes are a picture to train on, and which picture is there already."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from edgetrain.collect.picture_intake import KnownPictures, UnfitError, check_size, examine
from edgetrain.core.boxes import ImageSize
from tests.support.web_server import picture


def saved(image, kind="JPEG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (64, 48), (9, 99, 9)), exif=exif)


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png")])
def test_the_suffix_is_that_of_the_content(kind, suffix):
    assert examine(picture(1, kind=kind), 48).suffix == suffix


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(turned(), "turned by EXIF", id="turned"),
        pytest.param(saved(Image.new("CMYK", (64, 48))), "has CMYK colours", id="CMYK"),
        pytest.param(saved(Image.new("I;16", (64, 48)), "PNG"), "has 16 bits a channel", id="16 bits"),
        pytest.param(b"", "damaged, or no picture", id="nothing"),
        pytest.param(b' {"error": 1}', "a web page or text instead of a picture", id="JSON"),
        pytest.param(picture(1, (64, 47)), "smaller than 48 pixels", id="small"),
    ],
)
def test_what_would_be_trained_on_otherwise_than_it_is_seen_is_refused(data, reason):
    with pytest.raises(UnfitError, match=reason):
        examine(data, 48)


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_size():
    with pytest.raises(UnfitError, match="larger than 50 million pixels"):
        check_size(ImageSize(10_000, 5_001), 300)


def test_pictures_without_structure_are_twins_only_byte_by_byte(tmp_path):
    grey, other = (examine(saved(Image.new("RGB", (64, 48), (shade, shade, shade))), 48) for shade in (90, 91))
    (tmp_path / "grey.jpg").write_bytes(grey.data)
    known = KnownPictures([tmp_path / "grey.jpg"], [grey.dhash])

    known.check(other)
    with pytest.raises(UnfitError, match="there already"):
        known.check(grey)


def test_what_was_added_is_known(tmp_path):
    first, smaller = examine(picture(1, (128, 96)), 48), examine(picture(1), 48)
    known = KnownPictures([], [])
    known.check(first)
    known.add(tmp_path / "1.jpg", first)

    with pytest.raises(UnfitError, match="nearly the same"):
        known.check(smaller)
