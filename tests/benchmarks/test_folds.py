"""The folds of the benchmarks: complete, disjoint, and what the pictures give."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import folds
from benchmarks.folds import FOLDS, committed_fold, groups_of, lay_out, make_folds
from edgetrain.core.splits import Split
from edgetrain.dataset.folder import find_dataset

COPIES = [("11", "116"), ("83", "120"), ("52", "74"), ("65", "98")]


def test_every_photograph_judges_in_exactly_one_fold():
    tested = Counter(name for number in FOLDS for name in committed_fold(number)[Split.TEST])

    assert tested == Counter(f"annotations/raccoon-{number}.xml" for number in range(1, 201))


@pytest.mark.parametrize("number", FOLDS)
def test_a_fold_has_every_photograph_once(number):
    fold = committed_fold(number)

    assert len({name for names in fold.values() for name in names}) == sum(map(len, fold.values())) == 200
    assert len(fold[Split.VALIDATION]) == 13


@pytest.mark.parametrize("number", FOLDS)
@pytest.mark.parametrize("pair", COPIES, ids="=".join)
def test_identical_photographs_stay_together(number, pair):
    splits = {name: split for split, names in committed_fold(number).items() for name in names}

    assert splits[f"annotations/raccoon-{pair[0]}.xml"] is splits[f"annotations/raccoon-{pair[1]}.xml"]


@pytest.mark.shared
def test_the_committed_lists_are_what_the_photographs_give(raccoon):
    assert make_folds(groups_of(raccoon)) == [committed_fold(number) for number in FOLDS]


def test_groups_stay_whole_and_another_seed_gives_other_folds():
    groups = [(f"a{number:02d}", f"b{number:02d}") for number in range(30)]
    made, others = make_folds(groups, seed=0), make_folds(groups, seed=1)

    assert made != others
    for fold in (*made, *others):
        assert [len(fold[split]) for split in Split] == [36, 4, 20]
        for names in fold.values():
            assert [f"b{name[1:]}" for name in names if name < "b"] == [name for name in names if name > "b"]


def test_the_lists_of_a_fold_divide_its_dataset(tmp_path, raccoon_stand_in):
    folders = lay_out("raccoon", tmp_path, raccoon_stand_in)

    for number, folder in zip(FOLDS, folders):
        found = find_dataset(folder)
        splits = {split: [item.name for item in found.items if item.split is split] for split in Split}
        assert found.findings == ()
        assert {split: sorted(names) for split, names in splits.items()} == committed_fold(number)


def test_the_drawn_set_is_drawn_once_and_divided_as_the_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(folds, "_DRAWN_PICTURES", 12)
    first, second = (lay_out("drawn", tmp_path, None) for _ in range(2))

    tested = Counter(item.name for folder in second for item in find_dataset(folder).items if item.split is Split.TEST)
    assert first == second
    assert tested == Counter(f"annotations/demo-{number:04d}.xml" for number in range(12))


@pytest.fixture
def raccoon_stand_in(tmp_path):
    """Return a folder with the raccoons' names and nothing in the files."""
    for number in range(1, 201):
        for name in (f"annotations/raccoon-{number}.xml", f"images/raccoon-{number}.jpg"):
            path = tmp_path / "photographs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path / "photographs"
