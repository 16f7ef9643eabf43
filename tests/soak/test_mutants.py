"""A thousand damaged annotations: each ends in findings or is read right, never in a traceback. More: ``ci.soak``."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.soak.mutants import MOST_GROWTH_BYTES, Trial, mutants, objects_in, originals, resident_bytes

_TEXTS = st.sampled_from(
    ["", "boat", "1", "9", "300", "-1", "1e999", "nan", "a.jpg", "../a.jpg", "&#10;", "&lt;", "\u202e"]
)
_NAMES = st.sampled_from(
    [
        "annotation",
        "object",
        "name",
        "bndbox",
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "size",
        "width",
        "height",
        "filename",
        "part",
    ]
)
_TREES = st.recursive(
    _TEXTS,
    lambda inner: st.builds("<{0}>{1}</{0}>".format, _NAMES, st.lists(inner, max_size=6).map("".join)),
    max_leaves=40,
)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    return Trial(tmp_path_factory.mktemp("trial") / "dataset")


def test_seven_hundred_mutants_end_in_findings_or_success_and_leave_no_memory(trial):
    for data in mutants(1, 200):
        trial.run(data)
    before = resident_bytes()

    kinds = [bool(trial.run(data)) for data in mutants(0, 700)]

    assert resident_bytes() - before < MOST_GROWTH_BYTES
    assert 0 < kinds.count(False) < kinds.count(True)


@hypothesis.given(_TREES)
@hypothesis.settings(max_examples=300)
def test_well_formed_nonsense_ends_in_findings_or_success(trial, inner):
    trial.run(f"<annotation>{inner}</annotation>".encode())


def test_the_same_seed_gives_the_same_mutants():
    first = list(mutants(7, 50))

    assert first == list(mutants(7, 50))
    assert first != list(mutants(8, 50))


def test_what_the_mutants_are_made_of_is_read(trial):
    plain = originals()[0]

    assert trial.run(plain) == []
    assert objects_in(plain) == 2
    assert objects_in(b"<annotation>") is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<annotation>" + b"<object>" * 100_000, id="deep"),
        pytest.param(b"<annotation>" + b"<object/>" * 20_000 + b"</annotation>", id="many"),
        pytest.param(b"<annotation><object><name>" + b"x" * 10_000_000 + b"</name></object></annotation>", id="long"),
        pytest.param(b"\0" * 1_000_000, id="zeros"),
    ],
)
def test_monsters_end_in_findings(trial, data):
    assert trial.run(data)
