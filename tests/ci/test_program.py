"""A settings file that cannot be read is one message, not Invoke's traceback."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ci import program
from ci.program import with_file_flags
from tests.support.places import PROJECT_DIR


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("mine.yaml", "training: {steps: [10\n", 'is not valid YAML: .*mine.yaml", line 2', id="syntax"),
        pytest.param("mine.yaml", "training: 10\n", "has 10 where a section of keys and values belongs", id="section"),
        pytest.param("mine.txt", "training:\n  steps: 10\n", "ends in .yaml, .yml or .json", id="ending"),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_one_message(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    command = [
        sys.executable,
        str(PROJECT_DIR / "ci/program.py"),
        "--search-root",
        str(PROJECT_DIR),
        "-f",
        name,
        "report",
    ]

    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert finished.returncode == 1
    assert finished.stderr.startswith("error: ")
    assert finished.stderr.count("\n") == 1
    assert re.search(message, finished.stderr)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["a.gocd.yaml", "b.gocd.yml"], ["--file", "a.gocd.yaml", "--file", "b.gocd.yml"], id="names"),
        pytest.param(["--file", "a.gocd.yaml"], ["--file", "a.gocd.yaml"], id="with its flag"),
        pytest.param(["-f", "mine.yaml", "--file=a.gocd.yaml"], ["-f", "mine.yaml", "--file=a.gocd.yaml"], id="others"),
    ],
)
def test_pipeline_files_get_the_flag_that_invoke_needs(given, expected):
    assert with_file_flags(given) == expected


def call(*arguments, root=PROJECT_DIR):
    command = [sys.executable, str(PROJECT_DIR / "ci/program.py"), "--search-root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)


@pytest.mark.parametrize(
    ("words", "name"),
    [pytest.param(["trian"], "train", id="task"), pytest.param(["train", "--datset", "x"], "--dataset", id="flag")],
)
def test_a_wrong_word_gets_the_nearest_name(words, name):
    finished = call(*words)

    assert finished.returncode == 1
    assert f'Did you mean "{name}"?' in finished.stderr


def test_the_list_has_each_task_once_in_the_order_of_the_flow():
    shown = re.findall(r"^  ([a-z][\w.-]*)", call("--list").stdout, re.MULTILINE)
    flow = ["validate", "split", "records", "train", "quantize", "evaluate", "compile", "hardware", "report"]

    assert len(shown) == len(set(shown))
    assert [name for name in shown if name in flow] == flow
    assert {"doctor", "runs", "ci.check"} <= set(shown)


def test_a_flag_without_value_is_named_as_it_is_written():
    finished = call("import-annotations", "--from")

    assert (finished.returncode, finished.stderr) == (1, "--from needs a value. Give one after it.\n")


def test_ctrl_c_before_a_task_has_begun_is_one_message(monkeypatch, capsys):
    def interrupt(_program):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["inv", "validate"])
    monkeypatch.setattr(program.OwnProgram, "run", interrupt)

    with pytest.raises(SystemExit) as ended:
        program.main()

    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted; run the same command again to continue\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [pytest.param(["--list"], 0, "nothing", id="list"), pytest.param(["nothnig"], 1, "No idea what", id="wrong task")],
)
def test_another_task_file_is_read_as_invoke_reads_it(tmp_path, words, code, said):
    """The benchmark of the start compares with one."""
    (tmp_path / "tasks.py").write_text("from invoke import task\n\n\n@task\ndef nothing(c):\n    pass\n")

    finished = call(*words, root=tmp_path)

    assert finished.returncode == code
    assert said in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
