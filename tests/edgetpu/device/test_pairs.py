"""Interpreter and libedgetpu: the table has a pair for each supported Python, and for each system its usual one."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import ToolError
from edgetrain.edgetpu.device.pairs import PAIRS_PATH, are_a_pair, fitting_pair
from tests.support.places import PROJECT_DIR

USUAL = [("3.11", "debian 12"), ("3.13", "debian 13"), ("3.10", "ubuntu 22.04"), ("3.12", "ubuntu 24.04")]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(("python", "system"), USUAL)
def test_each_system_has_a_pair_for_its_own_python(python, system, machine):
    pair = fitting_pair(python, machine, system)

    assert pair.library.url.endswith({"x86_64": "_amd64.deb", "aarch64": "_arm64.deb"}[machine])
    assert f"16.0TF{pair.tensorflow}-1/" in pair.library.url
    assert (pair.wheel is None) == (pair.interpreter == "ai-edge-litert")


@pytest.mark.parametrize("python", ["3.9", "3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_debian_12_has_a_pair_for_every_python(python, machine):
    pair = fitting_pair(python, machine, "debian 12")

    if pair.wheel:
        assert f"cp{python.replace('.', '')}-linux_{machine}.whl" in pair.wheel.url


def test_frigate_s_own_pair_is_the_one_of_python_3_11():
    pair = fitting_pair("3.11", "x86_64", "debian 12")

    assert pair.wheel.url.startswith("https://github.com/frigate-nvr/TFlite-builds/")
    assert pair.library.url.endswith("/libedgetpu1-max_16.0tf2.17.1-1.bookworm_amd64.deb")


@pytest.mark.parametrize(
    "place", [("3.14", "x86_64", "debian 13"), ("3.11", "armv7l", "debian 12"), ("3.11", "x86_64", "fedora 40")]
)
def test_what_has_no_pair_is_told_what_has_one(place):
    with pytest.raises(ToolError, match=r"there are some for Python 3\.9, .* on debian 12, .*build your own"):
        fitting_pair(*place)


def test_a_pair_is_known_by_the_first_two_numbers():
    assert are_a_pair("ai-edge-litert", "2.3.7", "2.19")
    assert not are_a_pair("ai-edge-litert", "2.3.0", "2.17.1")


def test_a_digest_is_measured_or_not_there():
    table = json.loads(PAIRS_PATH.read_text(encoding="utf-8"))
    digests = [wheel["sha256"] for pair in table["pairs"] for wheel in pair["wheels"]]

    assert {len(digest) for digest in [*digests, *table["library_sha256"].values()]} <= {0, 64}


def test_the_docs_have_the_same_table():
    docs = (PROJECT_DIR / "docs" / "coral.md").read_text(encoding="utf-8")
    for pair in json.loads(PAIRS_PATH.read_text(encoding="utf-8"))["pairs"]:
        cells = [", ".join(pair["pythons"]), ", ".join(pair["systems"]), f"{pair['interpreter']} {pair['version']}"]

        assert f"| {' | '.join(cells)} | 16.0tf{pair['tensorflow']}-1 |" in docs
