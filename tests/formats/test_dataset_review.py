"""The review of many files: on all cores, and what is kept of it."""

from __future__ import annotations

import os
import time

import pytest

from edgetrain.core import helper_process
from edgetrain.formats import dataset_review
from edgetrain.formats.box_rules import BoxLimits
from edgetrain.formats.dataset_folder import find_dataset
from edgetrain.formats.dataset_review import Reviewer, review_dataset
from edgetrain.formats.review_cache import read_cache

LIMITS = BoxLimits(300, 4, 100)


def review(root, cache_path, limits=LIMITS):
    """Return what a review finds."""
    return list(review_dataset(Reviewer(find_dataset(root), limits), cache_path))


@pytest.fixture
def settled(voc_dataset, tmp_path, monkeypatch):
    """Return a dataset that nobody touched for a while, reviewed, and the cache of that."""
    later = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: later)
    review(voc_dataset, tmp_path / "review.json")
    return voc_dataset, tmp_path / "review.json"


@pytest.fixture
def asked(monkeypatch):
    """Return the names of the annotations that are read."""
    names = []
    real = dataset_review.Reviewer.review
    monkeypatch.setattr(Reviewer, "review", lambda self, item: names.append(item.name) or real(self, item))
    return names


def test_several_processes_find_what_one_finds(voc_dataset, tmp_path, monkeypatch):
    (voc_dataset / "annotations" / "0003.xml").write_text("<annotation>")
    alone = review(voc_dataset, tmp_path / "a.json")
    monkeypatch.setattr(dataset_review, "_LEAST_FOR_PROCESSES", 2)
    monkeypatch.setattr(dataset_review, "forking_cores", lambda: 3)

    assert review(voc_dataset, tmp_path / "b.json") == alone
    assert [one.rule for one in alone[3].findings] == ["xml-malformed"]


def test_the_work_of_a_process_that_dies_is_done_all_the_same(voc_dataset, tmp_path, monkeypatch):
    alone = review(voc_dataset, tmp_path / "a.json")
    monkeypatch.setattr(dataset_review, "_LEAST_FOR_PROCESSES", 2)
    monkeypatch.setattr(dataset_review, "forking_cores", lambda: 2)
    monkeypatch.setattr(helper_process, "_send", lambda *_: os._exit(9))

    assert review(voc_dataset, tmp_path / "b.json") == alone


def test_what_did_not_change_is_not_read_again(settled, asked):
    root, cache_path = settled
    (root / "images" / "0004.jpg").write_bytes((root / "images" / "0005.jpg").read_bytes())
    (root / "annotations" / "0007.xml").touch()

    again = review(root, cache_path)

    assert asked == ["annotations/0004.xml", "annotations/0007.xml"]
    assert again == review(root, cache_path.parent / "other.json")


def test_a_picture_that_fits_better_is_found_though_the_annotation_did_not_change(settled, asked):
    root, cache_path = settled
    (root / "images" / "0004.jpg").rename(root / "images" / "0004.png")

    again = review(root, cache_path)

    assert asked == ["annotations/0004.xml"]
    assert again[4].image_name == "images/0004.png"


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data.replace(b"boat", b"goat"), lambda _: b""])
def test_a_damaged_cache_is_made_anew_in_silence(settled, asked, damage):
    root, cache_path = settled
    cache_path.write_bytes(damage(cache_path.read_bytes()))

    review(root, cache_path)

    assert len(asked) == 12
    assert len(read_cache(cache_path, str(LIMITS)).reviewed) == 12


def test_other_limits_are_another_review(settled, asked):
    root, cache_path = settled

    review(root, cache_path, BoxLimits(300, 5, 100))

    assert len(asked) == 12


def test_what_changed_just_now_is_not_kept(voc_dataset, tmp_path):
    review(voc_dataset, tmp_path / "review.json")

    assert len(read_cache(tmp_path / "review.json", str(LIMITS)).reviewed) == 0
