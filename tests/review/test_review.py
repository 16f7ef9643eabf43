"""The review of many files: on all cores, and what is kept of it."""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest

from edgetrain.core.system import workers as helper_process
from edgetrain.core.workspace import Workspace
from edgetrain.review import review as dataset_review
from edgetrain.review import stale_reviews
from edgetrain.review.cache import read_cache
from edgetrain.review.review import Reviewer, review_dataset
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.validate import check

LIMITS = BoxLimits(300, 4, 100)


def review(root, cache_path, limits=LIMITS):
    """Return what a review finds."""
    return list(review_dataset(root, limits, cache_path)[1])


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
    monkeypatch.setattr(helper_process, "_serve", lambda *_: os._exit(9))

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
    assert len(read_cache(cache_path, str(LIMITS)).known().reviewed) == 12


def test_other_limits_are_another_review(settled, asked):
    root, cache_path = settled

    review(root, cache_path, BoxLimits(300, 5, 100))

    assert len(asked) == 12


def test_what_changed_just_now_is_not_kept(voc_dataset, tmp_path):
    review(voc_dataset, tmp_path / "review.json")

    assert len(read_cache(tmp_path / "review.json", str(LIMITS)).known().reviewed) == 0


def test_what_is_new_is_written_down_once_that_pays(settled, asked, monkeypatch):
    root, cache_path = settled
    monkeypatch.setattr(dataset_review, "_WORTH_WRITING", 6)
    (root / "annotations" / "0007.xml").touch()
    for _ in range(2):
        review(root, cache_path)
    (root / "annotations" / "0008.xml").touch()
    for _ in range(2):
        review(root, cache_path)

    assert [name[-8:-4] for name in asked] == ["0007", "0007", "0007", "0008"]


@pytest.fixture
def digested(monkeypatch):
    """Return the names of the pictures that are read as a whole."""
    names = []
    real = dataset_review.file_digest
    monkeypatch.setattr(dataset_review, "file_digest", lambda path: names.append(path.name) or real(path))
    return names


def test_only_pictures_with_equal_keys_are_read_once_also_by_two_names(settled, digested):
    root, cache_path = settled
    images = root / "images"
    (images / "0005.jpg").write_bytes((images / "0004.jpg").read_bytes())
    (images / "0006.jpg").unlink()
    os.link(images / "0005.jpg", images / "0006.jpg")

    first = review(root, cache_path)

    assert digested == ["0004.jpg", "0005.jpg"]
    assert len({one.image_digest for one in first[4:7]}) == 1
    assert review(root, cache_path) == first
    assert digested == ["0004.jpg", "0005.jpg"]


def test_a_picture_that_cannot_be_read_again_has_no_digest(settled, monkeypatch):
    root, cache_path = settled
    (root / "images" / "0005.jpg").write_bytes((root / "images" / "0004.jpg").read_bytes())
    monkeypatch.setattr(dataset_review, "file_digest", lambda path: path.with_name("gone").read_bytes())

    assert {one.image_digest for one in review(root, cache_path)} == {""}


def edits(root, chosen):
    """Change files of a dataset at random."""
    annotations, images = root / "annotations", root / "images"
    one, other = (f"{chosen.randrange(14):04}" for _ in range(2))
    source = annotations / f"{other}.xml"
    texts = {
        "copy": source.read_bytes,
        "class": lambda: source.read_bytes().replace(b"boat", chosen.choice([b"buoy", b"baot"])),
        "file": lambda: source.read_bytes().replace(b".jpg", chosen.choice([b".JPG", b"x.jpg"])),
        "broken": lambda: b"<annotation>",
    }
    kind = chosen.choice([*texts, "remove", "twin", "link", "cut", "lose", "rename"])
    picture, target = images / f"{other}.jpg", images / f"{one}.jpg"
    if kind in texts and source.exists():
        (annotations / f"{one}.xml").write_bytes(texts[kind]())
    elif kind == "remove":
        source.unlink(missing_ok=True)
    elif kind == "lose":
        picture.unlink(missing_ok=True)
    elif picture.exists():
        data = picture.read_bytes()
        {
            "twin": lambda: target.write_bytes(data),
            "link": lambda: target.exists() or os.link(picture, target),
            "cut": lambda: picture.write_bytes(data[: len(data) // 2]),
            "rename": lambda: picture.rename(picture.with_suffix(".png")),
        }.get(kind, lambda: None)()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_changed_what_is_kept_gives_the_same_findings(settled, settings, workspace, seed, monkeypatch):
    """Cold and warm are the same, with one process and with two."""
    root, values = settled[0], settings()
    cold_workspace, chosen = Workspace(workspace.root / "cold"), random.Random(seed)  # noqa: S311 - no secret
    for step in range(12):
        for _ in range(chosen.randrange(4)):
            edits(root, chosen)
        monkeypatch.setattr(stale_reviews, "_LEAST_FOR_PROCESSES", 12 if step % 4 == 0 else 5000)
        time.sleep(0.01)  # longer than the tick of the file system's clock
        warm = check(values, workspace)
        shutil.rmtree(cold_workspace.root, ignore_errors=True)
        cold = check(values, cold_workspace)

        assert warm[0] == cold[0]
        assert warm[1].results == cold[1].results
