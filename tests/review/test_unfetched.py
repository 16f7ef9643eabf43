"""Data that are not in the clone: one finding for the set, with the command, never the advice to remove anything."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from edgetrain.review.validate import check
from tests.conftest import draw_labelled
from tests.core.system.test_pointers import ANNEX, LFS
from tests.dataset.test_unfetched import OUTS
from tests.review.test_validate import ENVIRONMENT, chosen, git, places
from tests.support.places import PROJECT_DIR

WITHOUT_LFS = shutil.which("git-lfs") is None


def commit(root, message="before"):
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "--all", ".")
    git(root, "commit", "-qm", message)


def found(settings, root, workspace, **changes):
    return check(chosen(settings, root, **changes), workspace)


def test_pointers_in_place_of_pictures_are_one_finding(settings, workspace, voc_dataset):
    for path in (voc_dataset / "images").iterdir():
        path.write_bytes(LFS)

    findings, report = found(settings, voc_dataset, workspace)

    (finding,) = findings
    assert (
        finding.message
        == "12 pictures (of 12 in all) could not be checked: the content in Git LFS is not in this clone."
    )
    assert finding.fix == 'Run "git lfs pull" in it, then run this again. Nothing has to be removed.'
    assert (finding.file, finding.rule, finding.severity) == ("images/0000.jpg", "data-unfetched", "error")
    assert report.results["unjudged"] == 12
    assert "(12 of them not checked, because they are not in this clone)" in report.summary


def test_labels_of_pictures_that_are_pointers_are_reviewed_all_the_same(settings, workspace, voc_dataset):
    (voc_dataset / "images" / "0000.jpg").write_bytes(LFS)
    path = voc_dataset / "annotations" / "0000.xml"
    path.write_text(path.read_text().replace("<xmax>28</xmax>", "<xmax>812</xmax>"))

    findings, _ = found(settings, voc_dataset, workspace)

    assert [(one.file, one.rule) for one in findings] == [
        ("annotations/0000.xml", "box-outside"),
        ("images/0000.jpg", "data-unfetched"),
    ]


def test_pointers_of_several_tools_annotations_too_are_one_finding(settings, workspace, voc_dataset):
    (voc_dataset / "images" / "0000.jpg").write_bytes(LFS)
    (voc_dataset / "annotations" / "0003.xml").write_bytes(ANNEX)

    findings, _ = found(settings, voc_dataset, workspace)

    (finding,) = findings
    assert finding.message.startswith(
        "1 annotation and 1 picture (of 12 in all) could not be checked: the content in Git LFS and"
    )
    assert finding.fix.startswith('Run "git lfs pull" and "git annex get ." in it')


@pytest.mark.parametrize(
    ("target", "command"), [(".git/annex/objects/1", "git annex get"), (".dvc/cache/1", "dvc pull")]
)
def test_links_whose_content_is_not_in_the_store_are_one_finding(settings, workspace, voc_dataset, target, command):
    (voc_dataset / target.partition("/")[0]).mkdir()
    for number in range(3):
        path = voc_dataset / "images" / f"000{number}.jpg"
        path.unlink()
        path.symlink_to(f"../{target}-{number}")

    findings, _ = found(settings, voc_dataset, workspace)

    assert [(one.file, one.rule) for one in findings] == [("images/0000.jpg", "data-unfetched")]
    assert command in findings[0].fix


def test_pictures_that_dvc_has_not_brought_are_one_finding(settings, workspace, voc_dataset):
    (voc_dataset / ".dvc").mkdir()
    shutil.rmtree(voc_dataset / "images")
    (voc_dataset / "images.dvc").write_text(OUTS.format("images"))

    findings, report = found(settings, voc_dataset, workspace)

    (finding,) = findings
    assert (
        finding.message
        == "12 pictures (of 12 in all) could not be checked: the content in DVC is not in this clone (images)."
    )
    assert '"dvc pull"' in finding.fix
    assert report.results["unjudged"] == 12


def test_single_pictures_of_dvc_are_told_from_a_missing_one(settings, workspace, voc_dataset):
    (voc_dataset / ".dvc").mkdir()
    for name in ("0001.jpg", "0002.jpg"):
        (voc_dataset / "images" / name).unlink()
    (voc_dataset / "images" / "0001.jpg.dvc").write_text(OUTS.format("0001.jpg"))

    findings, _ = found(settings, voc_dataset, workspace)

    assert [(one.file, one.rule) for one in findings] == [
        ("annotations/0001.xml", "data-unfetched"),
        ("annotations/0002.xml", "image-missing"),
    ]


def test_labels_that_dvc_has_not_brought_are_not_lost_in_silence(settings, workspace, voc_dataset):
    (voc_dataset / ".dvc").mkdir()
    (voc_dataset / "annotations" / "more.dvc").write_text(OUTS.format("more"))
    (voc_dataset / "model.dvc").write_text(OUTS.format("model"))

    findings, _ = found(settings, voc_dataset, workspace)

    assert places(findings) == [("annotations/more", 1, "data-unfetched")]
    assert findings[0].message == "the content in DVC is not in this clone (annotations/more)."


def test_a_split_that_was_not_brought_explains_no_missing_picture_of_another(settings, workspace, tmp_path):
    root = tmp_path / "dataset"
    for split in ("train", "test"):
        draw_labelled(root / split, split, shade=50 * len(split))
    (root / ".dvc").mkdir()
    for split in ("train", "test"):
        shutil.rmtree(root / split / "images")
    (root / "train" / "images.dvc").write_text(OUTS.format("images"))

    findings, _ = found(settings, root, workspace, validate__rules={"class-missing": "off"})

    assert [(one.file, one.rule) for one in findings] == [
        ("test/annotations/test.xml", "image-missing"),
        ("train/annotations/train.xml", "data-unfetched"),
    ]


def test_a_submodule_that_was_not_fetched_is_one_finding(settings, workspace, voc_dataset):
    commit(voc_dataset)
    shutil.rmtree(voc_dataset / "images")
    (voc_dataset / "images").mkdir()
    (voc_dataset / ".gitmodules").write_text('[submodule "images"]\n\tpath = images\n\turl = ../images.git\n')

    findings, _ = found(settings, voc_dataset, workspace)

    assert [one.rule for one in findings] == ["data-unfetched"]
    assert '"git submodule update --init --recursive"' in findings[0].fix


def test_a_label_map_that_is_a_pointer_is_a_finding(settings, workspace, voc_dataset):
    (voc_dataset / "label_map.pbtxt").write_bytes(LFS)

    findings, _ = found(settings, voc_dataset, workspace)

    assert places(findings) == [("label_map.pbtxt", 1, "data-unfetched")]
    assert '"git lfs pull"' in findings[0].fix


def test_a_review_of_a_change_tells_how_many_of_its_pictures_could_not_be_judged(settings, workspace, voc_dataset):
    for path in (voc_dataset / "images").iterdir():
        path.write_bytes(LFS)
    commit(voc_dataset)
    for number in (2, 3):
        path = voc_dataset / "annotations" / f"000{number}.xml"
        path.write_text(path.read_text().replace("<xmin>4</xmin>", "<xmin>5</xmin>"))
    draw_labelled(voc_dataset, "new", shade=99)

    findings, report = found(settings, voc_dataset, workspace, validate__since="HEAD")

    assert [one.message for one in findings] == [
        "2 pictures (of 3 that changed) could not be checked: the content in Git LFS is not in this clone."
    ]
    assert report.results["unjudged"] == 2


def test_a_change_that_touches_no_such_picture_is_judged(settings, workspace, voc_dataset):
    for path in (voc_dataset / "images").iterdir():
        path.write_bytes(LFS)
    commit(voc_dataset)
    draw_labelled(voc_dataset, "new", shade=99)

    findings, _ = found(settings, voc_dataset, workspace, validate__since="HEAD")

    assert findings == []


@pytest.mark.parametrize("absent", ["images", "annotations/more"])
def test_a_change_that_touches_nothing_of_dvc_is_judged_unless_labels_are_absent(
    settings, workspace, voc_dataset, absent
):
    (voc_dataset / ".dvc").mkdir()
    (voc_dataset / f"{absent}.dvc").write_text(OUTS.format(absent.rpartition("/")[2]))
    shutil.rmtree(voc_dataset / "images")
    commit(voc_dataset)
    (voc_dataset / "README").write_text("changed")

    findings, _ = found(settings, voc_dataset, workspace, validate__since="HEAD")

    assert places(findings) == ([("annotations/more", 1, "data-unfetched")] if "more" in absent else [])


@pytest.mark.parametrize("changed", ["images.dvc", "dvc.lock"])
def test_a_change_of_what_dvc_keeps_concerns_its_pictures(settings, workspace, voc_dataset, changed):
    (voc_dataset / ".dvc").mkdir()
    (voc_dataset / changed).write_text(OUTS.format("images"))
    shutil.rmtree(voc_dataset / "images")
    commit(voc_dataset)
    (voc_dataset / changed).write_text(OUTS.format("images") + "# others\n")

    findings, report = found(settings, voc_dataset, workspace, validate__since="HEAD")

    assert [one.message for one in findings] == [
        "12 pictures (of 12 that changed) could not be checked: the content in DVC is not in this clone (images)."
    ]
    assert report.results["unjudged"] == 12


def test_a_change_of_a_submodule_that_was_not_fetched_concerns_its_pictures(settings, workspace, voc_dataset, tmp_path):
    """A real one: a change of pictures in a submodule is nothing but another commit of it."""
    pictures = tmp_path / "pictures"
    (voc_dataset / "images").rename(pictures)
    commit(pictures)
    commit(voc_dataset)
    allowed = ("-c", "protocol.file.allow=always")
    git(voc_dataset, *allowed, "submodule", "--quiet", "add", f"file://{pictures}", "images")
    commit(voc_dataset)
    (pictures / "note").write_text("another commit")
    commit(pictures)
    git(voc_dataset, *allowed, "submodule", "--quiet", "update", "--remote")
    commit(voc_dataset)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", f"file://{voc_dataset}", str(clone))

    findings, _ = found(settings, clone, workspace, validate__since="HEAD~1")
    git(clone, *allowed, "submodule", "--quiet", "update", "--init")
    after, _ = found(settings, clone, workspace, validate__since="HEAD~1")

    assert [(one.rule, one.message.partition(":")[0]) for one in findings] == [
        ("data-unfetched", "12 pictures (of 12 that changed) could not be checked")
    ]
    assert after == []


def test_what_was_brought_later_is_judged_then(settings, workspace, voc_dataset):
    picture = voc_dataset / "images" / "0001.jpg"
    content = picture.read_bytes()
    picture.write_bytes(LFS)
    assert len(found(settings, voc_dataset, workspace)[0]) == 1
    picture.write_bytes(content)

    assert found(settings, voc_dataset, workspace)[0] == []


@pytest.mark.skipif(WITHOUT_LFS, reason="git-lfs is not installed")
def test_a_real_clone_with_git_lfs_goes_from_one_finding_to_none(voc_dataset, tmp_path):
    """The command of the workflow, before and after the command that the finding names."""
    git(voc_dataset, "init", "-q", "-b", "main")
    git(voc_dataset, "lfs", "install", "--local")
    git(voc_dataset, "lfs", "track", "*.jpg")
    commit(voc_dataset)
    skipping = {**ENVIRONMENT, "GIT_LFS_SKIP_SMUDGE": "1"}
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"file://{voc_dataset}", str(clone)], check=True, env=skipping)
    options = ["--workspace", str(tmp_path / "build"), "--format", "github"]
    command = [sys.executable, "ci/program.py", "validate", "--dataset", str(clone), *options]

    before = subprocess.run(command, cwd=PROJECT_DIR, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    git(clone, "lfs", "pull")
    after = subprocess.run(command, cwd=PROJECT_DIR, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    errors = [line for line in before.stdout.splitlines() if line.startswith("::error")]
    assert (before.returncode, len(errors)) == (1, 1)
    assert "12 pictures (of 12 in all) could not be checked" in errors[0]
    assert (after.returncode, "::error" in after.stdout) == (0, False)
