"""What a Coral agent needs beside PyPI: the right files for the machine, the same files every time."""

from __future__ import annotations

import hashlib
import json
import platform
import sys

import pytest

from ci import coral
from ci.coral import fetch_file, install, this_system
from edgetrain.core.errors import DownloadError, ToolError
from edgetrain.edgetpu.device.pairs import PAIRS_PATH, PairFile

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def source(tmp_path):
    """Return a file that is fetched in place of one of the network."""
    path = tmp_path / "source" / "interpreter.whl"
    path.parent.mkdir()
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture
def listed(tmp_path, source):
    """Return a function that writes a table of one pair for this machine, both of one file, and gives its path."""

    def listed(sha256=""):
        wheel = {"python": PYTHON, "machine": platform.machine(), "url": source.as_uri(), "sha256": sha256}
        pair = {"interpreter": "runs-models", "version": "1.0", "tensorflow": "1.0", "pythons": [PYTHON]}
        pair |= {"systems": ["debian 13"], "told_by": "a test", "wheels": [wheel]}
        table = {"systems": {"debian 13": "trixie"}, "library_url": source.as_uri(), "library_sha256": {}}
        path = tmp_path / "pairs.json"
        path.write_text(json.dumps({**table, "pairs": [pair]}))
        return path

    return listed


def test_the_first_download_measures_and_the_next_one_demands(source, tmp_path):
    file = PairFile("interpreter", source.as_uri(), "")

    first = fetch_file(file, tmp_path / "files")
    source.write_bytes(b"another wheel")
    first.path.unlink()

    assert (first.sha256, first.was_known) == (hashlib.sha256(b"a wheel").hexdigest(), False)
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch_file(file, tmp_path / "files")


def test_a_file_that_is_not_the_pinned_one_is_refused(listed, tmp_path):
    with pytest.raises(DownloadError, match="SHA-256"):
        install(tmp_path / "files", pairs_path=listed(sha256="0" * 64), system="debian 13")


def test_what_is_installed_and_what_is_left_to_do_is_said(listed, tmp_path, monkeypatch):
    installed = []
    monkeypatch.setattr(coral, "_pip_install", installed.append)

    said = install(tmp_path / "files", pairs_path=listed(), system="debian 13")

    assert [path.name for path in installed] == ["interpreter.whl"]
    assert said[0] == "runs-models 1.0 with libedgetpu for TensorFlow 1.0 (a test)"
    assert said[2] == "  unproven: measured now for the first time; put it into pairs.json"
    assert said[-1] == f"  install it as root: apt install {tmp_path / 'files' / 'interpreter.whl'}"


def test_a_wheel_that_pip_refuses_is_one_message(listed, tmp_path):
    with pytest.raises(ToolError, match=r"interpreter\.whl: pip could not install it"):
        install(tmp_path / "files", pairs_path=listed(), system="debian 13")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('ID=debian\nVERSION_ID="13"\n', "debian 13", id="Debian, Raspberry Pi OS"),
        pytest.param("VERSION_ID='24.04'\nID=ubuntu\n", "ubuntu 24.04", id="Ubuntu"),
        pytest.param("ID=arch\n", "arch", id="without a version"),
        pytest.param(None, "", id="not there"),
    ],
)
def test_a_system_is_known_by_what_it_calls_itself(tmp_path, text, expected):
    path = tmp_path / "os-release"
    if text is not None:
        path.write_text(text)

    assert this_system(path) == expected


def test_the_interpreter_from_pypi_is_the_one_of_the_lock():
    lock = (PAIRS_PATH.parents[4] / "requirements-device.txt").read_text(encoding="utf-8")
    pairs = json.loads(PAIRS_PATH.read_text(encoding="utf-8"))["pairs"]

    for pair in pairs:
        assert bool(pair["wheels"]) != (f"{pair['interpreter']}=={pair['version']} " in lock)
