"""What artifacts will put into the store, by their patterns alone."""

import pytest

from ci.gocd.pipelines import Artifact, ArtifactKind, Place
from ci.gocd.store import StoreEntry, entry_at

HERE = Place("one.gocd.yaml", 1)
ABSENT, FILE, FOLDER, EITHER = StoreEntry.ABSENT, StoreEntry.FILE, StoreEntry.FOLDER, StoreEntry.EITHER


def published(source, destination=""):
    return Artifact(HERE, ArtifactKind.BUILD, source, destination)


@pytest.mark.parametrize(
    ("artifact", "path", "expected"),
    [
        pytest.param(published("build/model"), "model", EITHER, id="what has no dot, under its own name"),
        pytest.param(published("build/model"), "model/a.tflite", FILE, id="file in a folder"),
        pytest.param(published("build/model"), "model/v1/a", EITHER, id="what has no dot, in a folder"),
        pytest.param(published("build/model"), "build/model", ABSENT, id="path on the agent"),
        pytest.param(published("build/model", "out/x"), "out", FOLDER, id="above the destination"),
        pytest.param(published("build/model", "out"), "out/model", EITHER, id="below the destination"),
        pytest.param(published("build/model", "out"), "model", ABSENT, id="without the destination"),
        pytest.param(published("a/labels.txt", "out"), "out/labels.txt", FILE, id="file"),
        pytest.param(published("a/labels.txt", "out"), "out/labels.txt/b", ABSENT, id="below a file"),
        pytest.param(published("a/records/*.record-*", "r"), "r/train.record-0", FILE, id="match"),
        pytest.param(published("a/records/*.record-*", "r"), "r/train.csv", ABSENT, id="no match"),
        pytest.param(published("a/records/*.record-*", "r"), "r", FOLDER, id="folder of the matches"),
        pytest.param(published("a/**/*.xml"), "b/c/d.xml", FILE, id="match at any depth"),
        pytest.param(published("a/**/*.xml"), "d.xml", FILE, id="match at no depth"),
        pytest.param(published("a/**/*.xml"), "b/c", FOLDER, id="folder on the way"),
        pytest.param(published("a/*"), "b/c.txt", FILE, id="file in a matched folder"),
        pytest.param(published("a/?.txt"), "bc.txt", ABSENT, id="one letter"),
        pytest.param(published("./a//b.txt", "./c/"), "c/b.txt", FILE, id="detours"),
    ],
)
def test_what_is_at_a_path_follows_from_the_pattern(artifact, path, expected):
    assert entry_at([artifact], path) is expected


def test_any_artifact_of_the_job_may_have_it():
    artifacts = [published("a/labels.txt", "out"), published("a/model.tflite", "out")]

    assert entry_at(artifacts, "out/model.tflite") is FILE


def test_a_job_without_artifacts_has_nothing():
    assert entry_at([], "out") is ABSENT
