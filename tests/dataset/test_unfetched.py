"""What a repository names and a clone lacks: files of DVC, submodules that were not fetched."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError, UnfetchedError
from edgetrain.dataset.folder import find_dataset
from edgetrain.dataset.unfetched import find_unfetched, unfetched_message
from tests.conftest import draw_labelled

OUTS = "outs:\n- md5: 3b0332e02daabf31651a5a0d81ba830a.dir\n  size: 1\n  hash: md5\n  path: {}\n"
LOCK = """schema: '2.0'
stages:
  draw:
    cmd: python draw.py
    deps:
    - path: gone.py
      md5: 1
    outs:
    - path: images
      md5: 2.dir
"""


@pytest.fixture
def repository(tmp_path):
    """Return the top of a repository that uses DVC; the dataset is the folder ``data`` in it."""
    for name in (".git", ".dvc", "data"):
        (tmp_path / name).mkdir()
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        pytest.param("data/images.dvc", OUTS.format("images"), "images", id="folder"),
        pytest.param("data/images/a.jpg.dvc", OUTS.format("a.jpg"), "images/a.jpg", id="picture"),
        pytest.param("data/x.dvc", OUTS.format("'my images'"), "my images", id="other name, in quotes"),
        pytest.param("data/dvc.lock", LOCK, "images", id="output of a stage, not what it depends on"),
        pytest.param("data/x/y.dvc", "wdir: ..\n" + OUTS.format("images"), "images", id="working folder"),
        pytest.param("data.dvc", OUTS.format("data"), ".", id="the dataset itself"),
        pytest.param("all.dvc", OUTS.format("data/images"), "images", id="named above"),
    ],
)
def test_what_dvc_has_not_brought_is_named(repository, name, text, path):
    write(repository / name, text)
    (repository / "data" / "present").mkdir()
    write(repository / "data" / "present.dvc", OUTS.format("present"))
    if path == ".":
        (repository / "data" / "present").rmdir()
        (repository / "data" / "present.dvc").unlink()
        (repository / "data").rmdir()

    assert [tuple(one) for one in find_unfetched(repository / "data")] == [(path, "DVC")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(OUTS.format("/etc/gone"), id="absolute"),
        pytest.param(OUTS.format("../elsewhere"), id="beside the dataset"),
        pytest.param("deps:\n- path: images\nouts:\n- path: present\n", id="import of another repository"),
        pytest.param("\0\n[", id="nonsense"),
    ],
)
def test_what_is_no_absent_part_of_the_dataset_is_not(repository, text):
    (repository / "data" / "present").mkdir()
    write(repository / "data" / "x.dvc", text)

    assert find_unfetched(repository / "data") == ()


def test_without_dvc_its_files_are_not_looked_for(repository):
    (repository / ".dvc").rmdir()
    write(repository / "data" / "images.dvc", OUTS.format("images"))

    assert find_unfetched(repository / "data") == ()


@pytest.mark.parametrize(("path", "found"), [("data/images", "images"), ("data", "."), ("other", None)])
def test_a_submodule_that_was_not_fetched_is_named(repository, path, found):
    write(repository / ".gitmodules", f'[submodule "x"]\n\tpath = {path}\n\turl = ../x.git\n')
    (repository / path).mkdir(exist_ok=True)

    expected = [(found, "a submodule")] if found else []
    assert [tuple(one) for one in find_unfetched(repository / "data")] == expected


def test_a_submodule_with_files_is_there(repository):
    write(repository / ".gitmodules", '[submodule "x"]\n\tpath = data/images\n')
    write(repository / "data" / "images" / "a.jpg", "")

    assert find_unfetched(repository / "data") == ()


def test_a_dataset_without_annotations_names_the_command_that_brings_them(repository):
    write(repository / "data" / "annotations.dvc", OUTS.format("annotations"))
    write(repository / "data" / "images" / "a.jpg", "")

    with pytest.raises(UnfetchedError, match=r'annotations is not in this clone \(DVC\)\. Run "dvc pull"'):
        find_dataset(repository / "data")


def test_a_picture_that_is_not_there_names_the_command_where_pictures_are_absent(repository):
    draw_labelled(repository / "data", "a")
    (repository / "data" / "images" / "a.jpg").unlink()
    write(repository / "data" / "model.dvc", OUTS.format("model"))
    folder = find_dataset(repository / "data")

    with pytest.raises(DatasetError, match=r"its picture 'a\.jpg' is not in images/"):
        folder.read(folder.items[0])
    write(repository / "data" / "images" / "a.jpg.dvc", OUTS.format("a.jpg"))
    with pytest.raises(UnfetchedError, match=r"images/a\.jpg is not in this clone \(DVC\)"):
        folder.read(folder.items[0])


@pytest.mark.parametrize("is_there", [True, False])
def test_so_does_a_dataset_that_is_absent_as_a_whole(repository, is_there):
    write(repository / "data.dvc", OUTS.format("data"))
    write(repository / ".gitmodules", '[submodule "x"]\n\tpath = data\n')
    if not is_there:
        (repository / "data").rmdir()

    with pytest.raises(UnfetchedError, match=r"git submodule update --init --recursive" if is_there else "dvc pull"):
        find_dataset(repository / "data")


def test_of_many_paths_the_first_are_named(repository):
    for number in range(5):
        write(repository / "data" / f"{number}.jpg.dvc", OUTS.format(f"{number}.jpg"))

    message = unfetched_message(repository / "data", find_unfetched(repository / "data"))

    assert "data: 0.jpg, 1.jpg, 2.jpg and 2 more are not in this clone (DVC). Run" in message
