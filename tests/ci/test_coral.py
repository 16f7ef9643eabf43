"""What a Coral agent needs beside PyPI: the right file for the machine, the same file every time."""

from __future__ import annotations

import hashlib
import json
import platform
import sys

import pytest

from ci import coral
from ci.coral import LIST_PATH, fetch_package, install, packages_for
from edgetrain.core.errors import DownloadError, ToolError


@pytest.fixture
def listed(tmp_path):
    """Return a function that writes a list of packages for this machine, all of one file, and gives its path."""
    source = tmp_path / "source" / "interpreter.whl"
    source.parent.mkdir()
    source.write_bytes(b"a wheel")

    def listed(sha256=""):
        entry = {"name": "interpreter 1", "url": source.as_uri(), "sha256": sha256, "machine": platform.machine()}
        wheel = {**entry, "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
        path = tmp_path / "coral.json"
        path.write_text(json.dumps({"wheels": [wheel], "debian_packages": [entry]}))
        return path

    return listed


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_both_machines_have_a_pair_that_fits(machine):
    for kind in ("wheels", "debian_packages"):
        (package,) = packages_for(kind, machine=machine, python="3.11")
        assert package.url.startswith("https://github.com/")
        assert "2.17.1" in package.url


def test_a_digest_is_measured_or_not_there():
    entries = json.loads(LIST_PATH.read_text())

    assert {len(entry["sha256"]) for entry in entries["wheels"] + entries["debian_packages"]} <= {0, 64}


def test_another_python_is_told_which_ones_there_are():
    with pytest.raises(ToolError, match=r"no wheels for x86_64 with Python 3\.9; there are some for .*x86_64 3\.11"):
        packages_for("wheels", machine="x86_64", python="3.9")


def test_the_first_download_measures_and_the_next_one_demands(listed, tmp_path):
    (package,) = packages_for("debian_packages", machine=platform.machine(), python="", list_path=listed())

    first = fetch_package(package, tmp_path / "files")
    (tmp_path / "source" / "interpreter.whl").write_bytes(b"another wheel")
    first.path.unlink()

    assert (first.sha256, first.was_known) == (hashlib.sha256(b"a wheel").hexdigest(), False)
    with pytest.raises(DownloadError, match=r"SHA-256|digest"):
        fetch_package(package, tmp_path / "files")


def test_a_file_that_is_not_the_pinned_one_is_refused(listed, tmp_path):
    with pytest.raises(DownloadError, match=r"SHA-256|digest"):
        install(tmp_path / "files", list_path=listed(sha256="0" * 64))


def test_what_is_installed_and_what_is_left_to_do_is_said(listed, tmp_path, monkeypatch):
    installed = []
    monkeypatch.setattr(coral, "_pip_install", installed.append)

    said = install(tmp_path / "files", list_path=listed())

    assert [path.name for path in installed] == ["interpreter.whl"]
    assert "put it into ci/coral.json" in said[1]
    assert said[-1] == f"  install it as root: apt install {tmp_path / 'files' / 'interpreter.whl'}"


def test_a_wheel_that_pip_refuses_is_one_message(listed, tmp_path):
    with pytest.raises(ToolError, match=r"interpreter\.whl: pip could not install it"):
        install(tmp_path / "files", list_path=listed())
