"""Folders of labelled pictures: the four layouts, where pictures are found, and divisions that are there already."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.splits import Split
from edgetrain.dataset.division import write_split_list
from edgetrain.dataset.folder import find_dataset, survey_dataset
from tests.conftest import draw_labelled

TWO_FOLDERS = ("annotations", "images")
DEVKIT = ("Annotations", "JPEGImages")
LISTS = {"train.txt": ["0"], "val.txt": ["1"], "test.txt": ["2"]}


def names_and_splits(folder):
    """Return each annotation's name, its picture's and the split that it is in."""
    images = [folder.read(item) for item in folder.items]
    return [(item.name, image.image_name, item.split) for item, image in zip(folder.items, images)]


def write_lists(folder, lists):
    """Write lists by file name."""
    for name, listed in lists.items():
        write_split_list(folder / name, listed)


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        pytest.param(TWO_FOLDERS, ("annotations/0.xml", "images/0.jpg"), id="annotations and images"),
        pytest.param(DEVKIT, ("Annotations/0.xml", "JPEGImages/0.jpg"), id="VOC devkit"),
        pytest.param((".", "."), ("0.xml", "0.jpg"), id="one folder"),
        pytest.param(("annotations", "annotations"), ("annotations/0.xml", "annotations/0.jpg"), id="no image folder"),
        pytest.param(("annotations", "."), ("annotations/0.xml", "0.jpg"), id="pictures beside the folder"),
        pytest.param(("annotations/a", "images/a"), ("annotations/a/0.xml", "images/a/0.jpg"), id="subfolders"),
        pytest.param(("annotations/a", "images"), ("annotations/a/0.xml", "images/0.jpg"), id="subfolder, flat images"),
    ],
)
def test_layouts_that_are_not_divided(tmp_path, folders, expected):
    draw_labelled(tmp_path, "0", folders=folders)

    folder = find_dataset(tmp_path)

    assert names_and_splits(folder) == [(*expected, None)]
    assert (folder.division, folder.divided) == ("", frozenset())


@pytest.mark.parametrize("validation", ["validation", "valid", "val"])
@pytest.mark.parametrize("inner", [(".", "."), TWO_FOLDERS, DEVKIT])
def test_folders_of_splits_divide_a_dataset(tmp_path, validation, inner):
    for name in ("train", "test", validation):
        draw_labelled(tmp_path / name, "0", folders=inner)

    folder = find_dataset(tmp_path)

    splits = {item.name.split("/")[0]: item.split for item in folder.items}
    assert splits == {"train": Split.TRAIN, "test": Split.TEST, validation: Split.VALIDATION}
    assert (folder.division, folder.divided) == ("folders", frozenset(Split))


def test_lists_of_the_devkit_divide_a_dataset(tmp_path):
    for stem in "0123":
        draw_labelled(tmp_path, stem, folders=DEVKIT)
    write_lists(tmp_path / "ImageSets" / "Main", LISTS)

    folder = find_dataset(tmp_path)

    assert [item.split for item in folder.items] == [Split.TRAIN, Split.VALIDATION, Split.TEST, None]
    assert (folder.division, folder.divided, folder.findings) == ("ImageSets/Main", frozenset(Split), ())


def test_committed_lists_win_over_folders(tmp_path):
    for name in ("train", "test"):
        draw_labelled(tmp_path / name, name, folders=(".", "."))
    write_lists(tmp_path / "splits", {"train.txt": ["test/test.xml"], "test.txt": ["train/train.xml"]})

    folder = find_dataset(tmp_path)

    assert {item.name: item.split for item in folder.items} == {
        "train/train.xml": Split.TEST,
        "test/test.xml": Split.TRAIN,
    }
    assert (folder.division, folder.divided) == ("splits", frozenset({Split.TRAIN, Split.TEST}))


def test_faults_of_the_lists_are_findings(tmp_path):
    for stem in "01":
        draw_labelled(tmp_path, stem, folders=DEVKIT)
    write_lists(tmp_path / "ImageSets" / "Main", {"train.txt": ["0", "9"], "test.txt": ["1", "0", "1"]})

    actual = [(one.file, one.line, one.rule, one.message) for one in find_dataset(tmp_path).findings]

    assert actual == [
        ("ImageSets/Main/test.txt", 2, "split-repeated", "'0' is already listed in ImageSets/Main/train.txt:1."),
        ("ImageSets/Main/test.txt", 3, "split-repeated", "'1' is already listed in ImageSets/Main/test.txt:1."),
        (
            "ImageSets/Main/train.txt",
            2,
            "split-unknown",
            "'9' is not the name of an annotation; this list has names such as 0.",
        ),
    ]


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8 text (invalid start byte).", id="no text"),
        pytest.param(os.mkfifo, "cannot be read (it is not a regular file).", id="pipe"),
        pytest.param(lambda path: path.symlink_to("train.txt"), "cannot be read (Too many levels of", id="circle"),
        pytest.param(
            lambda path: path.symlink_to("/etc/passwd"), "cannot be read (it is a link that points", id="link"
        ),
        pytest.param(lambda path: path.write_bytes(b"\n" * 5_000_001), "more than 5,000,000 lines.", id="lines"),
        pytest.param(lambda path: path.touch() or os.truncate(path, 33 << 20), "cannot be read (it is", id="size"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_finding_of_a_review_and_stops_the_rest(voc_dataset, plant, reason):
    (voc_dataset / "splits").mkdir()
    plant(voc_dataset / "splits" / "train.txt")

    (finding,) = survey_dataset(voc_dataset).findings[:1]

    assert (finding.file, finding.line, finding.rule) == ("splits/train.txt", 1, "split-unreadable")
    assert finding.message.startswith(reason)
    with pytest.raises(DatasetError, match=r"splits/train\.txt: "):
        find_dataset(voc_dataset)


def test_a_list_of_strange_names_is_a_hundred_findings(voc_dataset):
    write_lists(voc_dataset / "splits", {"train.txt": [f"n{number}" for number in range(5000)]})

    findings = survey_dataset(voc_dataset).findings

    assert len(findings) == 100
    assert findings[-1].message.endswith("So are 4,900 more in this file.")


@pytest.mark.parametrize(("levels", "is_taken"), [(100, True), (101, False)])
def test_folders_lie_only_so_deep(voc_dataset, levels, is_taken):
    (voc_dataset / "annotations").joinpath(*"d" * levels).mkdir(parents=True)

    if is_taken:
        assert len(find_dataset(voc_dataset).items) == 12
    else:
        with pytest.raises(DatasetError, match=r"annotations: folders lie more than 100 deep in it\."):
            find_dataset(voc_dataset)


def test_items_are_sorted_by_name(voc_dataset):
    folder = find_dataset(voc_dataset)

    assert [item.name for item in folder.items] == [f"annotations/{number:04d}.xml" for number in range(12)]
    assert list(folder.image_names) == [f"images/{number:04d}.jpg" for number in range(12)]
    assert folder.label_map_path == voc_dataset / "label_map.pbtxt"


@pytest.mark.parametrize(
    ("filename", "present", "expected"),
    [
        pytest.param("b.jpg", ["a.jpg", "b.jpg"], "b.jpg", id="filename before stem"),
        pytest.param("A.JPG", ["a.jpg"], "a.jpg", id="another case"),
        pytest.param("A.JPG", ["A.JPG", "a.jpg"], "A.JPG", id="exact case first"),
        pytest.param("gone.jpg", ["a.PNG"], "a.PNG", id="stem, another suffix"),
        pytest.param("a", ["a.jpg"], "a.jpg", id="filename without suffix"),
        pytest.param("C:\\photos\\b.jpg", ["b.jpg"], "b.jpg", id="path of Windows"),
        pytest.param("/photos/b.jpg", ["b.jpg"], "b.jpg", id="absolute path"),
        pytest.param("../secret.jpg", ["b.jpg"], None, id="path that leaves the folder"),
        pytest.param("..", ["b.jpg"], None, id="parent folder"),
        pytest.param("gone.jpg", ["a.txt", ".a.jpg"], None, id="no picture, hidden picture"),
        pytest.param("b.dat", ["b.dat"], "b.dat", id="unknown suffix by filename"),
    ],
)
def test_a_picture_is_found_by_filename_then_by_stem(tmp_path, filename, present, expected):
    path = draw_labelled(tmp_path, "a")
    path.write_text(path.read_text().replace("<filename>a.jpg", f"<filename>{filename}"))
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "secret.jpg").touch()
    for name in present:
        (tmp_path / "images" / name).touch()

    folder = find_dataset(tmp_path)

    if expected is None:
        with pytest.raises(DatasetError, match=r"^annotations/a.xml:3: its picture .* is not in images/. Run"):
            folder.read(folder.items[0])
    else:
        assert folder.read(folder.items[0]).image_name == f"images/{expected}"


def test_an_annotation_called_after_the_whole_name_of_its_picture_finds_it(tmp_path):
    path = draw_labelled(tmp_path, "a")
    path.write_text(path.read_text().replace("a.jpg", "gone"))
    path.rename(path.with_name("a.jpg.xml"))

    folder = find_dataset(tmp_path)

    assert folder.read(folder.items[0]).image_name == "images/a.jpg"


def test_hidden_folders_and_files_are_no_part_of_a_dataset(voc_dataset):
    draw_labelled(voc_dataset, "x", folders=("annotations/.trash", "images/.trash"))
    draw_labelled(voc_dataset, ".x")

    folder = find_dataset(voc_dataset)

    assert len(folder.items) == len(folder.image_names) == 12


def make_nothing(_root):
    """Leave the folder empty."""


def make_both_layouts(root):
    """Put annotations into split folders and beside them."""
    draw_labelled(root, "0")
    draw_labelled(root / "train", "1")


def make_two_cases(root):
    """Put annotations into two folders that differ in case only."""
    draw_labelled(root, "0")
    draw_labelled(root, "1", folders=DEVKIT)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            Path.rmdir, "this folder does not exist. Name the folder of the dataset with --dataset", id="absent"
        ),
        pytest.param(make_nothing, "the folder is empty. Put labelled pictures there", id="empty"),
        pytest.param(
            lambda root: (root / "a.txt").touch(), r"there is no annotation \(expected: annotations/", id="no XML"
        ),
        pytest.param(make_both_layouts, "annotations are both in .*annotations and in .*train/annotations", id="mixed"),
        pytest.param(make_two_cases, "there are both Annotations/ and annotations/", id="two cases"),
    ],
)
def test_a_folder_that_is_no_dataset_says_what_was_looked_for(tmp_path, make, message):
    make(tmp_path)

    with pytest.raises(DatasetError, match=message):
        find_dataset(tmp_path)


def test_a_folder_that_cannot_be_listed_is_a_dataset_error(voc_dataset, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)

    with pytest.raises(DatasetError, match=r"dataset: cannot be read \(Permission denied\)"):
        find_dataset(voc_dataset)


def test_linked_folders_are_followed_once(voc_dataset, tmp_path):
    """With the setting, pictures may lie outside; a link that leads in a circle adds nothing."""
    draw_labelled(voc_dataset / "elsewhere", "x", folders=("xml", "none"))
    draw_labelled(tmp_path / "elsewhere", "x", folders=("none", "pictures"))
    (voc_dataset / "annotations" / "linked").symlink_to(voc_dataset / "elsewhere" / "xml")
    (voc_dataset / "images" / "linked").symlink_to(tmp_path / "elsewhere" / "pictures")
    (voc_dataset / "annotations" / "circle").symlink_to(voc_dataset / "annotations")

    folder = find_dataset(voc_dataset, follow_links=True)

    assert len(folder.items) == len(folder.image_names) == 13
    assert folder.read(folder.items[-1]).image_name == "images/linked/x.jpg"


@pytest.mark.parametrize("name", ["annotations", "annotations/linked", "images", "images/linked"])
def test_a_folder_must_not_lead_out_of_the_dataset(voc_dataset, tmp_path, name):
    (voc_dataset / name.partition("/")[0]).rename(tmp_path / "elsewhere")
    (voc_dataset / name).parent.mkdir(exist_ok=True)
    (voc_dataset / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DatasetError, match=rf"{name}: a link points outside the dataset, to .*/elsewhere\. Replace"):
        find_dataset(voc_dataset)


def test_a_subfolder_that_cannot_be_listed_is_not_left_out(voc_dataset, monkeypatch):
    """Its annotations would be lost without a word."""
    draw_labelled(voc_dataset, "x", folders=("annotations/closed", "images"))
    scandir = os.scandir

    def refuse_closed(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse_closed)

    with pytest.raises(DatasetError, match=r"closed: cannot be read \(Permission denied\)"):
        find_dataset(voc_dataset)


def test_listed_pictures_come_in_the_order_of_the_list(voc_dataset, tmp_path):
    names = ["annotations/0007.xml", "annotations/0001.xml"]
    write_split_list(tmp_path / "train.txt", names)

    images = find_dataset(voc_dataset).read_listed(tmp_path / "train.txt")

    assert [image.name for image in images] == names


def test_a_listed_annotation_that_is_gone_names_the_stage_to_run(voc_dataset, tmp_path):
    write_split_list(tmp_path / "train.txt", ["annotations/0001.xml", "annotations/gone.xml"])

    with pytest.raises(
        MissingInputError, match=r'train.txt:2: annotations/gone.xml is not in .* Run "ci/inv split" again'
    ):
        list(find_dataset(voc_dataset).read_listed(tmp_path / "train.txt"))
