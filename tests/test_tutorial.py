"""The tutorial's commands: those of the dataset are run as they stand, all of them are understood."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from ci.command_lines import fault_of
from edgetrain.annotations.annotation_set import AnnotationSet, Picture
from edgetrain.annotations.exchange import render_folder
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox
from edgetrain.core.settings.exchange import ExchangeFormat
from tests.conftest import SIZE, draw_labelled
from tests.support.places import PROJECT_DIR

TUTORIAL = (PROJECT_DIR / "docs" / "tutorial.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", TUTORIAL, re.DOTALL) for line in block.splitlines() if line]
# What needs neither a training, nor the compiler, nor a device.
RUN = ("import-annotations", "validate", "fix", "stats")


@pytest.fixture
def export(tmp_path):
    """Write a YOLO zip as a labelling tool exports it: twelve pictures, a box in each."""
    root = tmp_path / "drawn"
    pictures = []
    for number in range(12):
        draw_labelled(root, f"{number:04}", shade=number * 9)
        box = LabelledBox(("boat", "fish")[number % 2], BoundingBox(8, 8, 40, 36), 1)
        pictures.append(Picture(f"{number:04}.jpg", SIZE, (box,), None))
    for name, content in render_folder(ExchangeFormat.YOLO, AnnotationSet(tuple(pictures), ("boat", "fish"))):
        path = tmp_path / "yolo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            shutil.copyfile(root / "images" / content.name, path)
    shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "yolo")
    return tmp_path


def test_the_commands_of_the_dataset_run_in_their_order(export):
    ran = []
    for command in COMMANDS:
        words = shlex.split(command)[1:]
        if words[0] in RUN:
            program = [sys.executable, PROJECT_DIR / "ci" / "program.py", "--search-root", PROJECT_DIR, *words]
            done = subprocess.run(program, cwd=export, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            ran.append(words[0])

    assert ran == ["import-annotations", "validate", "fix", "fix", "stats"]
    assert len(list((export / "mine" / "annotations").glob("*.xml"))) == 12


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    import tasks  # noqa: F401 - it makes the tasks known to the check

    assert fault_of(tuple(shlex.split(command))) == ""
