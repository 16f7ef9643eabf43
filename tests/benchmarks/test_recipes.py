"""The file of recipes, and the table of what they gave."""

from __future__ import annotations

from argparse import Namespace

import pytest

from benchmarks.recipes import Search, read_plans, require_readable_by_stock, table
from benchmarks.runs import Plan, Results
from edgetrain.core.errors import SettingsError
from tests.support.places import PROJECT_DIR


def plans_of(path):
    return read_plans(Namespace(recipes=path, dataset="drawn", folds=[0, 2], steps=100, url="backbone.tar.gz"))


def test_each_recipe_is_tried_on_each_fold_for_its_own_number_of_steps(tmp_path):
    (tmp_path / "r.yaml").write_text("- name: a\n- name: b\n  settings: {training.steps: 9, network.image_size: 320}\n")

    plans = plans_of(tmp_path / "r.yaml")

    assert [(plan.name, plan.fold, plan.steps) for plan in plans] == [
        ("a", 0, 100),
        ("a", 2, 100),
        ("b", 0, 9),
        ("b", 2, 9),
    ]
    assert plans[-1].settings == {"training.steps": 9, "network.image_size": 320}


def test_the_committed_recipes_can_be_read():
    assert plans_of(PROJECT_DIR / "benchmarks" / "recipes.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("- name: a\n- name: a\n", "two recipes are called 'a'", id="twice"),
        pytest.param("- settings: {}\n", "is no recipe", id="without name"),
        pytest.param("- name: a\n  setting: {}\n", "is no recipe", id="misspelt"),
        pytest.param("name: a\n", "no list of recipes", id="no list"),
        pytest.param("- [", "cannot be read", id="no YAML"),
    ],
)
def test_a_file_that_is_no_list_of_recipes_is_refused(tmp_path, text, message):
    (tmp_path / "r.yaml").write_text(text)

    with pytest.raises(SettingsError, match=message):
        plans_of(tmp_path / "r.yaml")


def test_the_stock_loop_is_given_only_what_it_reads():
    """A recipe that sets more would be called by a name that is not what was trained."""
    read = Plan("a", "raccoon", 0, 9, "backbone.tar.gz", {"checkpoint.url": "other.tar.gz", "training.steps": 9})
    unread = Plan("b", "raccoon", 0, 9, "backbone.tar.gz", {"training.learning_rate": 1})
    require_readable_by_stock([read])

    with pytest.raises(SettingsError, match=r"b: the stock loop reads no training\.learning_rate"):
        require_readable_by_stock([read, unread])


def test_what_a_search_is_given_trains(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    plan = Plan("a", "raccoon", 0, 100, "backbone.tar.gz")
    figures = {"seconds": 1.0, "float_ap": 0.25, "int8_ap": 0.5, "int8_ap50": 0.75}
    (tmp_path / "runs" / "raccoon-0-a").mkdir(parents=True)

    text = Search(tmp_path, [tmp_path], results, is_int8=True, train=lambda *_: figures).run(plan)

    assert text == ""
    assert results.find(plan)["float_ap"] == 0.25


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"r\.yaml: cannot be read"):
        plans_of(tmp_path / "r.yaml")


def test_a_result_without_int8_does_where_that_is_not_asked_for(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    plan = Plan("a", "raccoon", 0, 100, "backbone.tar.gz")
    results.add({**plan.key(), "float_ap": 0.3})
    found = [Search(tmp_path, [], results, is_int8=is_int8).found(plan) for is_int8 in (False, True)]

    assert [record and record["float_ap"] for record in found] == [0.3, None]


def test_a_recipe_that_fails_is_told_and_leaves_no_result(tmp_path):
    """The others go on: a search takes hours."""
    results = Results(tmp_path / "results.jsonl")
    plan = Plan("a", "raccoon", 0, 100, "backbone.tar.gz", {"training.lerning_rate": 1})

    text = Search(tmp_path, [tmp_path / "dataset"], results, is_int8=True).run(plan)

    assert "a, fold 0: " in text
    assert "training.lerning_rate is not a setting" in text
    assert results.records == []


def test_the_best_recipe_on_the_mean_of_its_folds_stands_first():
    def record(name, fold, ap):
        same = {"steps": 100, "seconds": 90.0, "cpu_seconds": 150.0, "float_ap50": 0.8}
        return {"name": name, "fold": fold, "float_ap": ap, **same}

    lines = table([record("worse", 0, 0.5), record("worse", 1, 0.1), record("better", 0, 0.35)]).splitlines()

    assert [line.split()[0] for line in lines[1:]] == ["better", "worse"]
    assert " ".join(lines[2].split()) == "worse 100 2 90 150 0.300 0.800 - 0.500 0.100"
