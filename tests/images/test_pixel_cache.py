"""The cache of decoded pictures: read back as written, rebuilt when it is not whole."""

from __future__ import annotations

import json

import pytest

from edgetrain.images.pixel_facts import PixelFacts, read_pixel_cache, write_pixel_cache

FACTS = {"a" * 64: PixelFacts(5), "b" * 64: PixelFacts(None), "c" * 64: PixelFacts(None, "damaged")}


def test_what_was_written_is_read(tmp_path):
    write_pixel_cache(tmp_path / "cache" / "pixels.json", FACTS)

    assert read_pixel_cache(tmp_path / "cache" / "pixels.json") == FACTS


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version": 2, "pictures": {"aa', id="cut"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"version": 0, "pictures": {}}', id="old"),
        pytest.param(b'{"version": 2, "pictures": []}', id="no pictures"),
    ],
)
def test_a_damaged_cache_counts_as_absent(tmp_path, content):
    (tmp_path / "pixels.json").write_bytes(content)

    assert read_pixel_cache(tmp_path / "pixels.json") == {}


def test_a_cache_of_another_version_counts_as_absent(tmp_path):
    path = tmp_path / "pixels.json"
    write_pixel_cache(path, FACTS)
    path.write_text(path.read_text().replace('"version": 2', '"version": 0'))

    assert read_pixel_cache(path) == {}


@pytest.mark.parametrize(
    ("digest", "entry"),
    [
        ("a" * 63, {"dhash": None, "error": ""}),
        ("a" * 64, None),
        ("a" * 64, {"dhash": 5, "error": ""}),
        ("a" * 64, {"dhash": "5", "error": ""}),
        ("a" * 64, {"dhash": None, "error": None}),
    ],
)
def test_an_entry_of_the_wrong_shape_is_left_out(tmp_path, digest, entry):
    good = {"dhash": None, "error": ""}
    (tmp_path / "pixels.json").write_text(json.dumps({"version": 2, "pictures": {digest: entry, "b" * 64: good}}))

    assert read_pixel_cache(tmp_path / "pixels.json") == {"b" * 64: PixelFacts(None)}
