"""CI's own tasks end with a message and the right exit code."""

import re

import pytest
from invoke import Context, Exit

import tasks as root_tasks
from ci import stage_tasks, task_runner, tasks
from ci.stage_tasks import StageTask
from tasks import namespace

PIPELINE = """\
format_version: 10
pipelines:
  one:
    group: edge
    materials: {code: {type: configrepo}}
    stages: [build: {tasks: [exec: {command: ci/inv, arguments: [validate]}]}]
"""


@pytest.fixture
def gocd_dir(tmp_path, monkeypatch):
    """Return the folder of pipeline files in a project of its own, which is the current folder."""
    monkeypatch.setattr(tasks, "_ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gocd").mkdir()
    return tmp_path / "gocd"


def test_pipelines_without_fault_are_counted(gocd_dir, capsys):
    (gocd_dir / "one.gocd.yaml").write_text(PIPELINE)

    tasks.pipelines(Context())

    assert capsys.readouterr().out == "1 pipeline file without fault\n"


def test_faults_of_pipelines_are_named_from_here(gocd_dir):
    (gocd_dir / "one.gocd.yaml").write_text(PIPELINE.replace("group", "grup"))

    with pytest.raises(Exit, match=r"^gocd/one\.gocd\.yaml:3: a pipeline has no \"group\"") as caught:
        tasks.pipelines(Context())

    assert caught.value.code == 1


def test_no_pipeline_at_all_is_a_fault(gocd_dir):
    with pytest.raises(Exit, match=r"error: gocd: there is no \*\.gocd\.yaml"):
        tasks.pipelines(Context())


@pytest.mark.parametrize(
    ("variables", "is_plain"),
    [
        pytest.param({}, False, id="terminal"),
        pytest.param({"CI": "true"}, True, id="CI"),
        pytest.param({"NO_COLOR": "1"}, True, id="no colour"),
        pytest.param({"NO_COLOR": ""}, False, id="empty"),
        pytest.param({"TERM": "dumb"}, True, id="dumb"),
    ],
)
def test_progress_is_plain_lines_where_that_is_wanted(monkeypatch, variables, is_plain):
    for name in ("CI", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert stage_tasks.wants_plain_lines() is is_plain


class _Asked(Exception):  # noqa: N818 - it ends a task at the place that the test looks at
    """The flags with which a task asked for its settings."""


@pytest.mark.parametrize("name", [name for name, one in namespace.tasks.items() if isinstance(one, StageTask)])
def test_a_flag_sets_what_its_help_says(name, monkeypatch):
    def ask(_context, given, *_):
        raise _Asked(given)

    for module in (task_runner, stage_tasks, root_tasks):
        monkeypatch.setattr(module, "settings_of", ask)
    one = namespace.tasks[name]
    helped = {flag.name: re.search(r"\(([a-z_]+\.\w+)\)$", flag.help or "") for flag in one.get_arguments()}
    flags = {flag: found[1] for flag, found in helped.items() if found}
    if not flags:
        return
    with pytest.raises(_Asked) as asked:
        one.body(Context(), **{flag: f"value of {flag}" for flag in flags})

    set_by = {
        value: stage_tasks.FLAGS[key][0] for key, value in asked.value.args[0].items() if key in stage_tasks.FLAGS
    }
    assert {flag: set_by.get(f"value of {flag}") for flag in flags} == flags
