"""Dividing a dataset: complete, disjoint, stable, identical pictures together; the dataset's own division wins."""

from __future__ import annotations

import shutil

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_digest
from edgetrain.dataset.division import read_split_list, write_split_list
from edgetrain.dataset.split import run
from edgetrain.images.pixel_facts import PixelFacts, write_pixel_cache
from tests.conftest import draw_labelled


def lists(workspace):
    """Return the names in the list of each split."""
    return {split: [listed.name for listed in read_split_list(workspace.split_path(split))] for split in Split}


def test_every_picture_is_in_one_list(settings, workspace, voc_dataset):
    report = run(settings(voc_dataset), workspace)

    names = [name for listed in lists(workspace).values() for name in listed]
    assert sorted(names) == [f"annotations/{number:04d}.xml" for number in range(12)]
    assert all(lists(workspace).values())
    assert report.summary.startswith("12 pictures: train ")


def test_the_report_counts_each_split(settings, workspace, voc_dataset):
    report = run(settings(voc_dataset), workspace)

    splits = report.results["splits"]
    assert (report.results["division"], report.results["groups"]) == ("made", 12)
    assert sum(figures["images"] for figures in splits.values()) == 12
    assert sum(figures["boxes"] for figures in splits.values()) == 16
    assert sum(figures["negatives"] for figures in splits.values()) == 1
    assert all(sum(figures["classes"].values()) == figures["boxes"] for figures in splits.values())


def test_a_second_run_gives_the_same_bytes(settings, workspace, voc_dataset):
    contents = []
    for _ in range(2):
        run(settings(voc_dataset), workspace)
        contents.append([workspace.split_path(split).read_bytes() for split in Split])

    assert contents[0] == contents[1]


def test_a_new_picture_moves_no_old_one(settings, workspace, voc_dataset):
    run(settings(voc_dataset), workspace)
    before = lists(workspace)
    draw_labelled(voc_dataset, "new", shade=3)

    run(settings(voc_dataset), workspace)

    after = lists(workspace)
    assert {split: [name for name in names if "new" not in name] for split, names in after.items()} == before


def test_identical_pictures_stay_together(settings, workspace, voc_dataset):
    """Twelve copies, each with an annotation of its own, follow the first one's name."""
    for number in range(12):
        draw_labelled(voc_dataset, f"copy{number}", shade=7)

    run(settings(voc_dataset), workspace)

    assert sum(any("copy" in name for name in names) for names in lists(workspace).values()) == 1


@pytest.mark.parametrize("shares", [{"split__validation": 0}, {"split__test": 0}])
def test_a_share_of_0_gives_an_empty_list(settings, workspace, voc_dataset, shares):
    run(settings(voc_dataset, **shares), workspace)

    empty = [split.value for split, names in lists(workspace).items() if not names]
    assert [f"split__{name}" for name in empty] == list(shares)


def divide(root, **names):
    """Commit lists of pictures by number."""
    for split, numbers in names.items():
        write_split_list(root / "splits" / f"{split}.txt", [f"annotations/{number:04d}.xml" for number in numbers])


def test_a_division_of_the_dataset_is_kept(settings, workspace, voc_dataset):
    divide(voc_dataset, train=range(2, 12), validation=[1], test=[0])

    report = run(settings(voc_dataset, split__seed=5), workspace)

    assert lists(workspace)[Split.TEST] == ["annotations/0000.xml"]
    assert report.results["division"] == "splits"
    assert report.notes[0] == "the dataset's own division is kept (splits)"


def test_what_a_division_lacks_is_noted(settings, workspace, voc_dataset):
    shutil.copy(voc_dataset / "images" / "0003.jpg", voc_dataset / "images" / "0002.jpg")
    divide(voc_dataset, train=[0, 1, 2, 6], test=[3])

    report = run(settings(voc_dataset), workspace)

    assert report.summary == "5 pictures: train 3, validation 1, test 1"
    assert report.notes[1:4] == (
        (
            "the dataset's own division has no validation split: 1 picture of train choose the model, "
            "3 remain for training (split.validation 0: use none)"
        ),
        "7 annotations are in no list of the division, so they are not used",
        (
            "identical pictures, or augmented copies of one, stand in test and train: annotations/0002.xml, "
            "annotations/0003.xml"
        ),
    )


def test_a_class_that_a_split_lacks_is_noted(settings, workspace, voc_dataset):
    divide(voc_dataset, train=[0, 1, 2], validation=[3], test=[5])

    report = run(settings(voc_dataset), workspace)

    assert report.notes[-1] == "test has no box of boat, fish, house"


@pytest.mark.parametrize("present", ["train", "test"])
def test_a_division_without_training_or_test_pictures_is_an_error(settings, workspace, voc_dataset, present):
    divide(voc_dataset, **{present: range(12)})
    absent = {"train": "test", "test": "train"}[present]

    with pytest.raises(
        DatasetError, match=rf"own division \(splits\) has no picture for {absent}\. Add some, or remove"
    ):
        run(settings(voc_dataset), workspace)
    assert not workspace.splits_dir.exists()


def test_faults_of_the_lists_are_all_told(settings, workspace, voc_dataset):
    divide(voc_dataset, train=[0, 77], test=[0])

    expected = r"(?s)^splits: the lists .*splits/test.txt:1: error: .*already.*splits/train.txt:2: .*not the name"
    with pytest.raises(DatasetError, match=expected):
        run(settings(voc_dataset), workspace)


def test_too_few_pictures_are_an_error(settings, workspace, tmp_path):
    draw_labelled(tmp_path / "dataset", "a")

    with pytest.raises(DatasetError, match="1 group of pictures cannot fill 3 splits"):
        run(settings(), workspace)


def see_alike(workspace, root, *stems):
    """Note in the pixel cache that some pictures look nearly the same."""
    digests = [file_digest(root / "images" / f"{stem}.jpg") for stem in stems]
    write_pixel_cache(
        workspace.pixel_cache_path, {digest: PixelFacts(0xF0 ^ bit) for bit, digest in enumerate(digests)}
    )


def splits_by_stem(workspace):
    return {name[12:-4]: split for split, names in lists(workspace).items() for name in names}


def test_pictures_that_look_nearly_the_same_stay_together(settings, workspace, voc_dataset):
    see_alike(workspace, voc_dataset, "0000", "0003", "0006", "0009")

    report = run(settings(voc_dataset), workspace)

    splits = splits_by_stem(workspace)
    assert len({splits[stem] for stem in ("0000", "0003", "0006", "0009")}) == 1
    assert report.results["groups"] == 9
    assert sum(figures["groups"] for figures in report.results["splits"].values()) == 9


def test_pictures_seen_later_do_not_move_but_new_ones_between_them_are_left_out(settings, workspace, voc_dataset):
    run(settings(voc_dataset), workspace)
    before = splits_by_stem(workspace)
    parted = [next(stem for stem in before if before[stem] is split) for split in (Split.TRAIN, Split.TEST)]
    draw_labelled(voc_dataset, "new", shade=3)
    see_alike(workspace, voc_dataset, *parted, "new")

    report = run(settings(voc_dataset), workspace)

    assert splits_by_stem(workspace) == before
    assert report.results["left_out"] == {"annotations/new.xml": ["train", "test"]}
    assert report.summary.startswith("13 pictures: train ")
    assert report.summary.endswith(", left out 1")
    assert any("stand in test and train: annotations/" in note for note in report.notes)
    assert any(note.endswith("so they are not used: annotations/new.xml") for note in report.notes)


def test_a_new_picture_follows_the_one_that_it_looks_like(settings, workspace, voc_dataset):
    run(settings(voc_dataset), workspace)
    tested = next(stem for stem, split in splits_by_stem(workspace).items() if split is Split.TEST)
    for number in range(4):
        draw_labelled(voc_dataset, f"new{number}", shade=3 + number)
    see_alike(workspace, voc_dataset, tested, *(f"new{number}" for number in range(4)))

    run(settings(voc_dataset), workspace)

    assert {splits_by_stem(workspace)[f"new{number}"] for number in range(4)} == {Split.TEST}


@pytest.mark.parametrize(("is_recorded", "together"), [(True, 1), (False, 2)])
def test_lists_of_unknown_origin_keep_the_seen_apart(settings, workspace, voc_dataset, is_recorded, together):
    """Groups that change would move their pictures; with another seed all move anyway."""
    run(settings(voc_dataset), workspace)
    before = splits_by_stem(workspace)
    parted = [next(stem for stem in before if before[stem] is split) for split in (Split.TRAIN, Split.TEST)]
    see_alike(workspace, voc_dataset, *parted)
    if not is_recorded:
        workspace.split_record_path.unlink()

    run(settings(voc_dataset, split__seed=int(is_recorded)), workspace)

    assert len({splits_by_stem(workspace)[stem] for stem in parted}) == together
    assert is_recorded or splits_by_stem(workspace) == before


def test_frames_of_one_video_stay_together(settings, workspace, voc_dataset):
    for number in range(12):
        draw_labelled(voc_dataset, f"clip{number % 2}_{number}", shade=5 + number)

    report = run(settings(voc_dataset, split__group_pattern="(clip[0-9]+)_"), workspace)

    splits = splits_by_stem(workspace)
    for clip in ("clip0_", "clip1_"):
        assert len({split for stem, split in splits.items() if stem.startswith(clip)}) == 1
    assert report.results["groups"] == 14


def test_a_new_picture_is_put_where_its_class_is_missing(settings, workspace, voc_dataset):
    run(settings(voc_dataset), workspace)
    for number in range(3):
        path = draw_labelled(voc_dataset, f"new{number}", shade=40 + number)
        path.write_text(path.read_text().replace("<name>fish", "<name>owl").replace("<name>boat", "<name>owl"))
        path.write_text(path.read_text().replace("<name>house", "<name>owl"))

    report = run(settings(voc_dataset), workspace)

    assert {splits_by_stem(workspace)[f"new{number}"] for number in range(3)} == set(Split)
    assert {found["class"] for found in report.results["steered"].values()} == {"owl"}
    assert any(note.startswith("new pictures were put where their class was missing: annot") for note in report.notes)


@pytest.mark.shared
def test_twins_among_the_photographs_stay_together(settings, workspace, raccoon):
    run(settings(raccoon), workspace)

    split_of = {name: split for split, names in lists(workspace).items() for name in names}
    twins = [("11", "116"), ("83", "120"), ("52", "74"), ("65", "98")]
    together = [{split_of[f"annotations/raccoon-{number}.xml"] for number in pair} for pair in twins]
    assert [len(splits) for splits in together] == [1, 1, 1, 1]
