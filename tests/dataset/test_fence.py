"""Links of a dataset: those that lead out are findings, and no verb reads behind them."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.dataset.division import write_split_list
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.folder import find_dataset, survey_dataset
from edgetrain.dataset.picture_finder import PictureFinder
from tests.conftest import draw_labelled


@pytest.fixture
def outside(voc_dataset, tmp_path):
    """Return the dataset, one of whose pictures has become a link to a file beside it."""
    picture = voc_dataset / "images" / "0003.jpg"
    picture.rename(tmp_path / "secret.jpg")
    picture.symlink_to(tmp_path / "secret.jpg")
    return voc_dataset


def test_links_within_and_into_a_store_are_admitted(tmp_path):
    data = tmp_path / "data"
    for folder in (data / "a", tmp_path / ".git" / "annex", tmp_path / "beside"):
        folder.mkdir(parents=True)
    for number, target in enumerate(("a", "../.git/annex", "../beside", "..")):
        (data / str(number)).symlink_to(target)
    fence = Fence(data)

    assert [fence.admits(data / str(number)) for number in range(4)] == [True, False, False, False]
    (tmp_path / ".git" / "annex" / "objects").mkdir()
    (data / "4").symlink_to("../.git/annex/objects")
    assert fence.admits(data / "4")
    assert [finding.file for finding in fence.findings()] == ["1", "2", "3"]


def test_with_the_setting_everything_is_admitted(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").symlink_to("/etc")
    fence = Fence(tmp_path / "data", follow_links=True)

    assert fence.admits(tmp_path / "data" / "a")
    assert fence.within is None


def test_a_picture_behind_a_link_out_is_refused_by_all_who_read_it(outside, tmp_path):
    write_split_list(tmp_path / "train.txt", ["annotations/0003.xml"])
    folder = find_dataset(outside)

    for read in (
        lambda: list(folder.read_listed(tmp_path / "train.txt")),
        lambda: PictureFinder(outside).read("annotations/0003.xml", tmp_path / "train.txt"),
    ):
        with pytest.raises(
            DatasetError, match=r"images/0003\.jpg: a link points outside .*dataset\.follow_links: true"
        ):
            read()


def test_with_the_setting_it_is_read(outside, tmp_path):
    folder = find_dataset(outside, follow_links=True)
    finder = PictureFinder(outside, follow_links=True)

    assert folder.read(folder.items[3]).image_name == "images/0003.jpg"
    assert finder.read("annotations/0003.xml", tmp_path / "train.txt").image_name == "images/0003.jpg"


@pytest.mark.parametrize("name", ["annotations/more", "images/more", "images"])
def test_a_finder_does_not_go_through_a_folder_that_leads_out(voc_dataset, tmp_path, name):
    draw_labelled(tmp_path / "other", "x", folders=("more", "more"))
    if name == "images":
        (voc_dataset / "images").rename(tmp_path / "pictures")
    target = tmp_path / "pictures" if name == "images" else tmp_path / "other" / "more"
    (voc_dataset / name).symlink_to(target)
    annotation = "annotations/0001.xml" if name == "images" else "annotations/more/x.xml"
    if name == "images/more":
        (voc_dataset / "annotations" / "more").mkdir()
        (tmp_path / "other" / "more" / "x.xml").rename(voc_dataset / annotation)

    with pytest.raises(DatasetError, match=r"a link points outside the dataset, to"):
        PictureFinder(voc_dataset).read(annotation, tmp_path / "train.txt")


def test_a_survey_leaves_out_what_leads_out_and_says_so(voc_dataset, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (voc_dataset / "images" / "more").symlink_to(tmp_path / "elsewhere")

    folder = survey_dataset(voc_dataset)

    assert len(folder.items) == 12
    assert [(one.file, one.rule) for one in folder.findings] == [("images/more", "link-outside")]


def test_a_list_of_a_split_is_not_read_through_a_link_out_but_with_the_setting(voc_dataset, tmp_path):
    write_split_list(tmp_path / "train.txt", ["annotations/0001.xml"])
    (voc_dataset / "splits").mkdir()
    (voc_dataset / "splits" / "train.txt").symlink_to(tmp_path / "train.txt")

    with pytest.raises(DatasetError, match=r"train\.txt: cannot be read \(it is a link that points outside the"):
        find_dataset(voc_dataset)
    assert find_dataset(voc_dataset, follow_links=True).divided == {Split.TRAIN}
