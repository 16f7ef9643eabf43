"""Pipeline files as values: what GoCD's plugin makes of the same text."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci.gocd.document import place_of
from ci.gocd.pipelines import DependencyMaterial, Exec, GitMaterial, Place, RunIf
from ci.gocd.reader import read_pipelines
from edgetrain.core.errors import SettingsError

HERE = Place("elsewhere", 1)
PIPELINE = """\
format_version: 10
pipelines:
  one:
    group: edge
    parameters: {dataset: "https://example.invalid/data.git#main"}
    materials:
      code: {type: configrepo, destination: code}
      data: {git: "#{dataset}", branch: main, destination: data, auto_update: off}
      before: {pipeline: zero, stage: last}
    stages:
      - build:
          clean_workspace: y
          environment_variables: {MARK: "a##b", NUMBER: 010}
          artifacts: [{test: {source: junit.xml}}]
          tasks: [TASKS]
"""


@pytest.fixture
def read(tmp_path):
    """Return a function that reads text as the only file."""

    def read_text(text, parameters=None):
        path = tmp_path / "one.gocd.yaml"
        path.write_text(text, encoding="utf-8")
        return read_pipelines([path], parameters)

    return read_text


def with_tasks(tasks):
    return PIPELINE.replace("[TASKS]", tasks)


SIMPLE = with_tasks("[{exec: {command: ci/inv, arguments: [validate], run_if: any}}]")


def test_materials_are_read_with_their_defaults(read):
    code, data, before = read(SIMPLE)[0].materials

    assert (code.url, code.branch, code.auto_update) == ("", "master", True)
    assert isinstance(data, GitMaterial)
    assert (data.url, data.auto_update) == ("https://example.invalid/data.git#main", False)
    assert before == DependencyMaterial("before", before.place, "zero", "last")


def test_a_stage_with_tasks_is_one_job_of_its_name(read):
    (stage,) = read(SIMPLE)[0].stages
    (job,) = stage.jobs

    assert (stage.name, stage.clean_workspace, job.name) == ("build", True, "build")
    assert job.tasks == (Exec(job.tasks[0].place, "ci/inv", ("validate",), run_if=RunIf.ANY),)
    assert job.tasks[0].place.line == 15


def test_scalars_stay_text_and_two_hashes_are_one(read):
    (job,) = read(SIMPLE)[0].stages[0].jobs

    assert job.environment_variables == {"MARK": "a#b", "NUMBER": "010"}


def test_copies_of_pipelines_are_equal_and_keep_their_places(read):
    (pipeline,) = read(SIMPLE)
    copied = copy.deepcopy(pipeline)

    assert copied == pipeline
    assert place_of(copied.group, HERE).line == 4


def test_test_artifacts_go_where_gocd_puts_them(read):
    assert read(SIMPLE)[0].stages[0].jobs[0].artifacts[0].destination == "testoutput"


def test_nested_lists_of_tasks_are_flattened(read):
    text = with_tasks("[{exec: {command: a}}, [{exec: {command: b}}, [{exec: {command: c}}]]]")

    assert [task.command for task in read(text)[0].stages[0].jobs[0].tasks] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("approval", "is_manual"),
    [
        pytest.param("manual", True, id="word"),
        pytest.param("{type: manual, allow_only_on_success: true}", True, id="map"),
        pytest.param("auto", False, id="automatic word"),
        pytest.param("{type: success}", False, id="automatic map"),
    ],
)
def test_both_forms_of_approval_are_read(read, approval, is_manual):
    text = SIMPLE.replace("clean_workspace: y", f"approval: {approval}")

    assert read(text)[0].stages[0].is_manual is is_manual


def test_a_parameter_is_overridden_by_name(read):
    (pipeline,) = read(SIMPLE, {"dataset": "/data"})

    assert pipeline.materials[1].url == "/data"
    assert pipeline.parameters == {"dataset": "/data"}


def test_an_unknown_override_is_refused_with_the_nearest_name(read):
    with pytest.raises(SettingsError, match=r'"datset" is no parameter of .*Did you mean "dataset"'):
        read(SIMPLE, {"datset": "/data"})


def test_a_missing_file_is_one_message(tmp_path):
    with pytest.raises(SettingsError, match=r"absent\.gocd\.yaml: cannot be read"):
        read_pipelines([tmp_path / "absent.gocd.yaml"])


def test_all_faults_of_all_files_are_one_message(tmp_path):
    paths = [tmp_path / "a.gocd.yaml", tmp_path / "b.gocd.yaml"]
    for path in paths:
        path.write_text(SIMPLE.replace("group", "grup").replace("clean_workspace: y", "clean_workspace: maybe"))

    with pytest.raises(SettingsError) as caught:
        read_pipelines(paths)

    lines = str(caught.value).splitlines()
    places = [line.split(": ")[0].rpartition("/")[2] for line in lines[:-1]]
    expected = [f"{name}.gocd.yaml:{line}" for name in ("a", "b") for line in (3, 4, 12)]
    assert places == expected
    assert lines[-1] == "6 faults in the pipeline files"


# A file is written anew for each example, which is no state that examples share.
ON_FILES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), min_size=1).filter(
    str.strip
)
COMMANDS = st.recursive(st.just("exec"), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=8)


def job_of(pipelines):
    return pipelines[0].stages[0].jobs[0]


@ON_FILES
@given(text=VALUES)
def test_escaped_text_is_read_back(read, text):
    quoted = json.dumps(text.replace("#", "##"), ensure_ascii=False)

    assert job_of(read(SIMPLE.replace('"a##b"', quoted))).environment_variables["MARK"] == text


@ON_FILES
@given(text=VALUES)
def test_a_parameter_is_put_in_as_it_is(read, text):
    source = SIMPLE.replace('"a##b"', '"<#{mark}>"').replace(
        "parameters: {", f"parameters: {{mark: {json.dumps(text, ensure_ascii=False)}, "
    )

    assert job_of(read(source)).environment_variables["MARK"] == f"<{text}>"


@ON_FILES
@given(nested=st.lists(COMMANDS, min_size=1, max_size=4))
def test_any_nesting_of_tasks_keeps_their_order(read, nested):
    counter = iter(range(1000))

    def numbered(item):
        return (
            [numbered(part) for part in item] if isinstance(item, list) else {"exec": {"command": f"c{next(counter)}"}}
        )

    tasks = job_of(read(with_tasks(json.dumps(numbered(nested))))).tasks

    assert [task.command for task in tasks] == [f"c{number}" for number in range(next(counter))]


@ON_FILES
@given(text=st.text(max_size=200))
def test_any_other_text_is_one_message(read, text):
    with pytest.raises(SettingsError, match=r"one\.gocd\.yaml:1: "):
        read(text)
