"""What the tests of ``ci`` share: the command line knows the project's tasks, and a fresh checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import Checkout, make_checkout, make_wheels

import tasks  # noqa: F401 - it makes the tasks known to the checks


@pytest.fixture(scope="module")
def wheels_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package index with the stand-in for Invoke and with uv."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, wheels_dir: Path) -> Checkout:
    """A fresh checkout; its path has a space, as users' paths have."""
    return make_checkout(tmp_path / "a checkout", wheels_dir)
