"""What a terminal, or a log, sees of a run, and where the libraries' own words go."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from edgetrain.core.errors import StorageError
from edgetrain.core.system.progress import listener
from edgetrain.pipeline import console
from edgetrain.pipeline.console import Console, closing_table
from tests.conftest import draw_labelled
from tests.support.places import PROJECT_DIR


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still unless a test turns it: a list with the time in seconds."""
    time = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: time[0])
    return time


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.04, "0.0 s", id="nothing"),
        pytest.param(1.25, "1.2 s", id="tenths"),
        pytest.param(9.96, "10 s", id="no 10.0"),
        pytest.param(12.4, "12 s", id="seconds"),
        pytest.param(59.7, "1 min 0 s", id="no 60 seconds"),
        pytest.param(200, "3 min 20 s", id="minutes"),
        pytest.param(7384, "2 h 3 min", id="hours"),
    ],
)
def test_a_duration_is_told_in_fitting_units(seconds, expected):
    stream = io.StringIO()
    Console(stream).finished("split", "done", seconds)

    assert stream.getvalue() == f"split       done ({expected})\n"


@pytest.mark.parametrize("stream", [pytest.param(io.StringIO, id="log"), pytest.param(Terminal, id="terminal")])
def test_each_stage_is_one_line(stream):
    out = stream()
    screen = Console(out)
    screen.started("split")
    screen.finished("split", "8 train, 2 test", 0.1)
    screen.noted("commit the label map")
    screen.skipped("records", "unchanged")

    assert out.getvalue().splitlines() == [
        "split       8 train, 2 test (0.1 s)",
        "            note: commit the label map",
        "records     skipped: unchanged",
    ]


def test_a_plain_terminal_has_whole_lines_only(clock):
    stream = Terminal()
    screen = Console(stream, is_plain=True)
    screen.started("train")
    for step in range(1, 31):
        clock[0] += 1
        screen.advanced(step, 100, "loss 0.10")

    assert stream.getvalue().splitlines()[0] == "train: 10/100 loss 0.10, 1 min 30 s left"
    assert "\r" not in stream.getvalue()


def test_a_log_has_a_line_every_few_seconds_with_the_time_left(clock):
    stream = io.StringIO()
    screen = Console(stream)
    screen.started("train")
    for step in range(1, 31):
        clock[0] += 1
        screen.advanced(step, 100, f"loss {1 / step:.2f}")

    lines = ["train: 10/100 loss 0.10, 1 min 30 s left", "train: 20/100 loss 0.05, 1 min 20 s left"]
    assert stream.getvalue().splitlines() == [*lines, "train: 30/100 loss 0.03, 1 min 10 s left"]


def test_a_log_of_a_continued_run_counts_only_its_own_steps(clock):
    stream = io.StringIO()
    screen = Console(stream)
    screen.started("train")
    screen.advanced(500, 1000, "")
    clock[0] += 20
    screen.advanced(600, 1000, "")

    assert stream.getvalue() == "train: 600/1000 , 1 min 20 s left\n"


def test_short_work_leaves_no_line_of_progress_in_a_log():
    stream = io.StringIO()
    screen = Console(stream)
    screen.started("records")
    for done in range(50):
        screen.advanced(done, 50, "pictures")

    assert stream.getvalue() == ""


def test_a_terminal_shows_a_bar_that_is_gone_at_the_end():
    stream = Terminal()
    screen = Console(stream)
    screen.started("train")
    screen.advanced(10, 100, "loss 0.5")
    assert "train" in stream.getvalue()
    assert "10/100, loss 0.5, " in stream.getvalue()

    screen.finished("train", "100 steps", 3.0)

    assert stream.getvalue().endswith("\rtrain       100 steps (3.0 s)\n")
    assert "\n" not in stream.getvalue()[:-1]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(lambda screen: screen.noted("continuing"), id="note"),
        pytest.param(lambda screen: screen.close(), id="failure"),
    ],
)
def test_a_bar_is_wiped_before_anything_else_is_written(event):
    stream = Terminal()
    screen = Console(stream)
    screen.started("train")
    screen.advanced(10, 100, "loss 0.5")
    shown = len(stream.getvalue())

    event(screen)

    assert stream.getvalue()[shown:].startswith("\r  ")
    assert stream.getvalue()[shown:].split("\r")[2] in ("", "            note: continuing\n")


def test_a_second_round_of_the_same_stage_has_a_bar_of_its_own():
    stream = Terminal()
    screen = Console(stream)
    screen.started("evaluate")
    for done, text in ((1, "float32"), (2, "float32"), (1, "int8"), (2, "int8")):
        screen.advanced(done, 2, text)
    screen.close()

    assert "int8" in stream.getvalue()
    assert "3/2" not in stream.getvalue()


def test_what_libraries_write_goes_to_the_log_and_progress_to_standard_error(settings, workspace, capfd):
    with console.listening(settings()):
        os.write(1, b"tensorflow says this\n")
        os.write(2, b"and complains\n")
        listener().noted("for you")
    os.write(1, b"result\n")

    assert workspace.log_path.read_text() == "tensorflow says this\nand complains\n"
    assert capfd.readouterr() == ("result\n", "            note: for you\n")


def test_the_log_keeps_what_earlier_runs_wrote(settings, workspace):
    for text in (b"one\n", b"two\n"):
        with console.listening(settings()):
            os.write(2, text)

    assert workspace.log_path.read_text() == "one\ntwo\n"


def _open_handles():
    return {handle for handle in range(256) if _is_open(handle)}


def _is_open(handle):
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("error", [pytest.param(error, id=error.__name__) for error in (ValueError, KeyboardInterrupt)])
def test_after_a_failure_the_streams_are_as_before(settings, workspace, capfd, error):
    before = _open_handles()
    with pytest.raises(error, match="broken"), console.listening(settings()):  # noqa: PT012 - it is the block that fails
        os.write(1, b"library\n")
        raise error("broken")
    os.write(1, b"out\n")
    os.write(2, b"err\n")

    assert capfd.readouterr() == ("out\n", "err\n")
    assert workspace.log_path.read_text() == "library\n"
    assert _open_handles() == before


def test_what_python_wrote_before_comes_before(tmp_path):
    """Standard output is buffered where it is no terminal."""
    code = f"""
import sys, yaml
sys.path.insert(0, {str(PROJECT_DIR / "src")!r})
from pathlib import Path
from edgetrain.pipeline import console
from edgetrain.core.settings import Settings
config = yaml.safe_load(Path({str(PROJECT_DIR / "invoke.yaml")!r}).read_text())
print("before")
with console.listening(Settings.from_mapping(config, base_dir=Path({str(tmp_path)!r}))):
    print("library")
print("after")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (ran.stdout, ran.stderr) == ("before\nafter\n", "")
    assert (tmp_path / "build" / "logs" / "libraries.log").read_text() == "library\n"


def test_a_workspace_that_is_a_file_is_one_message(settings, workspace):
    workspace.root.write_text("in the way")

    with (
        pytest.raises(StorageError, match=r"libraries\.log: .*(exists|directory).*in the way"),
        console.listening(settings()),
    ):
        pytest.fail("the block must not be entered")


def test_nobody_listens_after_the_block(settings):
    before = listener()
    with console.listening(settings()):
        assert listener() is not before

    assert listener() is before


def write_evaluation(workspace):
    figures = {"mean_average_precision": 0.5, "ap50": 0.75, "ap75": 0.6, "average_recall": 0.7}
    lower = {name: value - 0.01 for name, value in figures.items()}
    workspace.report_path("evaluate").parent.mkdir(parents=True)
    workspace.report_path("evaluate").write_text(json.dumps({"results": {"float32": figures, "int8": lower}}))


def test_the_closing_table_has_both_models_and_where_they_are(settings, workspace):
    write_evaluation(workspace)

    assert closing_table(settings(), ["evaluate"]).splitlines() == [
        "",
        "model           AP    AP50    AP75      AR",
        "float32      0.500   0.750   0.600   0.700",
        "int8         0.490   0.740   0.590   0.690",
        "",
        f"model   {workspace.model_path}",
        f"labels  {workspace.labels_path}",
        f"report  {workspace.report_page_path}",
    ]


def test_the_closing_table_without_an_evaluation_names_the_report(settings, workspace):
    assert closing_table(settings(), ["evaluate"]) == f"report  {workspace.report_page_path}"


def test_the_closing_table_says_nothing_of_an_evaluation_that_was_no_part_of_the_run(settings, workspace):
    write_evaluation(workspace)

    assert closing_table(settings(), ["records"]) == f"report  {workspace.report_page_path}"


def test_the_text_of_stats_stands_on_standard_output(tmp_path):
    draw_labelled(tmp_path / "dataset", "0001")
    flags = ["--dataset", str(tmp_path / "dataset"), "--workspace", str(tmp_path / "build")]
    ran = subprocess.run(
        [sys.executable, "-m", "invoke", "--search-root", str(PROJECT_DIR), "stats", *flags],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert "pictures" in ran.stdout
