"""The promise of the README's first command: pictures in, a detector that finds them out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.places import PROJECT_DIR

pytestmark = [pytest.mark.tensorflow, pytest.mark.whole]


def test_the_demo_learns_to_find_what_its_backbone_never_saw(tmp_path):
    """The int8 model reaches AP50 0.80 on its test split; the last line says where the report is."""
    command = [sys.executable, "-m", "invoke", "--search-root", str(PROJECT_DIR), "demo"]
    folders = ["--dataset", str(tmp_path / "pictures"), "--workspace", str(tmp_path / "build")]

    finished = subprocess.run([*command, *folders], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert finished.returncode == 0, finished.stderr
    results = json.loads((tmp_path / "build/reports/evaluate.json").read_text())["results"]
    assert results["int8"]["ap50"] >= 0.80
    page = tmp_path / "build/reports/index.html"
    assert finished.stdout.splitlines()[-1] == f"report  {page}"
    assert page.is_file()
