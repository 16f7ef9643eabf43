"""The labelling program is started on the dataset's folders; a small fake stands for it, which notes its arguments."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError, SettingsError, ToolError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.dataset.label import run
from tests.conftest import draw_labelled


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that puts labelimgplusplus on PATH: it notes its arguments, then runs a line."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def make(line=""):
        path = tmp_path / "bin" / "labelimgplusplus"
        path.parent.mkdir()
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/arguments"\ncp "$2" "{tmp_path}/seen"\n{line}\n')
        path.chmod(0o755)
        return lambda: (tmp_path / "arguments").read_text().splitlines()

    return make


def test_it_gets_pictures_classes_and_the_folder_of_annotations(settings, workspace, voc_dataset, program, tmp_path):
    arguments = program()

    report = run(settings(voc_dataset), workspace)

    folders = [str(voc_dataset / "images"), str(workspace.label_classes_path), str(voc_dataset / "annotations")]
    assert arguments() == folders
    assert (tmp_path / "seen").read_text() == "boat\nfish\nhouse\n"
    assert report.summary == f"0 annotations written in {voc_dataset / 'annotations'}"


def test_the_committed_label_map_comes_first(settings, workspace, voc_dataset, program, tmp_path):
    write_label_map(voc_dataset / "label_map.pbtxt", LabelMap(("yacht", "house")))
    program()

    run(settings(voc_dataset), workspace)

    assert (tmp_path / "seen").read_text() == "yacht\nhouse\nboat\nfish\n"


def test_what_was_written_is_counted(settings, workspace, voc_dataset, program):
    program('cp "$3/0000.xml" "$3/new.xml"')

    assert run(settings(voc_dataset), workspace).results["written"] == ["new.xml"]


def test_pictures_without_any_annotation_can_be_labelled(settings, workspace, voc_dataset, program):
    for path in sorted((voc_dataset / "annotations").iterdir()):
        path.unlink()
    (voc_dataset / "annotations").rmdir()
    arguments = program()

    report = run(settings(voc_dataset), workspace)

    assert arguments()[2] == str(voc_dataset / "annotations")
    assert report.notes == ("no class is known yet: type the names, always with the same spelling",)


def test_an_unknown_tool_is_refused(settings, workspace, voc_dataset):
    with pytest.raises(SettingsError, match=r"'labelimgplus', but must be one of: .*Did you mean \"labelimgplusplus\""):
        run(settings(voc_dataset, label__tool="labelimgplus"), workspace)


def test_a_missing_tool_says_how_to_get_it(settings, workspace, voc_dataset, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolError, match=r"labelimgplusplus: this program is not installed. .*--profile label label"):
        run(settings(voc_dataset), workspace)
    with pytest.raises(ToolError, match=r"mlabelImg: this program is not installed. .*pip install mlabelimg"):
        run(settings(voc_dataset, label__tool="mlabelimg"), workspace)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("echo 'qt.qpa.xcb: could not connect to display' >&2; exit 134", "no display", id="no display"),
        pytest.param("echo 'TypeError: x' >&2; exit 1", r"ended with code 1 \(TypeError: x\)", id="crash"),
        pytest.param("exit 2", r"ended with code 2 \(it printed nothing\)", id="silent"),
    ],
)
def test_a_program_that_fails_is_one_message(settings, workspace, voc_dataset, program, line, message):  # noqa: PLR0913, PLR0917
    program(line)

    with pytest.raises(ToolError, match=message):
        run(settings(voc_dataset), workspace)


def test_a_dataset_of_split_folders_asks_for_one(settings, workspace, tmp_path, program):
    program()
    for split in ("train", "test"):
        draw_labelled(tmp_path / "dataset" / split, split)

    with pytest.raises(DatasetError, match="--dataset train below this folder"):
        run(settings(), workspace)


def test_without_a_picture_there_is_nothing_to_label(settings, workspace, voc_dataset, program):
    program()
    for path in sorted((voc_dataset / "images").iterdir()):
        path.unlink()

    with pytest.raises(DatasetError, match="this folder has no picture to"):
        run(settings(voc_dataset), workspace)
