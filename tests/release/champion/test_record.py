"""The champion's record: what is written is read, and what is damaged is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import ChampionError
from edgetrain.edgetpu.hardware_pass import HardwareResult
from edgetrain.release.champion.record import COMPILED_MODEL, LABEL_MAP, MODEL, parse_champion, render_champion
from edgetrain.release.champion.values import Accuracy, Champion, JudgedPicture

DIGEST = "0" * 64
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SHARE = st.floats(0, 1)


@st.composite
def champions(draw):
    names = draw(st.lists(TEXT, unique=True, max_size=3))
    optional = st.none() | SHARE
    return Champion(
        digests=dict.fromkeys((MODEL, COMPILED_MODEL, LABEL_MAP), DIGEST),
        class_names=tuple(names),
        split="test",
        accuracy=Accuracy(
            draw(st.integers(0, 9)),
            dict.fromkeys(names, draw(st.integers(0, 9))),
            draw(SHARE),
            draw(SHARE),
            {name: draw(optional) for name in names},
        ),
        test_pictures=tuple(JudgedPicture(DIGEST, draw(TEXT)) for _ in range(draw(st.integers(0, 3)))),
        hardware=HardwareResult(draw(TEXT), draw(st.floats(0, 100)), draw(optional)),
        revision=draw(st.none() | TEXT),
        is_clean=draw(st.booleans()),
        network={"type": draw(TEXT)},
        settings_sha256=DIGEST,
        provenance={"compiler": draw(TEXT)},
    )


@given(champions())
def test_what_is_written_is_read(champion):
    assert parse_champion(render_champion(champion).encode(), "champion.json") == champion


@pytest.fixture
def record():
    """Return the values of a whole record."""
    names = {"boat": 3}
    value = Champion(
        digests=dict.fromkeys((MODEL, COMPILED_MODEL, LABEL_MAP), DIGEST),
        class_names=("boat",),
        split="test",
        accuracy=Accuracy(3, names, 0.5, 0.8, {"boat": 0.5}),
        test_pictures=(JudgedPicture(DIGEST, "a.jpg"),),
        hardware=HardwareResult("usb:0", 8.0, 0.5),
        revision="c" * 40,
        is_clean=True,
        network={},
        settings_sha256=DIGEST,
        provenance={},
    )
    return json.loads(render_champion(value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(("schema",), 2, r"schema 2 is not 1, .*Update edgetrain\.", id="newer"),
        pytest.param(("schema",), None, "schema is missing, not a whole number", id="no schema"),
        pytest.param(("digests", MODEL), "abc", "model.tflite is 'abc', not a SHA-256", id="digest"),
        pytest.param(("classes",), "boat", "classes is 'boat', not a list", id="classes"),
        pytest.param(("accuracy", "ap50"), True, "ap50 is True, not a number", id="boolean"),
        pytest.param(("accuracy", "pictures"), -1, "pictures is -1, not a whole number", id="negative"),
        pytest.param(("hardware",), None, "hardware is missing, not a dict", id="section"),
        pytest.param(("test_pictures",), [1], "it is 1, not a dict", id="picture"),
        pytest.param(("dataset", "is_clean"), "yes", "is_clean is 'yes', not a bool", id="text"),
    ],
)
def test_a_wrong_value_is_told(record, path, value, message):
    *parents, last = path
    place = record
    for name in parents:
        place = place[name]
    place[last] = value

    with pytest.raises(ChampionError, match=message):
        parse_champion(json.dumps(record).encode(), "champion.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'{"schema": 1,\n', r"champion\.json:2: this is not JSON", id="cut"),
        pytest.param(b"\xff", "this is no record of a champion .*utf-8", id="bytes"),
        pytest.param(b"[]", r"it is \[\], not a dict", id="list"),
        pytest.param(b'{"schema": NaN}', "NaN is not a JSON number", id="NaN"),
        pytest.param(b"[" * 100_000, "this is no record of a champion", id="deep"),
    ],
)
def test_a_damaged_file_is_told(content, message):
    with pytest.raises(ChampionError, match=message):
        parse_champion(content, "champion.json")
