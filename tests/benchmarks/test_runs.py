"""Runs of the benchmarks: what is remembered, what a start after a kill does, and what events say of the pace."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event

from benchmarks.runs import (
    Measured,
    Plan,
    Results,
    conclude,
    measure,
    parse_settings,
    sole_benchmark,
    timings,
)
from edgetrain.core.errors import DatasetError, SettingsError, ToolError
from edgetrain.records.tfrecord import write_records
from tests.support.places import PROJECT_DIR

PLAN = Plan("ours", "raccoon", 0, 300, "/somewhere/backbone.tar.gz", {"training.augmentations": ["a", "b"]})


def test_a_finished_run_is_found_again(tmp_path):
    path = tmp_path / "new" / "results.jsonl"
    (tmp_path / "run").mkdir()

    conclude(PLAN, tmp_path / "run", {"seconds": 2.5}, Results(path))

    assert Results(path).find(PLAN)["seconds"] == 2.5
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "stock"}, id="name"),
        pytest.param({"dataset": "drawn"}, id="dataset"),
        pytest.param({"fold": 1}, id="fold"),
        pytest.param({"steps": 301}, id="steps"),
        pytest.param({"checkpoint": "/somewhere/other.tar.gz"}, id="checkpoint"),
        pytest.param({"settings": {"training.augmentations": ["a"]}}, id="settings"),
        pytest.param({"settings": {}}, id="no settings"),
    ],
)
def test_another_run_is_not_taken_for_it(tmp_path, change):
    results = Results(tmp_path / "results.jsonl")
    results.add(PLAN.key())

    assert results.find(dataclasses.replace(PLAN, **change)) is None
    assert results.find(dataclasses.replace(PLAN, checkpoint="backbone.tar.gz"))


def test_a_line_that_a_kill_cut_off_counts_as_not_written(tmp_path):
    path = tmp_path / "results.jsonl"
    Results(path).add(PLAN.key())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-1])

    Results(path).add(dataclasses.replace(PLAN, fold=1).key())

    assert [record["fold"] for record in Results(path).records] == [0, 1]


@pytest.mark.parametrize("line", ["no result", "3"])
def test_a_line_that_is_no_result_is_named(tmp_path, line):
    (tmp_path / "results.jsonl").write_text(f"{{}}\n{line}\n")

    with pytest.raises(DatasetError, match=r"results\.jsonl:2: no result"):
        Results(tmp_path / "results.jsonl")


def test_a_second_benchmark_in_the_same_folder_is_refused(tmp_path):
    with sole_benchmark(tmp_path), pytest.raises(SystemExit, match="give another --folder"), sole_benchmark(tmp_path):
        pass


def test_settings_are_values_by_name():
    texts = ["training.learning_rate=0.002", "training.augmentations=[a, b]", "training.train_whole_model=false"]

    assert parse_settings(texts) == {
        "training.learning_rate": 0.002,
        "training.augmentations": ["a", "b"],
        "training.train_whole_model": False,
    }


@pytest.mark.parametrize("text", ["training.steps", "steps=3"])
def test_a_setting_without_name_or_value_is_refused(text):
    with pytest.raises(SettingsError, match=f"--set {text}: not a setting"):
        parse_settings([text])


def test_a_process_is_measured_and_its_output_kept(tmp_path):
    code = "print('heard'); data = bytearray(60_000_000); [i for i in range(10**6)]"

    measured = measure(tmp_path / "run", sys.executable, "-c", code)

    assert (tmp_path / "run.log").read_text() == "heard\n"
    assert measured.seconds > 0
    assert measured.cpu_seconds > 0
    assert 0.06 < measured.peak_gigabytes < 1


def test_what_is_measured_ends_with_a_benchmark_that_is_killed(tmp_path):
    """A training left behind would slow down the ones of the next start."""
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    code = f"import sys; from benchmarks.runs import *; measure(Path('run'), sys.executable, '-c', {program!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT_DIR), str(PROJECT_DIR / "src")])}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment) as benchmark:
        log = tmp_path / "run.log"
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        benchmark.kill()

    wait_until(lambda: not is_running(int(log.read_text())))


def wait_until(is_so):
    """Wait for something that must come within a minute."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid):
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_fails_is_told_with_its_last_line(tmp_path):
    with pytest.raises(ToolError, match=r"run\.log: a program ended with exit code 3 \(so it is\)"):
        measure(tmp_path / "run", sys.executable, "-c", "print('so it is', flush=True); raise SystemExit(3)")


@pytest.mark.parametrize(
    ("marks", "first", "median", "mean"),
    [
        pytest.param({1: 130, 2: 132, 3: 134, 4: 160}, 30, 2, 10, id="each step, then a pause"),
        pytest.param({100: 330, 200: 530, 300: 730}, 32, 2, 2, id="every hundred steps"),
    ],
)
def test_the_pace_is_that_of_the_events(tmp_path, marks, first, median, mean):
    events = [Event(wall_time=99, file_version="brain.Event:2")]
    events += [Event(step=step, wall_time=when + late) for step, when in marks.items() for late in (0, 0.5)]
    write_records(tmp_path / "events.out.tfevents.1", [event.SerializeToString() for event in events])

    figures = timings(Measured(began=100, seconds=70, cpu_seconds=90, peak_gigabytes=4), tmp_path)

    assert (figures["first_step_seconds"], figures["step_seconds"], figures["mean_step_seconds"]) == (
        first,
        median,
        mean,
    )


def test_a_training_of_one_step_has_no_pace(tmp_path):
    write_records(tmp_path / "events.out.tfevents.1", [Event(step=1, wall_time=5).SerializeToString()])

    with pytest.raises(ToolError, match="no events of two steps"):
        timings(Measured(0, 1, 1, 1), tmp_path)
