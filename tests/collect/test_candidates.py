"""What a search found: names of files, and texts of strangers."""

from __future__ import annotations

import pytest

from edgetrain.collect.candidates import Candidate, plain_text, size_of
from edgetrain.core.boxes import ImageSize


def found(**changes):
    """Return a candidate."""
    values = {"id": "4711", "provider": "openverse", "image_url": "https://example.org/1.jpg"}
    return Candidate(
        **{"source_page": "", "title": "", "creator": "", "licence": "", "licence_url": "", **values, **changes}
    )


@pytest.mark.parametrize(
    ("query", "changes", "stem"),
    [
        pytest.param("Red  fox!", {}, "red-fox-openverse-4711", id="plain"),
        pytest.param("Füchse", {"id": "A/../b"}, "fuchse-openverse-a-b", id="marks and separators"),
        pytest.param("狐", {"provider": "my.mod:look"}, "picture-my-mod-look-4711", id="no letter of ASCII"),
        pytest.param("x" * 99, {"id": "y" * 99}, f"{'x' * 40}-openverse-{'y' * 60}", id="long"),
    ],
)
def test_a_file_is_named_after_query_provider_and_id(query, changes, stem):
    assert found(**changes).stem(query) == stem


def test_a_picture_without_a_usable_id_is_known_by_its_address():
    keys = {found(id=name, image_url=url).key for name in ("", "狐") for url in ("https://a.org/1", "https://a.org/2")}

    assert len(keys) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(" two\r\n lines\x00\u2028 ", "two lines", id="lines and control characters"),
        pytest.param("x" * 999, "x" * 500, id="long"),
        pytest.param("\ud800a", "a", id="half a character"),
        pytest.param(7, "7", id="number"),
        pytest.param(None, "", id="nothing"),
        pytest.param(True, "", id="truth"),
        pytest.param(["a"], "", id="list"),
    ],
)
def test_a_text_of_a_service_becomes_one_short_line(value, text):
    assert plain_text(value) == text


def test_a_size_is_two_numbers_above_0_or_none():
    assert size_of({"width": 3, "height": 2}) == ImageSize(3, 2)
    assert [size_of({"width": width, "height": 2}) for width in (None, 0, -1, "3", 3.5)] == [None] * 5
