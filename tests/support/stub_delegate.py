"""The delegate that gcc makes for the tests: it takes Edge TPU operators but cannot run them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.places import DATA_DIR

SOURCE = DATA_DIR / "stub_delegate" / "stub_delegate.c"


@pytest.fixture(scope="session")
def stub_delegate(tmp_path_factory):
    """Return the library, made by the C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.fail("no C compiler: install gcc")
    path = tmp_path_factory.mktemp("stub") / "libstub.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", SOURCE, "-o", path], check=True)
    return path
