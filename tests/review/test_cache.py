"""The file of what is known of a dataset: what is written is read, anything else is nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrain.core.findings import Finding
from edgetrain.review import cache
from edgetrain.review.cache import Cache, Entry, KnownReviews, Stamp, read_cache, write_cache
from edgetrain.review.reviewed import Reviewed
from tests.support.places import PROJECT_DIR
from tests.support.rule_material import INSIDE, reviewed

FAULT = Finding("annotations/a\udcff.xml", 3, "class-rare", "warning", "m", "f")
ENTRIES = [
    Entry(Stamp(10, 1, 20, 2), reviewed("a\udcff", "1", INSIDE, findings=(FAULT,))),
    Entry(Stamp(30, 3), Reviewed("annotations/b.xml", is_read=False)),
]


def known(entries=ENTRIES):
    """Return what is known of some annotations."""
    rows = [entry.to_row() for entry in entries]
    return KnownReviews({name: [row[name] for row in rows] for name in rows[0]})


def entries(some):
    """Return what is known, one by one."""
    stamps = map(Stamp, *(some.columns[name] for name in Stamp._fields))
    return [Entry(stamp, one) for stamp, one in zip(stamps, some.reviewed)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the bytes of a cache and a path for others."""
    path = tmp_path_factory.mktemp("cache") / "review.json"
    write_cache(path, "key", known())
    return path.read_bytes(), path


def test_what_is_written_is_read_file_names_that_are_no_text_too(tmp_path):
    write_cache(tmp_path / "review.json", "key", known())

    assert entries(read_cache(tmp_path / "review.json", "key").known()) == ENTRIES


def test_another_key_and_an_absent_file_are_nothing(written):
    others = [read_cache(written[1], "other"), read_cache(written[1].parent / "absent", "key")]

    assert [entries(other.known()) for other in others] == [[], []]
    assert [any(other.files()) for other in others] == [False, False]


@settings(max_examples=50)
@given(st.data())
def test_a_damaged_file_is_nothing(written, data):
    whole, path = written
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.integers(0, 3))
    damaged = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + cut :]
    path.write_bytes(damaged)

    assert entries(read_cache(path, "key").known()) == (ENTRIES if damaged == whole else [])


def test_the_files_are_known_with_their_state():
    columns = Cache([json.dumps(column).encode() for column in known().columns.values()]).files()

    assert list(zip(*columns)) == [(one.reviewed.name, one.reviewed.image_name, *one.stamp) for one in ENTRIES]


def test_another_order_leaves_empty_stamps_where_nothing_is_known():
    arranged = known().arranged(["annotations/0.xml", "annotations/b.xml"])

    assert [stamp for stamp, _ in entries(arranged)] == [Stamp(), ENTRIES[1].stamp]
    assert arranged.reviewed[1] == ENTRIES[1].reviewed


def test_only_what_was_left_alone_is_settled():
    assert [entries(known().settled(moment)) for moment in (20, 21, 31)] == [[], ENTRIES[:1], ENTRIES]


def test_reviews_are_put_in_their_places():
    some, row = known(), Entry(Stamp(7, 7), Reviewed("annotations/b.xml", is_read=True)).to_row()

    some.put([1], [row])
    some.forget([0])

    assert [stamp for stamp, _ in entries(some)] == [Stamp(0, 1, 20, 2), Stamp(7, 7)]
    assert some.reviewed[1] == Reviewed("annotations/b.xml", is_read=True)


def test_every_module_that_makes_a_review_belongs_to_what_the_cache_depends_on():
    """Else a changed rule would go unnoticed: what was found before would be shown again."""
    code = "import sys; import edgetrain.review.review; print(*(n for n in sys.modules if n.startswith('edgetrain.')))"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)

    rooms = {name.split(".")[1] for name in done.stdout.split()}

    assert {"core", "images", "annotations", "dataset", "review"} <= rooms
    assert rooms - {"tensorflow_setup"} == set(cache._ROOMS), "what prepares TensorFlow makes no review"
