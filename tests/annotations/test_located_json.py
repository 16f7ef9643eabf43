"""JSON with the lines of the elements of its lists: the standard library's values, every fault at its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrain.annotations import located_json
from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.located_json import parse_located, read_located

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.sampled_from([None, 0, 2]))
def test_the_values_are_those_of_the_standard_library(value, indent):
    assert parse_located(json.dumps(value, indent=indent)).values == value


def test_each_element_of_a_list_has_its_line():
    found = parse_located('\n{"a": [1,\n\n{"b":\n2},[\n3]\n , 4], "c": []}')

    assert found.lines == {"a": [2, 4, 5, 7], "c": []}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b'{"a": [1,\n2', "x.json:2: this is not JSON: the file ends too early", id="cut off"),
        pytest.param(b'{"a": 1}\n{}', "x.json:2: this is not JSON: there is text", id="two objects"),
        pytest.param(b"[1]", "x.json:1: this is not JSON: it is a list", id="a list"),
        pytest.param(b'{"a": [1, \nNaN]}', "x.json:2: this is not JSON: NaN is not a", id="NaN"),
        pytest.param(b"{a: 1}", "x.json:1: this is not JSON: a name in double quotes", id="bare name"),
        pytest.param(b'{"a": [1,]}', "x.json:1: this is not JSON: ']' is found where a value", id="comma at the end"),
        pytest.param(b'{"a" 1}', "x.json:1: this is not JSON: ':' is missing", id="no colon"),
        pytest.param(b"", "x.json:1: this is not JSON: the file is empty", id="empty"),
        pytest.param(b'{"\xe9": 1}', "x.json:1: not UTF-8 text", id="Latin-1"),
        pytest.param(b'{"a":' + b"[" * 200_000, "x.json:1: its values are nested too deeply", id="deep"),
        pytest.param(None, "x.json:1: cannot be read", id="folder"),
    ],
)
def test_a_file_that_is_no_object_is_a_fault(tmp_path, data, fault):
    path, reading = tmp_path / "x.json", Reading()
    path.mkdir() if data is None else path.write_bytes(data)

    assert read_located(path, "x.json", reading) is None
    assert f"{reading.faults[0][0]}:{reading.faults[0][1]}: {reading.faults[0][2]}".startswith(fault)


def test_a_byte_order_mark_is_ignored(tmp_path):
    (tmp_path / "x.json").write_bytes('\ufeff{"a": 1}'.encode())

    assert read_located(tmp_path / "x.json", "x.json", Reading()).values == {"a": 1}


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text(max_size=3), st.lists(VALUES | st.floats(allow_nan=False, allow_infinity=False)), max_size=4
    ),
    st.sampled_from([None, 0, 2]),
    st.integers(1, 40),
)
def test_pieces_of_any_length_give_the_same(tmp_path_factory, value, indent, letters):
    path = tmp_path_factory.getbasetemp() / "pieces.json"
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "replace").decode())
    whole = read_located(path, "x.json", Reading())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(located_json, "_PIECE_LETTERS", letters)
        in_pieces = read_located(path, "x.json", Reading())

    assert (in_pieces.values, in_pieces.lines) == (whole.values, whole.lines)
    assert in_pieces.values == json.loads(path.read_text())


@pytest.mark.parametrize("letters", [1, 2, 5, 8, 13, 1000])
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": [1,\n2.5e-3, "\\u00e9\\n",\n{"b": x}]}', (3, "'x' is found where a value is expected")),
        ('{"a": [true,\nfalse, null,\n1.5]\n"b": 2}', (4, "'}' is missing")),
        ('{"a": ["x\ny"]}', (1, "a text contains a line break")),
        ('{"a": [\n-Infinity]}', (2, "-Infinity is not a JSON number")),
        ('{"a": [1,\n2,\n3', (3, "the file ends too early")),
    ],
)
def test_a_fault_has_its_line_however_the_file_is_cut(tmp_path, monkeypatch, letters, text, fault):
    monkeypatch.setattr(located_json, "_PIECE_LETTERS", letters)
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    reading = Reading()

    assert read_located(tmp_path / "x.json", "x.json", reading) is None
    assert reading.faults[0][:2] == ("x.json", fault[0])
    assert fault[1] in reading.faults[0][2]


def test_of_each_element_only_what_is_asked_for_is_kept(tmp_path):
    (tmp_path / "x.json").write_text('{"a": [{"b": 1, "c": 2}, 3], "d": [4], "e": {"f": 5}}')

    found = read_located(tmp_path / "x.json", "x.json", Reading(), keep=lambda key, value: (key, value))

    assert found.values == {"a": [("a", {"b": 1, "c": 2}), ("a", 3)], "d": [("d", 4)], "e": {"f": 5}}
