"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys

import pytest

from edgetrain.core.errors import StorageError
from edgetrain.core.system.lock import sole_user
from tests.support.places import PROJECT_DIR


def test_a_held_folder_is_refused_with_the_process_that_holds_it(tmp_path):
    with (
        sole_user(tmp_path / "build"),
        pytest.raises(StorageError, match=rf"build: process {os.getpid()} is at work in this workspace\. Wait"),
        sole_user(tmp_path / "build"),
    ):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with sole_user(tmp_path):
            held = (tmp_path / ".lock").read_text()

    assert held == str(os.getpid())


def test_a_killed_process_frees_its_folder(tmp_path):
    code = "import os, sys; from pathlib import Path; from edgetrain.core.system.lock import sole_user\n"
    code += "with sole_user(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    killed = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")})

    with sole_user(tmp_path):
        assert killed.returncode == -9


def test_something_in_the_way_is_one_message(tmp_path):
    (tmp_path / "build").write_text("in the way")

    with (
        pytest.raises(StorageError, match=r"build: File exists\. Something else is in the way"),
        sole_user(tmp_path / "build"),
    ):
        pass


def test_a_folder_that_was_removed_meanwhile_is_not_held(tmp_path, monkeypatch):
    """Between opening the lock and holding it, another process may have removed both."""
    monkeypatch.setattr(fcntl, "flock", lambda _handle, _operation: shutil.rmtree(tmp_path / "run"))

    with pytest.raises(StorageError, match=r"run: another process has just removed it"), sole_user(tmp_path / "run"):
        pass
