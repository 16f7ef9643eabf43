"""Settings: where each value comes from, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest
import yaml

from edgetrain.core.errors import SettingsError
from edgetrain.core.settings import Settings, SettingsFile
from edgetrain.core.settings.choices import NetworkType
from edgetrain.core.settings.values import FORMER_NAMES, parse_value
from tests.support.places import PROJECT_DIR

BASE = Path("/base")


def defaults(**changes):
    """Return the configuration of the project, changed by ``section__key`` arguments."""
    config = yaml.safe_load((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))
    for name, value in changes.items():
        section, key = name.split("__")
        config[section][key] = value
    return config


def parse(config=None, **sources):
    """Return the settings of a configuration (default: the project's)."""
    return Settings.from_mapping(defaults() if config is None else config, base_dir=BASE, **sources)


def test_the_projects_own_defaults_are_valid():
    settings = parse()

    assert settings.network.type is NetworkType.MOBILENET_V2_SSD
    assert settings.dataset.root == BASE / "dataset"
    assert settings.evaluate.max_ap_drop is None


def test_flags_win_over_variables_and_these_over_the_file():
    config = defaults(split__seed=1, split__test=0.1, records__shards=4)
    environment = {"INVOKE_SPLIT_SEED": "2", "INVOKE_SPLIT_TEST": "0.3", "INVOKE_OTHER": "x", "PATH": "y"}

    settings = parse(config, environment=environment, flags={"split.seed": "3", "split.test": None})

    assert (settings.split.seed, settings.split.test, settings.records.shards) == (3, 0.3, 4)


def test_each_source_has_its_own_folder_for_relative_paths():
    environment, flags = {"INVOKE_DATASET_ROOT": "seas"}, {"workspace.root": "out"}

    settings = parse(environment=environment, flags=flags, flags_dir=Path("/here"))
    own_file = SettingsFile(Path("/mine/my.yaml"), {"dataset": {"root": "../seas"}})

    assert (settings.dataset.root, settings.workspace.root) == (Path("/here/seas"), Path("/here/out"))
    assert parse(own_file=own_file).dataset.root == Path("/seas")
    assert parse().dataset.root == Path("/base/dataset")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("", ""), ("https://host/a", "https://host/a"), ("file:///a", "file:///a"), ("a.tgz", "/base/a.tgz")],
)
def test_a_url_may_be_a_path_relative_to_where_it_is_written(url, expected):
    assert parse(flags={"checkpoint.url": url}).checkpoint.url == expected


def test_a_value_is_found_by_name():
    settings = parse()

    assert settings.value("split.seed") == settings.split.seed
    assert settings.value("split") is settings.split


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("Yes", True), ("1", True), ("false", False), ("off", False), ("0", False), ("", False)],
)
def test_variables_know_true_and_false(text, expected):
    assert parse(environment={"INVOKE_VALIDATE_STRICT": text}).validate.strict is expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"INVOKE_TRAINING_AUGMENTATIONS": "a, b,"}, ("a", "b"), id="names"),
        pytest.param({"INVOKE_TRAINING_AUGMENTATIONS": ""}, (), id="no names"),
    ],
)
def test_lists_are_separated_by_commas(environment, expected):
    assert parse(environment=environment).training.augmentations == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"split__seed": -1}, "invoke.yaml: split.seed is -1, but must be at least 0.", id="low"),
        pytest.param({"split__test": 0.95}, "split.test is 0.95, but must be between 0 and 0.9.", id="high"),
        pytest.param({"split__group_pattern": "(a"}, r"is '\(a' \(missing \), .*\), but must be a reg", id="broken"),
        pytest.param({"split__group_pattern": "a"}, "split.group_pattern is 'a', but must be a regular", id="no group"),
        pytest.param({"split__group_pattern": "(a)(b)"}, r"is '\(a\)\(b\)', but must be a regular", id="two groups"),
        pytest.param({"split__seed": "x"}, "split.seed is 'x', but must be a whole number.", id="word"),
        pytest.param({"split__seed": 1.5}, "split.seed is 1.5, but must be a whole number.", id="half"),
        pytest.param({"split__seed": True}, "split.seed is True, but must be a whole number.", id="true as number"),
        pytest.param({"split__seed": "1_0"}, "split.seed is '1_0', but must be a whole number.", id="1_0"),
        pytest.param({"split__test": "nan"}, "split.test is 'nan', but must be a number.", id="nan"),
        pytest.param({"split__test": None}, "split.test is None, but must be a number.", id="nothing"),
        pytest.param({"validate__strict": "maybe"}, "strict is 'maybe', but must be true or false.", id="boolean"),
        pytest.param({"checkpoint__url": 5}, "checkpoint.url is 5, but must be text. Put it in quotes.", id="text"),
        pytest.param({"training__augmentations": 5}, "augmentations is 5, but must be a list of names.", id="list"),
        pytest.param({"evaluate__split": "tets"}, 'one of: train, validation, test. Did you mean "test"', id="choice"),
        pytest.param({"network__image_size": 95}, "image_size is 95, but must be 0 or between 96 and 1280.", id="side"),
        pytest.param(
            {"network__type": "mobilenet_v2_fpnlite", "network__image_size": 300},
            "image_size 300 does not fit mobilenet_v2_fpnlite, .* multiple of 32. Give 288 or 320.",
            id="pyramid",
        ),
        pytest.param({"network__type": "mobilenet_v2"}, 'Did you mean "mobilenet_v2_ssd"?', id="enum"),
        pytest.param({"training__batch_sise": 5}, 'batch_sise is not a setting. Did you mean "batch_size"?', id="key"),
        pytest.param(
            {"promote__min_class_ap": 0.3}, "min_class_ap is not a setting any more. Give promote.class", id="old name"
        ),
        pytest.param({"checkpoint__sha256": "12ab"}, "sha256 is '12ab', but must be 64 hexa", id="digest"),
        pytest.param({"split__validation": 0.6, "split__test": 0.4}, "leave nothing to train on", id="nothing left"),
        pytest.param({"training__state_dir": "build/runs"}, "state_dir .*build/runs lies in the work", id="state_dir"),
    ],
)
def test_wrong_values_are_refused_in_these_words(changes, message):
    with pytest.raises(SettingsError, match=message):
        parse(defaults(**changes))


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        pytest.param(
            {"environment": {"INVOKE_SPLIT_SEDE": "1"}}, 'environment: INVOKE_SPLIT_SEDE is not a .* "seed"', id="key"
        ),
        pytest.param({"flags": {"split.seed": "x"}}, "command line: split.seed is 'x'", id="flag"),
        pytest.param(
            {"config": {"splitt": {"seed": 1}}}, 'splitt.seed is not a setting. Did you mean "split"', id="sect"
        ),
        pytest.param({"config": {"split": 3}}, "split is 3, but must be a section of keys and values", id="section"),
        pytest.param({"config": {}}, "invoke.yaml: dataset.root is missing. Give it a value.", id="missing"),
    ],
)
def test_messages_say_where_the_value_comes_from(sources, message):
    with pytest.raises(SettingsError, match=message):
        parse(**sources)


def test_the_names_that_took_the_place_of_former_ones_are_settings():
    known = {f"{section}.{key}" for section, keys in defaults().items() for key in keys}

    assert set(FORMER_NAMES.values()) <= known
    assert not known & FORMER_NAMES.keys()


@pytest.mark.parametrize(("given", "expected"), [(0, 320), (640, 640)])
def test_the_input_size_is_the_network_s_own_unless_given(given, expected):
    settings = parse(defaults(network__type="mobilenet_v2_fpnlite", network__image_size=given))

    assert settings.network.image_size == expected


def test_an_optional_number_may_be_absent_or_a_number():
    assert parse_value("", Optional[float], label="x", base_dir=BASE) is None
    assert parse_value("0.5", Optional[float], label="x", base_dir=BASE) == 0.5


def test_a_path_may_start_at_home_or_be_absolute():
    assert parse_value("/data", Path, label="x", base_dir=BASE) == Path("/data")
    assert parse_value("~", Path, label="x", base_dir=BASE) == Path.home()


def test_empty_text_is_text():
    assert parse_value(None, str, label="x", base_dir=BASE) == ""


@pytest.mark.parametrize("floors", [{"boat": 0.3, "2": 1}, "boat=0.3, 2=1"])
def test_numbers_by_name_are_a_mapping_or_text(floors):
    assert parse(flags={"promote.class_floors": floors}).promote.class_floors == {"boat": 0.3, "2": 1.0}


@pytest.mark.parametrize(
    ("floors", "message"),
    [
        pytest.param("boat=much", "promote.class_floors: boat is 'much', but must be a number", id="word"),
        pytest.param("boat=2", "promote.class_floors: boat is 2.0, but must be between 0 and 1", id="range"),
    ],
)
def test_a_wrong_number_by_name_is_told(floors, message):
    with pytest.raises(SettingsError, match=message):
        parse(flags={"promote.class_floors": floors})


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        pytest.param("images", "images", id="the pictures' folder"),
        pytest.param("Annotations/build", "Annotations", id="below the annotations' folder"),
        pytest.param("valid/JPEGImages/x", "JPEGImages", id="below a split's pictures"),
    ],
)
def test_a_workspace_among_the_pictures_is_refused(place, folder):
    with pytest.raises(
        SettingsError, match=rf"workspace.root /d/{place} lies in the dataset's {folder}/.*Give another"
    ):
        parse(flags={"dataset.root": "/d", "workspace.root": f"/d/{place}"})


@pytest.mark.parametrize("place", ["build", "build/images", "train/build", "../images", "imagesets"])
def test_a_workspace_beside_the_pictures_is_taken(place):
    parse(flags={"dataset.root": "/d", "workspace.root": f"/d/{place}"})
