"""A small hostile pull request through the workflow's command: nothing runs, nothing is told. All: ``ci.soak``."""

from __future__ import annotations

import pytest

from tests.soak.hostile import MOST_BYTES, Hostile


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    made = Hostile(tmp_path_factory.mktemp("hostile"))
    made.plant(100, large_bytes=2_000_000)
    return made


@pytest.mark.parametrize("options", [(), ("--pixels",)], ids=["as the workflow", "with pixels"])
def test_a_hostile_pull_request_ends_in_findings_and_breaks_no_promise(hostile, options):
    cost = hostile.review(*options)

    assert hostile.broken_promises(cost) == []
    assert cost.most_bytes < MOST_BYTES
    for finding in (
        "annotations/link0.xml:1: error: it is a link that points outside the dataset, to /etc/passwd.",
        "annotations/link2.xml:1: error: it is a link that points outside the dataset, to /dev/zero.",
        "annotations/everything:1: error: a link points outside the dataset, to /.",
        "images/everything:1: error: a link points outside the dataset, to /.",
        "annotations/bomb.xml:1: error: the file declares a document type or",
        "annotations/hidden-bomb.xml:1: error: the file declares a document type or",
        "images/huge.png:1: error: the picture's header states 60000x60000 pixels",
        "label_map.pbtxt:1: error: ",
        "splits/validation.txt:1: error: not UTF-8 text",
        "images/drawing.jpg:1: error: the file is not a picture",
        "annotations/numbers.xml:1: error: ",
        "splits/train.txt:2: error: '../../secret' is not the",
    ):
        assert f"\n{finding}" in cost.output, finding


def test_the_checks_of_the_set_itself_can_fail(hostile):
    cost = hostile.review()
    hostile.mark.touch()
    bad = cost._replace(code=0, output="::warning::x\n\x1b[0mroot:x:0:0\nTraceback (most recent call last)")

    broken = hostile.broken_promises(bad)

    hostile.mark.unlink()
    assert [one.partition(":")[0].partition(" [")[0] for one in broken] == [
        "exit code 0",
        "something of the dataset ran",
        "root",
        "raw",
        "a traceback was printed",
        "a command of a stranger",
    ]
