"""Artifacts lie where GoCD puts them, and are fetched as GoCD fetches them."""

from __future__ import annotations

import pytest

from ci.gocd.artifact_store import ArtifactError, ArtifactStore, JobLocator
from ci.gocd.pipelines import Artifact, ArtifactKind, Fetch, Place

PLACE = Place("one.gocd.yaml", 7)
MAKER = JobLocator("one", 3, "make", "build")


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def job_dir(tmp_path):
    """Return a job's folder with ``out/a.txt``, ``out/in/b.txt`` and ``c.txt``."""
    root = tmp_path / "job"
    (root / "out/in").mkdir(parents=True)
    for name in ("out/a.txt", "out/in/b.txt", "c.txt"):
        (root / name).write_text(name)
    return root


@pytest.fixture
def publish(store, job_dir):
    """Return a function that publishes artifacts and returns success, files and lines."""

    def do(*pairs, kind=ArtifactKind.BUILD):
        lines = []
        artifacts = [Artifact(PLACE, kind, source, destination) for source, destination in pairs]
        is_good = store.publish(MAKER, job_dir, artifacts, lines.append)
        return is_good, files_below(store.folder(MAKER)), lines

    return do


def files_below(folder):
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith("cruise-output/"))


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        pytest.param("c.txt", "", ["c.txt"], id="file"),
        pytest.param("out/a.txt", "to", ["to/a.txt"], id="file below a folder"),
        pytest.param("out", "", ["out/a.txt", "out/in/b.txt"], id="folder"),
        pytest.param("out", "to", ["to/out/a.txt", "to/out/in/b.txt"], id="folder into a folder"),
        pytest.param("out/*.txt", "to", ["to/a.txt"], id="wildcard"),
        pytest.param("out/*", "to", ["to/a.txt", "to/in/b.txt"], id="wildcard for files and folders"),
        pytest.param("out/**/*.txt", "to", ["to/a.txt", "to/in/b.txt"], id="what follows the fixed part stays"),
        pytest.param("*/a.txt", "to", ["to/out/a.txt"], id="nothing is fixed"),
    ],
)
def test_what_matches_lands_where_gocd_puts_it(publish, source, destination, expected):
    assert publish((source, destination)) == (True, expected, [])


def test_a_missing_build_artifact_fails_and_the_others_are_published_all_the_same(publish):
    is_good, files, lines = publish(("nothing", ""), ("c.txt", ""))

    assert not is_good
    assert files == ["c.txt"]
    assert lines == ["The rule [nothing] cannot match any resource (one.gocd.yaml:7). This fails the job."]


def test_a_missing_test_artifact_does_not_fail(publish):
    is_good, _, lines = publish(("nothing.xml", "testoutput"), kind=ArtifactKind.TEST)

    assert is_good
    assert lines == ["The test artifact nothing.xml was not found (one.gocd.yaml:7). The result stays as it is."]


def test_a_file_that_is_published_twice_fails(publish):
    is_good, _, lines = publish(("c.txt", "to"), ("*.txt", "to"))

    assert not is_good
    assert lines == ["to/c.txt: published twice. Give one of them another destination."]


@pytest.fixture
def fetch(store, publish, tmp_path):
    """Return a function that fetches from a job with ``to/a.txt`` and ``out``, and returns count and files."""
    publish(("out/a.txt", "to"), ("out", ""))

    def do(source, destination="", *, is_file=False):
        task = Fetch(PLACE, "make", "build", source, destination=destination, is_file=is_file)
        count = store.fetch(MAKER, task, tmp_path / "other")
        return count, files_below(tmp_path / "other")

    return do


def test_a_folder_is_fetched_under_its_own_name(fetch):
    assert fetch("out", "got") == (2, ["got/out/a.txt", "got/out/in/b.txt"])


def test_a_file_is_fetched_into_the_destination(fetch):
    assert fetch("to/a.txt", "got", is_file=True) == (1, ["got/a.txt"])


def test_what_is_fetched_joins_what_is_there(fetch):
    fetch("out/in", "got/out")

    assert fetch("out", "got") == (2, ["got/out/a.txt", "got/out/in/b.txt"])


@pytest.mark.parametrize(
    ("source", "is_file", "message"),
    [
        pytest.param(
            "nothing", False, r"nothing: no such artifact of .*\(one.gocd.yaml:7\); it has: out, to", id="absent"
        ),
        pytest.param("nothing", True, "GoCD tries 4 times", id="tries"),
        pytest.param("./out", False, "no such artifact", id="dot"),
        pytest.param("to/a.txt", False, "is a file .* Add is_file: true", id="file without is_file"),
        pytest.param("out", True, "is a folder .* Leave out is_file: true", id="folder with is_file"),
    ],
)
def test_what_cannot_be_fetched_says_why(fetch, source, is_file, message):
    with pytest.raises(ArtifactError, match=message):
        fetch(source, is_file=is_file)


def test_a_file_that_was_changed_in_the_store_is_refused(fetch, store):
    (store.folder(MAKER) / "to/a.txt").write_text("changed")

    with pytest.raises(ArtifactError, match=r"to/a\.txt of one/3/make/1/build is not what was published"):
        fetch("to/a.txt", is_file=True)
