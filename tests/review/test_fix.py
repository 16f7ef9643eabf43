"""Repairs of a dataset: what has one right answer is shown, then written; everything else stays as it is."""

from __future__ import annotations

import os
import subprocess

import pytest
from PIL import Image

from edgetrain.core.errors import DatasetError, StorageError
from edgetrain.core.system.folders import tree_digest
from edgetrain.dataset.folder import find_dataset
from edgetrain.review import validate
from edgetrain.review.fix import run
from edgetrain.review.repair import dataset as dataset_repair
from tests.conftest import draw_labelled

SIZE = "<width>64</width>\n\t\t<height>48</height>"
ORIENTATION = 0x0112


def edit(root, stem, old, new):
    """Replace a text in an annotation."""
    path = root / "annotations" / f"{stem}.xml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def save_turned(path, size=(48, 64), orientation=6):
    """Write a picture that its EXIF data turn."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.new("RGB", size, (9, 99, 9)).save(path, path.suffix[1:].replace("jpg", "jpeg"), exif=exif)


def rules_found(settings, workspace):
    """Return the rules of which validate finds a breach."""
    return {finding.rule for finding in validate.check(settings, workspace)[0]}


@pytest.fixture
def faulty(voc_dataset):
    """Return a dataset with one fault of each kind that can be repaired."""
    edit(voc_dataset, "0000", "<xmax>28</xmax>", "<xmax>65.5</xmax>")
    edit(voc_dataset, "0001", SIZE, "<width>0</width>\n\t\t<height>0</height>")
    edit(voc_dataset, "0002", "<filename>0002.jpg", "<filename>old.jpg")
    Image.open(voc_dataset / "images" / "0003.jpg").save(voc_dataset / "images" / "0003.jpg", "PNG")
    save_turned(voc_dataset / "images" / "0004.jpg")
    edit(voc_dataset, "0006", "<filename>0006.jpg</filename>", "")
    edit(voc_dataset, "0007", f"<size>\n\t\t{SIZE}\n\t\t<depth>3</depth>\n\t</size>", "")
    return voc_dataset


def test_every_fault_with_one_right_answer_is_listed_and_nothing_is_written(settings, workspace, faulty):
    before = tree_digest(faulty)

    report = run(settings(faulty), workspace)

    assert [(change["file"], change["rule"]) for change in report.results["changes"]] == [
        ("annotations/0000.xml", "box-outside"),
        ("annotations/0001.xml", "size-mismatch"),
        ("annotations/0002.xml", "filename-mismatch"),
        ("annotations/0003.xml", "filename-mismatch"),
        ("annotations/0006.xml", "filename-mismatch"),
        ("annotations/0007.xml", "size-missing"),
        ("images/0003.jpg", "image-extension"),
        ("images/0004.jpg", "exif-orientation"),
    ]
    assert tree_digest(faulty) == before
    assert report.summary == "8 changes to make, 0 to fix by hand"


def test_the_text_is_a_diff_a_list_and_what_to_do(settings, workspace, faulty):
    text = run(settings(faulty), workspace).results["text"]

    assert "--- a/annotations/0000.xml\n+++ b/annotations/0000.xml\n" in text
    assert "\n-\t\t\t<xmax>65.5</xmax>\n+\t\t\t<xmax>64</xmax>\n" in text
    assert "\nrename images/0003.jpg to images/0003.png\n" in text
    assert "\n  annotations/0001.xml:8: <size> 0x0 → 64x48 [size-mismatch]\n" in text
    assert text.endswith(
        '8 changes to make, 0 to fix by hand.\nNothing was written. "ci/inv fix --apply" writes the changes.'
    )


def test_after_it_validate_has_nothing_to_say_and_fix_neither(settings, workspace, faulty):
    report = run(settings(faulty, fix__apply=True), workspace)

    assert report.summary == "8 changes made, 0 to fix by hand"
    assert rules_found(settings(faulty), workspace) <= {"class-rare"}
    assert run(settings(faulty, fix__apply=True), workspace).summary == "0 changes made, 0 to fix by hand"


def test_the_rest_of_a_file_stays_byte_for_byte(settings, workspace, voc_dataset):
    path = voc_dataset / "annotations" / "0000.xml"
    text = '<?xml version="1.0" encoding="utf-16"?><!-- ü -->\n' + path.read_text().replace("<xmax>28<", "<xmax> 65<")
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-16"))

    run(settings(voc_dataset, fix__apply=True), workspace)

    assert path.read_bytes() == text.replace("> 65<", "> 64<").replace("\n", "\r\n").encode("utf-16")


def test_the_files_as_they_were_are_kept_where_git_does_not_hold_them(settings, workspace, faulty):
    old = (faulty / "annotations" / "0000.xml").read_bytes(), (faulty / "images" / "0003.jpg").read_bytes()

    run(settings(faulty, fix__apply=True), workspace)

    kept = workspace.fix_backup_dir(1)
    assert ((kept / "annotations" / "0000.xml").read_bytes(), (kept / "images" / "0003.jpg").read_bytes()) == old
    assert not (kept / "annotations" / "0005.xml").exists()


@pytest.fixture
def committed(faulty):
    """Return the faulty dataset as a git repository, and a function that runs git there."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=faulty, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    return faulty


def test_what_git_holds_needs_no_copy(settings, workspace, committed):
    text = run(settings(committed, fix__apply=True), workspace).results["text"]

    assert text.endswith("git has the files as they were.")
    assert not workspace.fix_backup_dir(1).exists()


def test_a_file_with_uncommitted_changes_stops_it_before_anything_is_written(settings, workspace, committed):
    edit(committed, "0007", "<difficult>0<", "<difficult>1<")
    before = tree_digest(committed)

    with pytest.raises(DatasetError, match=r"annotations/0007.xml: changed since the last commit.*Commit or stash"):
        run(settings(committed, fix__apply=True), workspace)

    assert tree_digest(committed) == before


def test_uncommitted_changes_elsewhere_do_not_matter(settings, workspace, committed):
    edit(committed, "0005", "<segmented>0<", "<segmented>1<")

    assert run(settings(committed, fix__apply=True), workspace).summary == "8 changes made, 0 to fix by hand"


@pytest.mark.parametrize("step", range(1, 12))
def test_cut_anywhere_every_file_is_old_or_new_and_the_next_run_completes_it(
    settings, workspace, faulty, monkeypatch, step
):
    steps = iter(range(1, step + 1))

    def cut(real):
        def call(*given):
            if next(steps, None) is None:
                raise KeyboardInterrupt
            return real(*given)

        return call

    with monkeypatch.context() as patched:
        for name in ("_write", "_move"):
            patched.setattr(dataset_repair, name, cut(getattr(dataset_repair, name)))
        patched.setattr(dataset_repair.os, "link", cut(dataset_repair.os.link))
        try:
            run(settings(faulty, fix__apply=True), workspace)
        except KeyboardInterrupt:
            assert step < 9

    run(settings(faulty, fix__apply=True), workspace)

    assert rules_found(settings(faulty), workspace) <= {"class-rare"}
    assert sorted(path.name for path in (faulty / "images").iterdir())[3] == "0003.png"
    assert len(list((faulty / "images").iterdir())) == 12


def test_a_rename_that_left_both_names_is_completed(settings, workspace, faulty):
    os.link(faulty / "images" / "0003.jpg", faulty / "images" / "0003.png")

    run(settings(faulty, fix__apply=True), workspace)

    assert not (faulty / "images" / "0003.jpg").exists()
    assert rules_found(settings(faulty), workspace) <= {"class-rare"}


def test_a_name_that_was_taken_meanwhile_is_never_overwritten(faulty):
    repairs, _ = dataset_repair.plan_repairs(find_dataset(faulty))
    other = faulty / "images" / "0003.png"
    other.write_bytes(b"mine")

    with pytest.raises(StorageError, match=r"0003.png: File exists"):
        dataset_repair.apply_repairs(faulty, repairs)

    assert other.read_bytes() == b"mine"


LEFT = [
    pytest.param("<xmax>28</xmax>", "<xmax>67</xmax>", "overhangs by 3 pixels", id="far overhang"),
    pytest.param("<xmin>4<", "<xmin>64<", "is inverted", id="inverted box"),
    pytest.param(SIZE, SIZE.replace("64", "128").replace("48", "96"), "may have been resized", id="resized"),
    pytest.param(SIZE, "<width>48</width>\n\t\t<height>64</height>", "may have been turned", id="turned"),
    pytest.param("<width>64</width>", "<width>6_4</width>", "not checked, because", id="fault of form"),
    pytest.param("<width>64</width>", "<width>0&#48;</width>", "edited by hand: <width> holds more", id="reference"),
]


@pytest.mark.parametrize(("old", "new", "reason"), LEFT)
def test_what_is_open_to_doubt_is_left_and_said(settings, workspace, voc_dataset, old, new, reason):  # noqa: PLR0913, PLR0917
    edit(voc_dataset, "0000", old, new)
    before = tree_digest(voc_dataset)

    report = run(settings(voc_dataset, fix__apply=True), workspace)

    assert tree_digest(voc_dataset) == before
    assert report.results["changes"] == []
    assert [reason in left["text"] for left in report.results["left"]] == [True]


@pytest.mark.parametrize(
    ("size", "orientation"),
    [
        pytest.param((64, 48), 6, id="boxes drawn on the stored pixels"),
        pytest.param((48, 64), 3, id="half a turn, wrong size"),
        pytest.param((48, 48), 6, id="square"),
    ],
)
def test_a_turned_picture_whose_boxes_are_not_certain_is_left(settings, workspace, voc_dataset, size, orientation):
    save_turned(voc_dataset / "images" / "0000.jpg", size, orientation)
    before = tree_digest(voc_dataset)

    report = run(settings(voc_dataset, fix__apply=True), workspace)

    assert tree_digest(voc_dataset) == before
    left = [one for one in report.results["left"] if one["rule"] == "exif-orientation"]
    assert len(left) == (0 if size == (64, 48) else 1)


def test_a_name_in_use_is_left(settings, workspace, faulty):
    draw_labelled(faulty, "other", suffix=".png")
    (faulty / "images" / "other.png").rename(faulty / "images" / "0003.PNG")
    (faulty / "annotations" / "other.xml").unlink()

    left = run(settings(faulty, fix__apply=True), workspace).results["left"]

    assert [one["text"] for one in left] == ["the picture is PNG, but images/0003.png exists already"]


def test_a_picture_of_two_annotations_is_left(settings, workspace, voc_dataset):
    edit(voc_dataset, "0001", "<filename>0001.jpg", "<filename>0000.jpg")

    left = run(settings(voc_dataset, fix__apply=True), workspace).results["left"]

    assert {one["rule"] for one in left} == {"image-shared"}


def test_a_damaged_picture_is_not_turned_and_the_rest_is_repaired(settings, workspace, faulty):
    path = faulty / "images" / "0004.png"
    save_turned(path)
    path.write_bytes(damaged := path.read_bytes().replace(b"IDAT", b"IDATxx"))
    path.replace(faulty / "images" / "0004.jpg")

    report = run(settings(faulty, fix__apply=True), workspace)

    assert [one["rule"] for one in report.results["left"]] == ["image-unreadable"]
    assert (faulty / "images" / "0004.jpg").read_bytes() == damaged
    assert (faulty / "images" / "0003.png").exists()


def test_what_is_left_is_listed_by_rule_as_validate_has_it(settings, workspace, voc_dataset):
    for number in (1, 2, 3):
        edit(voc_dataset, f"000{number}", "<xmin>4<", "<xmin>64<")

    report = run(settings(voc_dataset), workspace)
    assert report.summary == "0 changes to make, 3 to fix by hand"
    assert report.results["left_rules"] == {"box-inverted": 3}
    assert "To fix by hand:\n  box-inverted (3):\n    annotations/0001.xml:" in report.results["text"]
