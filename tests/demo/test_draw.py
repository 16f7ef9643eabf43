"""The demo's dataset is drawn once, drawn anew for other settings, and never over somebody's files."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.system import progress
from edgetrain.core.system.progress import Listener
from edgetrain.dataset.folder import find_dataset
from edgetrain.demo import draw


class Notes(Listener):
    """Remembers the notes."""

    def __init__(self):
        self.heard = []

    def noted(self, text):
        self.heard.append(text)


@pytest.fixture
def drawn(settings):
    """Return a function that draws with some settings and gives the notes that were heard."""

    def drawn(**changes):
        notes = Notes()
        with progress.listening(notes):
            draw.run(settings(demo__pictures=12, **changes))
        return notes.heard

    return drawn


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_pictures_of_the_settings_are_a_dataset(drawn, tmp_path):
    assert drawn() == [f"12 pictures drawn into {tmp_path / 'dataset'}"]
    assert len(find_dataset(tmp_path / "dataset").items) == 12


def test_pictures_that_are_there_are_left_alone(drawn, tmp_path):
    drawn()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "dataset").rglob("*")}

    assert drawn() == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "dataset").rglob("*")} == before


def test_other_settings_draw_anew(drawn, tmp_path):
    drawn()
    before = contents(tmp_path / "dataset")
    drawn(demo__seed=1)

    after = contents(tmp_path / "dataset")

    assert before.keys() == after.keys()
    assert before != after


def test_an_empty_folder_is_used(drawn, tmp_path):
    (tmp_path / "dataset").mkdir()

    assert len(drawn()) == 1


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name in ("dataset", "dataset/photo.jpg", "dataset/annotations/a.xml")]
)
def test_what_the_demo_did_not_draw_is_never_touched(drawn, tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")

    with pytest.raises(
        DatasetError, match=r"dataset: there is something here that the demo did not draw\. Give another"
    ):
        drawn()
    assert path.read_text() == "mine"
