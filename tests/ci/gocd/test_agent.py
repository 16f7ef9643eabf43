"""A job runs here as it does on an agent, and fails where it does there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ci.gocd.server import ONE
from tests.support.places import PROJECT_DIR

PYTHON = sys.executable
# Tests that run in the background ignore Ctrl-C, and so would what they start.
HEARS_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def job(tasks: str, more: str = "") -> str:
    """Return a stage with one job of the same name."""
    return f"- work:\n    {more}\n    tasks:\n" + "".join(f"      - {line}\n" for line in tasks.splitlines())


def test_a_job_passes_if_all_its_tasks_do(server):
    assert server.run_stages(job("exec: {command: cat, arguments: [hello.txt], working_directory: code}"))

    assert "hello\n" in server.console("one/1/work/1/work")


def test_after_a_failure_only_tasks_run_that_ask_for_it(server):
    tasks = """\
exec: {command: "false"}
exec: {command: echo, arguments: [after-passed]}
exec: {command: echo, arguments: [after-failed], run_if: failed}
exec: {command: echo, arguments: [after-any], run_if: any}"""

    assert not server.run_stages(job(tasks))

    said = [line for line in server.console("one/1/work/1/work").splitlines() if line.startswith("after-")]
    assert said == ["after-failed", "after-any"]
    assert "The task ended with exit code 1" in server.text


def test_a_task_that_waits_for_a_failure_does_not_run_without_one(server):
    assert server.run_stages(job("exec: {command: 'false', run_if: failed}"))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        pytest.param('exec: {command: "echo hello"}', '"echo hello" cannot be run: No such file', id="words"),
        pytest.param("exec: {command: ls, arguments: ['*.txt']}", "exit code 2", id="wildcard"),
        pytest.param("exec: {command: ls, working_directory: nowhere}", 'no folder "nowhere"', id="no folder"),
    ],
)
def test_a_program_is_run_without_a_shell(server, task, message):
    assert not server.run_stages(job(task))

    assert message in server.text


def test_a_program_sees_what_gocd_sets_and_nothing_of_the_caller(server, monkeypatch):
    monkeypatch.setenv("MY_OWN", "secret")
    more = "environment_variables: {OF_STAGE: two}"

    assert server.run_stages(job("exec: {command: env}", more))

    lines = server.console("one/1/work/1/work").splitlines()
    found = dict(line.split("=", 1) for line in lines if line.startswith(("GO_", "MY_OWN", "OF_STAGE")))
    revision = found["GO_REVISION_CODE"]
    assert len(revision) == 40
    assert found.pop("GO_MATERIAL_URL_CODE").endswith(".git")
    assert found == {
        "GO_SERVER_URL": "https://rehearsal.invalid/go",
        "GO_PIPELINE_NAME": "one",
        "GO_PIPELINE_COUNTER": "1",
        "GO_PIPELINE_LABEL": "1",
        "GO_PIPELINE_GROUP_NAME": "tests",
        "GO_STAGE_NAME": "work",
        "GO_STAGE_COUNTER": "1",
        "GO_JOB_NAME": "work",
        "GO_TRIGGER_USER": "changes",
        "GO_REVISION_CODE": revision,
        "GO_TO_REVISION_CODE": revision,
        "GO_FROM_REVISION_CODE": revision,
        "GO_MATERIAL_BRANCH_CODE": "main",
        "GO_MATERIAL_CODE_HAS_CHANGED": "true",
        "OF_STAGE": "two",
    }


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('secure_variables: {TOKEN: "AES:abc=:def="}', id="cipher"),
        pytest.param('environment_variables: {TOKEN: "{{SECRET:[vault][token]}}"}', id="look-up"),
    ],
)
def test_secret_variables_are_left_out_and_named(server, more):
    assert server.run_stages(job("exec: {command: env}", more))

    assert "TOKEN=" not in server.console("one/1/work/1/work")
    assert "work: without its secret variables TOKEN" in server.text


def test_artifacts_are_published_after_a_failure_too(server):
    more = "artifacts: [{build: {source: made.txt, destination: out}}]"

    assert not server.run_stages(job("exec: {command: touch, arguments: [made.txt]}\nexec: {command: 'false'}", more))

    assert server.artifacts("one/1/work/1/work/out/made.txt").is_file()


def test_a_build_artifact_that_matches_nothing_fails_the_job(server):
    assert not server.run_stages(job("exec: {command: 'true'}", "artifacts: [{build: {source: made/*.txt}}]"))

    assert "The rule [made/*.txt] cannot match any resource" in server.text


def test_a_test_artifact_that_matches_nothing_is_only_said(server):
    assert server.run_stages(job("exec: {command: 'true'}", "artifacts: [{test: {source: junit.xml}}]"))

    assert "The test artifact junit.xml was not found" in server.console("one/1/work/1/work")


def test_a_silent_job_is_cancelled(server, monkeypatch):
    monkeypatch.setattr("ci.gocd.agent._SECONDS_OF_A_MINUTE", 0.2)

    assert not server.run_stages(job("exec: {command: sleep, arguments: ['60']}", "timeout: 1"))

    assert "No line of output for 1 minutes" in server.text


def test_folders_of_jobs_that_passed_are_gone_and_those_of_failures_stay(server):
    server.run_stages(job("exec: {command: 'true'}") + job("exec: {command: 'false'}").replace("work", "fail"))

    assert not (server.root / "kept/agents/one/1/work/1/work").exists()
    assert (server.root / "kept/agents/one/1/fail/1/fail/code/hello.txt").is_file()


def test_interruption_ends_the_task_and_all_that_it_started(server, tmp_path):
    """The task's child, in the same group, is gone when the rehearsal has said that it was interrupted."""
    child = "import subprocess, time; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); time.sleep(600)"
    (tmp_path / "child.py").write_text(child)
    stages = f"    - work:\n        tasks: [exec: {{command: {PYTHON}, arguments: [{tmp_path / 'child.py'}]}}]\n"
    file = server.write("one", ONE + stages)
    command = [PYTHON, str(PROJECT_DIR / "ci/program.py"), "--search-root", str(PROJECT_DIR), "ci.rehearse", str(file)]
    folder = tmp_path / "kept"
    with subprocess.Popen(
        [PYTHON, "-c", HEARS_CTRL_C, *command, "--keep", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        console = folder / "artifacts/one/1/work/1/work/cruise-output/console.log"
        sleeper = wait_for(lambda: next((int(t) for t in console.read_text().split("\n") if t.isdigit()), 0), console)
        running.send_signal(signal.SIGINT)
        try:
            output, _ = running.communicate(timeout=30)
        finally:
            running.kill()

    assert running.returncode == 130
    assert b"interrupted" in output
    assert not is_running(sleeper)


def is_running(process_id):
    """Return whether a process lives; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(find, path):
    """Return what is found once a file is there and it is in it."""
    for _ in range(300):
        found = path.exists() and find()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(path)
