"""The commands: where a setting comes from, what a mistake is answered with, and which exit code."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from invoke.main import program

from edgetrain.core.errors import DatasetError
from edgetrain.core.outcome import Outcome
from edgetrain.demo import draw
from edgetrain.pipeline import answers, console, flow
from edgetrain.pipeline.stages import STAGES
from tests.support.places import PROJECT_DIR

DEFAULTS = (PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8")


DONE = types.SimpleNamespace(outcome=Outcome("done"))


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    """Stand in an empty folder; leave the import path as it was."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def inv(capsys, tmp_path):
    """Return a function that runs ``inv`` in this process and gives exit code, standard output and error."""

    def inv(*words, file=None):
        options = ["-f", str(tmp_path / file)] if file else []
        try:
            program.run(["inv", "--search-root", str(PROJECT_DIR), *options, *words])
            code = 0
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return inv


@pytest.fixture
def settings_of(monkeypatch, inv, tmp_path):
    """Return a function that runs a task and gives the settings with which its stage would have run."""

    def settings_of(*words, task="configure", file=None):
        given = []
        monkeypatch.setattr(flow, "run_stage", lambda _name, settings: given.append(settings) or DONE)
        monkeypatch.setattr(flow, "run_pipeline", lambda settings, **_: given.append(settings) or [])
        answer = inv(task, "--workspace", str(tmp_path / "build"), *words, file=file)
        assert (answer[0], answer[2]) == (0, "")
        return given[0]

    return settings_of


@pytest.fixture
def mine(tmp_path):
    """Return a function that writes the user's file."""
    return lambda text: (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")


def test_a_setting_is_the_project_s_default_unless_somebody_says_otherwise(settings_of):
    assert settings_of().training.steps == 1000


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param(("file",), 11, id="file over default"),
        pytest.param(("file", "variable"), 22, id="variable over file"),
        pytest.param(("file", "variable", "flag"), 33, id="flag over variable"),
        pytest.param(("file", "flag"), 33, id="flag over file"),
    ],
)
def test_the_nearest_place_wins(settings_of, monkeypatch, mine, places, expected):
    mine("training:\n  steps: 11\n")
    if "variable" in places:
        monkeypatch.setenv("INVOKE_TRAINING_STEPS", "22")

    chosen = settings_of(*(("--steps", "33") if "flag" in places else ()), file="mine.yaml")

    assert chosen.training.steps == expected
    assert chosen.training.batch_size == 16


@pytest.mark.parametrize(
    ("variable", "name", "expected"),
    [
        pytest.param("TRAINING_TRAIN_WHOLE_MODEL=false", "training.train_whole_model", False, id="false"),
        pytest.param("TRAINING_TRAIN_WHOLE_MODEL=", "training.train_whole_model", False, id="empty is false"),
        pytest.param("VALIDATE_STRICT=yes", "validate.strict", True, id="yes"),
        pytest.param("TRAINING_STEPS=1e3", "training.steps", 1000, id="number with exponent"),
        pytest.param("TRAINING_AUGMENTATIONS=a, b", "training.augmentations", ("a", "b"), id="list"),
        pytest.param("EVALUATE_MAX_AP_DROP=0.5", "evaluate.max_ap_drop", 0.5, id="number or nothing"),
        pytest.param("DATASET_ROOT=seas", "dataset.root", Path("seas"), id="path"),
    ],
)
def test_a_variable_is_read_by_our_rules_and_not_by_invoke_s(settings_of, monkeypatch, variable, name, expected):
    monkeypatch.setenv(*f"INVOKE_{variable}".split("="))

    wanted = Path.cwd() / expected if isinstance(expected, Path) else expected
    assert settings_of().value(name) == wanted


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        pytest.param("TRAINING_STEPS=abc", r"INVOKE_TRAINING_STEPS is 'abc', but must be a whole number.", id="word"),
        pytest.param("TRAINING_STEPS=0", "INVOKE_TRAINING_STEPS is 0, but must be at least 1.", id="out of range"),
        pytest.param("TRAINING_TRAIN_WHOLE_MODEL=maybe", "is 'maybe', but must be true or false.", id="neither"),
        pytest.param("TRAINING_STEP=5", 'INVOKE_TRAINING_STEP is not a setting. Did you mean "steps"?', id="unknown"),
        pytest.param("NETWORK_TYPE=mobilenet_v3_ssd", 'Did you mean "mobilenet_v2_ssd"?', id="network"),
    ],
)
def test_a_wrong_variable_is_one_message(inv, monkeypatch, tmp_path, variable, message):
    monkeypatch.setenv(*f"INVOKE_{variable}".split("="))

    code, out, err = inv("configure", "--workspace", str(tmp_path / "build"))

    assert (code, out) == (1, "")
    assert err.startswith("error: environment: ")
    assert err.endswith(f"{message}\n")
    assert err.count("\n") == 1


def test_variables_of_invoke_itself_are_left_to_it(settings_of, monkeypatch):
    monkeypatch.setenv("INVOKE_RUN_ECHO", "1")

    assert settings_of().training.steps == 1000


def test_tensorflow_s_own_variable_names_the_workers(settings_of, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {}}')
    found = settings_of().training.cluster
    monkeypatch.setenv("INVOKE_TRAINING_CLUSTER", "{}")

    assert (found, settings_of().training.cluster) == ('{"cluster": {}}', "{}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("training:\n  step: 5\n", 'training.step is not a setting. Did you mean "steps"?', id="key"),
        pytest.param(
            "trainning:\n  steps: 5\n", 'trainning.steps is not a setting. Did you mean "training"?', id="section"
        ),
        pytest.param("training:\n  steps: many\n", "training.steps is 'many', but must be a whole number.", id="type"),
        pytest.param(
            "run:\n  echo: true\nsteps: 5\n", "steps is 5, but must be a section of keys and values.", id="level"
        ),
    ],
)
def test_a_mistake_in_the_user_s_file_is_one_message(inv, mine, tmp_path, text, message):
    mine(text)

    code, _, err = inv("configure", "--workspace", str(tmp_path / "build"), file="mine.yaml")

    assert code == 1
    assert err.startswith("error: ")
    assert "mine.yaml: " in err
    assert err.endswith(f"{message}\n")
    assert err.count("\n") == 1


def test_a_user_s_file_that_does_not_exist_is_one_message(inv):
    code, _, err = inv("configure", file="mine.yaml")

    assert code == 1
    assert err.endswith("mine.yaml: there is no such file. Correct the name after -f.\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param((), True, id="default"),
        pytest.param(("--train-whole-model",), True, id="whole"),
        pytest.param(("--no-train-whole-model",), False, id="part"),
    ],
)
@pytest.mark.parametrize("task", [pytest.param(task, id=task) for task in ("configure", "pipeline")])
def test_the_whole_model_is_trained_unless_told_otherwise(settings_of, task, words, expected):
    assert settings_of(*words, task=task).training.train_whole_model is expected


def test_the_whole_model_can_be_trained_against_the_file(settings_of, mine):
    mine("training:\n  train_whole_model: false\n")

    assert settings_of("--train-whole-model", file="mine.yaml").training.train_whole_model


def test_a_zero_is_a_value(settings_of, mine):
    mine("split:\n  seed: 5\n")

    assert settings_of("--seed", "0", task="split", file="mine.yaml").split.seed == 0


def test_paths_of_flags_are_relative_to_where_one_stands_and_those_of_a_file_to_it(settings_of, mine, tmp_path):
    mine("dataset:\n  root: seas\n")

    assert settings_of(file="mine.yaml").dataset.root == tmp_path / "seas"
    assert settings_of("--dataset", "seas", file="mine.yaml").dataset.root == Path.cwd() / "seas"


def test_an_archive_may_be_named_relative_to_where_one_stands(settings_of):
    assert settings_of("--url", "w.tar.gz", task="checkpoint").checkpoint.url == str(Path.cwd() / "w.tar.gz")


def test_known_failures_are_one_line_and_exit_code_1(inv, tmp_path):
    code, out, err = inv("split", "--dataset", str(tmp_path / "nowhere"), "--workspace", str(tmp_path / "build"))

    assert (code, out) == (1, "")
    assert err.startswith(f"error: {tmp_path}/nowhere: this folder does not exist")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name or "workspace") for name in ("", "logs", "logs/libraries.log/x", "reports")]
)
def test_a_file_in_the_way_of_the_workspace_is_one_line(inv, tmp_path, voc_dataset, name):
    in_the_way = tmp_path / "build" / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("in the way")

    code, _, err = inv("split", "--dataset", str(voc_dataset), "--workspace", str(tmp_path / "build"))

    assert code == 1
    assert err.startswith(f"error: {tmp_path}/build")
    assert err.count("\n") == 1


def test_an_interruption_is_one_line_and_exit_code_130(inv, monkeypatch, tmp_path):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "run_stage", interrupt)

    code, _, err = inv("train", "--workspace", str(tmp_path / "build"))

    assert code == 130
    assert err == "interrupted; run the same command again to continue\n"


def test_an_unknown_failure_keeps_its_traceback(inv, monkeypatch, tmp_path):
    def fail(*_args):
        raise ZeroDivisionError("ours to fix")

    monkeypatch.setattr(flow, "run_stage", fail)

    with pytest.raises(ZeroDivisionError, match="ours to fix"):
        inv("train", "--workspace", str(tmp_path / "build"))


@pytest.mark.parametrize(
    ("is_good", "expected"), [pytest.param(True, 0, id="good"), pytest.param(False, 1, id="faulty")]
)
def test_validate_gives_the_chosen_format_alone_on_standard_output(inv, monkeypatch, tmp_path, is_good, expected):
    monkeypatch.setattr(answers, "review", lambda _settings, form, _summary, _html: (f"findings as {form}", is_good))

    answer = inv("validate", "--format", "json", "--workspace", str(tmp_path / "build"))

    assert answer == (expected, "findings as json\n", "")


def test_the_pipeline_passes_on_where_to_end_and_ends_with_the_table(inv, monkeypatch, tmp_path):
    heard = {}
    monkeypatch.setattr(flow, "run_pipeline", lambda _settings, **given: heard.update(given))
    monkeypatch.setattr(console, "closing_table", lambda _settings, _covered: "the table")

    answer = inv("pipeline", "--to", "records", "--force", "--workspace", str(tmp_path / "build"))

    assert heard == {"to": "records", "force": True}
    assert answer == (0, "the table\n", "")


def test_the_demo_draws_before_it_runs_the_pipeline(inv, monkeypatch, tmp_path):
    heard = []
    monkeypatch.setattr(draw, "run", lambda settings: heard.append(("draw", settings.training.steps)))
    monkeypatch.setattr(
        flow, "run_pipeline", lambda settings: heard.append(("pipeline", settings.training.steps)) or []
    )

    code, *_ = inv("demo", "--steps", "7", "--workspace", str(tmp_path / "build"))

    assert (code, heard) == (0, [("draw", 7), ("pipeline", 7)])


@pytest.mark.parametrize("stage", [pytest.param(stage.name, id=stage.name) for stage in STAGES])
def test_every_stage_is_a_task_with_the_common_flags(inv, monkeypatch, tmp_path, stage):
    ran = []
    monkeypatch.setattr(flow, "run_stage", lambda name, _settings: ran.append(name) or DONE)
    monkeypatch.setattr(answers, "review", lambda *_: (ran.append("validate"), True))
    monkeypatch.setattr(
        answers,
        "preflight",
        lambda *_, untrained: (ran.append("preflight-untrained" if untrained else "preflight"), True),
    )
    words = ["preflight", "--untrained"] if stage == "preflight-untrained" else [stage]

    code, *_ = inv(*words, "--dataset", "x", "--workspace", str(tmp_path / "build"))

    assert (code, ran) == (0, [stage])


def test_a_bad_verdict_of_preflight_is_shown_with_exit_code_1(inv, monkeypatch, tmp_path):
    monkeypatch.setattr(answers, "preflight", lambda *_, **__: ("the table", False))

    code, out, _ = inv("preflight", "--model", "x.tflite", "--workspace", str(tmp_path / "build"))

    assert (code, out) == (1, "the table\n")


@pytest.mark.parametrize(("module", "profile"), [("flatbuffers", "train"), ("apache_beam", "beam")])
def test_a_package_that_the_profile_lacks_is_one_message(inv, monkeypatch, tmp_path, module, profile):
    def fail(*_args):
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)

    monkeypatch.setattr(flow, "run_stage", fail)

    code, _, said = inv("compile", "--workspace", str(tmp_path / "build"))

    assert (code, said.count("\n")) == (1, 1)
    assert (
        f"{module} is not installed in this environment. Run the task in a profile that has it, such as {profile}"
        in said
    )


def test_an_empty_model_is_not_taken_for_the_workspace_s(inv, tmp_path):
    code, _, said = inv("preflight", "--model", "", "--workspace", str(tmp_path / "build"))

    assert (code, "--model is empty" in said) == (1, True)


def test_an_error_inside_an_error_is_told_once(inv, monkeypatch, tmp_path):
    def fail(*_args):
        raise DatasetError("a.xml:3: broken") from ValueError("inner")

    monkeypatch.setattr(flow, "run_stage", fail)

    assert inv("split", "--workspace", str(tmp_path / "build"))[2] == "error: a.xml:3: broken\n"
