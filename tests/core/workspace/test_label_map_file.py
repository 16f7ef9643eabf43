"""Label maps as protobuf text: read however they are written, written so that protobuf reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import LabelMapError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import parse_label_map, read_label_map, render_label_map, write_label_map


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("item {\n  id: 1\n  name: 'boat'\n}\nitem {\n  id: 2\n  name: 'fish'\n}\n", id="usual"),
        pytest.param('item { name: "fish" id: 2 } item { name: "boat" id: 1 }', id="other order"),
        pytest.param("# ids\nitem { id: 1 # first\n name: 'boat' }\nitem { id: 2, name: 'fish'; },", id="comments"),
        pytest.param("item: < id: 1 name: 'boat' > item < id: 2 name: 'fish' >", id="angle brackets"),
        pytest.param("item { id: 1 name: 'bo' \"at\" } item { id: 2 name: '\\146\\x69s\\u0068' }", id="escapes"),
        pytest.param(
            "item { id: 1 name: 'boat' display_name: 'Bo' 'at' keypoints { id: 9 label: 'bow' } ancestor_ids: [1, 2]"
            " frequency: FREQUENT keypoints: < x { } > } item { id: 2 name: 'fish' }",
            id="other fields",
        ),
        pytest.param("\ufeffitem { id: 1 name: 'boat' } item { id: 2 name: 'fish' }", id="byte order mark"),
    ],
)
def test_label_maps_are_read_however_they_are_written(text):
    assert parse_label_map(text, "m") == LabelMap(("boat", "fish"))


def test_an_empty_text_is_an_empty_map():
    assert parse_label_map(" # nothing\n", "m") == LabelMap(())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "item {\n id: 0\n name: 'a' }",
            r"m:1: the id 0 of 'a' is where 1 is missing: the ids are \[0\], but must be 1 to 1",
            id="id 0",
        ),
        pytest.param(
            "item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }",
            r"m:2: the id 1 is in line 1 already",
            id="id twice",
        ),
        pytest.param("item { id: 1 name: 'a ' }", "class name 'a ' is empty or padded", id="padded name"),
        pytest.param("\nitem { name: 'a' }", "m:2: an item has no id", id="no id"),
        pytest.param("\nitem { id: 1 }", "m:2: an item has no name", id="no name"),
        pytest.param("item {\n id: x name: 'a' }", "m:2: id is x, not a whole number", id="id is a word"),
        pytest.param("item { id: 1\n name: a }", "m:2: name is a, which is not in quotes", id="no quotes"),
        pytest.param("item { id: 1\n name: 'a\n' }", 'm:2: "\'" is not expected here', id="line break in quotes"),
        pytest.param("item { id: 1 name: '\\q' }", r"m:1: the name '\\q' cannot be read: the escape \\q", id="escape"),
        pytest.param("item { id: 1 name: '\\377' }", "m:1: the name .* cannot be read", id="not UTF-8"),
        pytest.param("item { id: 1 name: '\\ud800' }", "m:1: the name .* cannot be read", id="surrogate"),
        pytest.param("item { id: 1 id: 2 }", "m:1: id occurs twice", id="field twice"),
        pytest.param("item {\n id 1 }", "m:2: 1 stands where : is expected", id="no colon"),
        pytest.param("item { id: 1\n", "m:2: the end of the file stands where a field or } is", id="not closed"),
        pytest.param("item { x {\n", "m:2: } is missing", id="inner message not closed"),
        pytest.param("item { x : ; }", "m:1: ; is found where a value is expected", id="no value"),
        pytest.param("item [ ]", r"m:1: \[ stands where { is expected", id="wrong bracket"),
        pytest.param("item { id: 1 name: '" + "a" * 20_000, 'm:1: "\'" .*: the text has no near end', id="long text"),
        pytest.param("item { id: 1 name: " + "'aaa'" * 9_000, "more than 10,000 letters", id="many texts"),
        pytest.param("item { id: 1 name: 'a' }" * 100_001, "there are more than 100,000 items", id="many items"),
        pytest.param(
            "".join(f"item {{ id: {id_} name: 'c{id_}' }}" for id_ in range(2, 60)),
            r"4[01], …\], but",
            id="ids",
        ),
        pytest.param("\n\nboat", "m:3: boat is not expected here. The form is: item { id: 1 name:", id="no item"),
        pytest.param("item { id: 1 name: 'a' } é", "m:1: 'é' is not expected here", id="letter"),
    ],
)
def test_faults_are_told_with_their_line(text, message):
    with pytest.raises(LabelMapError, match=message):
        parse_label_map(text, "m")


def test_the_text_is_the_usual_one(tmp_path):
    write_label_map(tmp_path / "m", LabelMap(("boat", "o'fish\\é\t.")))

    expected = "item {\n  id: 1\n  name: 'boat'\n}\nitem {\n  id: 2\n  name: 'o\\'fish\\\\é\\011.'\n}\n"
    assert (tmp_path / "m").read_text(encoding="utf-8") == expected


NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8).filter(
    lambda name: name == name.strip()
)
LABEL_MAPS = st.lists(NAMES, unique=True, max_size=5).map(lambda names: LabelMap(tuple(names)))


@given(LABEL_MAPS)
def test_a_written_map_is_read_back(label_map):
    assert label_map == parse_label_map(render_label_map(label_map), "m")


@pytest.mark.tensorflow
@given(LABEL_MAPS)
def test_protobuf_reads_what_was_written(label_map):
    from google.protobuf import text_format
    from object_detection.protos.string_int_label_map_pb2 import StringIntLabelMap

    message = text_format.Parse(render_label_map(label_map), StringIntLabelMap())

    assert [(item.id, item.name) for item in message.item] == list(enumerate(label_map.names, start=1))


@given(st.text(st.sampled_from("item {}<>[]:,;'\"\\\nid: 1 name#x7u"), max_size=60))
def test_random_text_never_gives_a_traceback(text):
    try:
        result = parse_label_map(text, "m")
    except LabelMapError as error:
        result = str(error)

    assert result is not None


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        pytest.param("absent", MissingInputError, 'absent: no label map. Run "ci/inv label-map" first.', id="absent"),
        pytest.param("folder", LabelMapError, "folder: cannot be read", id="folder"),
        pytest.param("latin1", LabelMapError, "latin1: not UTF-8 text", id="not UTF-8"),
    ],
)
def test_a_map_that_cannot_be_read_says_why(tmp_path, name, error, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin1").write_bytes(b"\xe9")

    with pytest.raises(error, match=message):
        read_label_map(tmp_path / name)
