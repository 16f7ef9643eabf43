"""Class names, ids and indices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import LabelMapError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.wording import suggestion

NAMES = st.text("abcäÖ ", min_size=1).map(str.strip).filter(bool)
MAPS = st.lists(NAMES, unique=True).map(lambda names: LabelMap(tuple(names)))


@given(MAPS)
def test_ids_count_from_1_and_indices_from_0(label_map):
    for class_index, name in enumerate(label_map.names):
        assert label_map.class_id(name) == class_index + 1
        assert label_map.name_of_index(class_index) == name


@given(MAPS, st.lists(NAMES))
def test_extending_moves_no_id_and_adds_in_sorted_order(label_map, names):
    extended = label_map.extended(names)

    assert extended.names[: len(label_map)] == label_map.names
    assert list(extended.names[len(label_map) :]) == sorted(set(names) - set(label_map.names))
    assert all(name in extended for name in names)


def test_items_may_come_in_any_order():
    assert LabelMap.from_items([(2, "fish"), (1, "boat")]) == LabelMap(("boat", "fish"))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param([(0, "a")], r"the ids are \[0\], but must be 1 to 1 without a gap", id="0 is the background"),
        pytest.param([(1, "a"), (3, "b")], r"\[1, 3\]", id="gap"),
        pytest.param([(1, "a"), (1, "b")], r"\[1, 1\]", id="twice"),
        pytest.param([(1, "")], "class name '' is empty", id="empty name"),
        pytest.param([(1, "a ")], "class name 'a ' is empty or padded", id="padded name"),
        pytest.param([(1, "a"), (2, "a")], "class 'a' occurs twice. Remove", id="name twice"),
    ],
)
def test_ambiguous_maps_are_refused(items, message):
    with pytest.raises(LabelMapError, match=message):
        LabelMap.from_items(items)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        pytest.param("raccon", ' Did you mean "raccoon"?', id="letter missing"),
        pytest.param("Raccoon", ' Did you mean "raccoon"?', id="another case"),
        pytest.param(" raccoon", ' Did you mean "raccoon"?', id="padded"),
        pytest.param("zebra", "", id="nothing near"),
    ],
)
def test_an_unknown_class_is_an_error_that_names_the_nearest(name, end):
    with pytest.raises(LabelMapError) as raised:
        LabelMap(("boat", "raccoon")).class_id(name)

    assert str(raised.value) == f"{name!r} is not a class of the label map.{end}"


def test_a_suggestion_is_the_nearest_word_as_it_is_written():
    assert suggestion("RACOON", ["Raccoon", "boat"]) == ' Did you mean "Raccoon"?'
    assert suggestion("boat", []) == ""


def test_a_map_of_very_many_classes_is_checked_and_asked_in_no_time():
    names = tuple(f"c{number}" for number in range(100_000))
    label_map = LabelMap(names)

    assert [label_map.class_id(name) for name in names] == list(range(1, 100_001))
    assert "c99999" in label_map
    assert "c100000" not in label_map
