"""Decoding every picture: in order, on all cores, kept for the next run, crashes and damage included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from edgetrain.images import pixel_facts as pixel_review
from edgetrain.images.near_duplicates import near_groups
from edgetrain.images.pixel_facts import PixelFacts, read_pixel_cache, review_pixels
from tests.core.system.test_workers import is_running, until
from tests.support.places import PROJECT_DIR


@pytest.fixture
def pictures(voc_dataset):
    """Return path and name of 12 drawn pictures, each four times: several chunks."""
    paths = sorted((voc_dataset / "images").iterdir())
    return [(path, f"{turn}-{path.name}") for turn in range(4) for path in paths]


@pytest.fixture
def cache_path(tmp_path):
    return tmp_path / "cache" / "pixels.json"


def crash_at(monkeypatch, name):
    """Let the decoder end its process at one picture."""
    decode = pixel_review.difference_hash
    monkeypatch.setattr(
        pixel_review, "difference_hash", lambda data, at: os._exit(9) if at == name else decode(data, at)
    )


def test_every_picture_is_told_in_order(pictures, cache_path):
    reviewed = list(review_pixels(pictures, cache_path))

    assert [name for name, _ in reviewed] == [name for _, name in pictures]
    assert all(facts.error == "" for _, facts in reviewed)


def test_a_second_run_decodes_nothing(pictures, cache_path, monkeypatch):
    first = list(review_pixels(pictures, cache_path))
    monkeypatch.setattr(pixel_review, "difference_hash", lambda *_: 0)

    assert list(review_pixels(pictures, cache_path)) == first


def test_what_is_done_is_kept_when_the_caller_stops(pictures, cache_path):
    reviewed = review_pixels(pictures, cache_path)
    _, facts = next(reviewed)
    reviewed.close()

    assert list(read_pixel_cache(cache_path).values()) == [facts]


def test_damaged_and_missing_pictures_are_findings(pictures, cache_path, tmp_path):
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(pictures[0][0].read_bytes()[:500])

    facts = dict(review_pixels([(damaged, "damaged"), (tmp_path / "none.jpg", "none"), pictures[0]], cache_path))

    assert facts["damaged"].error.startswith("the picture is damaged")
    assert facts["none"].error == "the file cannot be read (No such file or directory)"
    assert facts[pictures[0][1]].error == ""


def test_a_picture_that_crashes_the_decoder_is_a_finding(pictures, cache_path, monkeypatch):
    crash_at(monkeypatch, pictures[20][1])

    reviewed = list(review_pixels(pictures, cache_path))

    assert [name for name, _ in reviewed] == [name for _, name in pictures]
    assert [name for name, facts in reviewed if facts.error] == [pictures[20][1]]
    assert reviewed[20][1] == PixelFacts(None, "the decoder crashes on it")


def test_no_picture_needs_no_cache(cache_path):
    assert list(review_pixels([], cache_path)) == []
    assert not cache_path.exists()


@pytest.mark.shared
def test_near_duplicates_among_the_photographs_are_found(raccoon, cache_path):
    paths = sorted((raccoon / "images").iterdir())

    hashes = {name: facts.dhash for name, facts in review_pixels([(path, path.stem) for path in paths], cache_path)}

    groups = [[name.rpartition("-")[2] for name in group] for group in near_groups(hashes)]
    assert groups == [["11", "116"], ["120", "83"], ["21", "45"], ["50", "52", "74"], ["51", "85"], ["65", "98"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_was_killed(pictures, tmp_path, number):
    code = f"""
import os, time
from pathlib import Path
from edgetrain.images import pixel_facts
def never(data, name):
    Path({str(tmp_path / "at-work")!r}, str(os.getpid())).touch()
    time.sleep(600)
pixel_facts.difference_hash = never
pictures = [(Path(path), name) for path, name in {[(str(path), name) for path, name in pictures]!r}]
list(pixel_facts.review_pixels(pictures, Path({str(tmp_path / "pixels.json")!r})))
"""
    (tmp_path / "at-work").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    until(lambda: any((tmp_path / "at-work").iterdir()))

    parent.send_signal(number)
    parent.wait()

    until(lambda: not any(is_running(int(path.name)) for path in (tmp_path / "at-work").iterdir()))
