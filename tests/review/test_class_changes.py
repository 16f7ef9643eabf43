"""What a dataset held before a change is what a review of the former commit would count."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from dataclasses import asdict

import pytest

from edgetrain.core.workspace import Workspace
from edgetrain.dataset.folder import find_dataset
from edgetrain.review.class_changes import annotations_among
from edgetrain.review.validate import check
from tests.conftest import settings_of

OBJECT = "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)


def write(root, name, *classes):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{''.join(map(OBJECT.format, classes))}</annotation>")


def commit(root):
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")


def counts(root, workspace, **settings):
    return check(settings_of(root, workspace, **settings), Workspace(workspace))[1].results


def before(root, tmp_path):
    return asdict(counts(root, tmp_path / "build", validate__since="HEAD")["before"])


def test_changed_new_and_removed_annotations_are_told_apart(tmp_path):
    root = tmp_path / "data"
    for name, classes in {"kept": "a", "changed": "ab", "removed": "cc", "moved": "d"}.items():
        write(root, f"annotations/{name}.xml", *classes)
    commit(root)
    write(root, "annotations/changed.xml", "b", "e")
    write(root, "annotations/new.xml", "a")
    (root / "annotations" / "removed.xml").unlink()
    git(root, "mv", "annotations/moved.xml", "annotations/other.xml")

    assert before(root, tmp_path) == {"pictures": 4, "classes": {"a": 2, "b": 1, "c": 2, "d": 1}}


def test_another_layout_is_no_other_content(tmp_path):
    root = tmp_path / "data"
    for number in range(3):
        write(root, f"{number}.xml", "a")
    commit(root)
    for number in range(3):
        write(root, f"train/Annotations/{number}.xml", "a")
        (root / f"{number}.xml").unlink()

    assert before(root, tmp_path) == {"pictures": 3, "classes": {"a": 3}}


def test_other_xml_files_do_not_count(tmp_path):
    root = tmp_path / "data"
    for name in ("annotations/a.xml", "annotations/.b.xml", "exported.xml", "docs/c.xml"):
        write(root, name, "a")
    commit(root)
    for name in ("annotations/.b.xml", "exported.xml", "docs/c.xml"):
        write(root, name, "a", "a")
    write(root, "more.xml", "a")

    assert before(root, tmp_path) == {"pictures": 1, "classes": {"a": 1}}


def test_what_was_no_annotation_counts_as_a_picture_without_boxes(tmp_path):
    root = tmp_path / "data"
    write(root, "annotations/a.xml", "a")
    write(root, "annotations/b.xml", "a")
    (root / "annotations" / "c.xml").write_text("<broken")
    commit(root)
    write(root, "annotations/c.xml", "b")
    (root / "annotations" / "b.xml").write_text("<broken")

    assert before(root, tmp_path) == {"pictures": 3, "classes": {"a": 2}}


@pytest.mark.parametrize("seed", range(8))
def test_random_edits_leave_what_was_there_before(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    root = tmp_path / "data"
    names = [f"annotations/{place}{number}.xml" for number in range(12) for place in ("", "sub/")]
    for name in names[::2]:
        write(root, name, *chance.choices("abc", k=chance.randrange(4)))
    commit(root)
    known = counts(root, tmp_path / "first")
    for name in chance.sample(names, 10):
        if chance.random() < 0.3:
            (root / name).unlink(missing_ok=True)
        else:
            write(root, name, *chance.choices("abcd", k=chance.randrange(4)))

    assert before(root, tmp_path) == {"pictures": known["images"], "classes": known["classes"]}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["a.xml", "b.XML", ".c.xml", "d.txt", "sub/e.xml"], id="beside the pictures"),
        pytest.param(["Annotations/a.xml", "Annotations/sub/b.xml", "Annotations/.sub/c.xml", "d.xml"], id="VOC"),
        pytest.param(["train/a.xml", "Test/annotations/b.xml", "test/c.xml", "other/d.xml"], id="split folders"),
    ],
)
def test_annotations_are_those_that_the_dataset_has(tmp_path, names):
    for name in names:
        write(tmp_path, name, "a")
    chosen = annotations_among(names, ())

    assert chosen == sorted(item.name for item in find_dataset(tmp_path).items)
    assert Counter(name for name in names if annotations_among([name], chosen)) == Counter(chosen)
