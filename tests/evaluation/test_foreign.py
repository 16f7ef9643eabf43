"""A model that was not trained here: its labels, and its classes in the dataset's label map."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from edgetrain.core.boxes import NormalizedBox
from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import MissingInputError, ModelError, SettingsError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.settings.own_model import own_model_files
from edgetrain.evaluation.foreign import foreign_model, in_label_map, parse_labels
from tests.support.tflite_models import content_of, detector, write_model


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("boat\nfish\n", ("boat", "fish"), id="plain"),
        pytest.param("0  boat\n2  big fish\n", ("boat", "", "big fish"), id="numbered, with a gap"),
        pytest.param("0: boat\n1: fish\n\n", ("boat", "fish"), id="with colons"),
        pytest.param("\ufeffboat\r\nfish", ("boat", "fish"), id="of Windows"),
        pytest.param("boat\n\nfish\n", ("boat", "", "fish"), id="an empty line keeps its place"),
        pytest.param("2 stroke\nboat\n", ("2 stroke", "boat"), id="a name that begins with a number"),
    ],
)
def test_labels_are_read_by_index(text, names):
    assert parse_labels(text.encode(), "l.txt") == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "there is no label", id="empty"),
        pytest.param(b"0 a\n0 b\n", r"l.txt:2: class 0 is named twice: 'a' and 'b'", id="twice"),
        pytest.param(b"\xff\xfe", "byte 0 is no UTF-8", id="no text"),
        pytest.param(b"a" * ((1 << 20) + 1), "more than 1 MiB", id="huge"),
        pytest.param(b"999999 a\n", "more than any model has", id="huge index"),
    ],
)
def test_bad_labels_are_one_message(content, message):
    with pytest.raises(ModelError, match=message):
        parse_labels(content, "l.txt")


@pytest.fixture
def chosen(settings, tmp_path):
    """Return a function that writes model and labels and returns the settings that name them."""

    def make(labels="boat\nfish\n", **changes):
        path = write_model(tmp_path / "theirs.tflite", detector())
        given = {"model__file": path, **changes}
        if labels is not None:
            given["model__labels"] = tmp_path / "labels.txt"
            given["model__labels"].write_text(labels)
        return settings(**given).model

    return make


def test_a_model_s_classes_are_those_of_the_dataset_by_name(chosen):
    indices = foreign_model(chosen("cat\nfish\nboat\n")).indices_in(LabelMap(("boat", "fish", "house")))

    assert indices == {1: 1, 2: 0}


def test_objects_of_other_classes_are_left_out():
    box = NormalizedBox(0, 0, 1, 1)

    found = in_label_map([DetectedObject(0, 0.9, box), DetectedObject(2, 0.8, box)], {2: 0})

    assert found == [DetectedObject(0, 0.8, box)]


def test_no_common_class_is_an_error(chosen):
    with pytest.raises(SettingsError, match=r"none of its classes \(cat …\) is one of the dataset \(boat …\)"):
        foreign_model(chosen("cat\n")).indices_in(LabelMap(("boat",)))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        pytest.param("boat\n", "the labels name 1 of 3 classes of the model", id="too few"),
        pytest.param("0 boat\n2 fish\n", "the labels name 2 of 3 classes of the model", id="gap"),
        pytest.param("boat\nfish\nhouse\n", "", id="all"),
    ],
)
def test_classes_that_the_labels_leave_out_are_told(chosen, labels, words):
    assert foreign_model(chosen(labels)).unnamed.startswith(words)
    assert bool(foreign_model(chosen(labels)).unnamed) is bool(words)


@pytest.mark.parametrize("name", ["file", "labels"])
@pytest.mark.parametrize(("is_there", "reason"), [(True, "this is no regular file"), (False, "there is no such file")])
def test_a_path_that_is_no_file_is_named(chosen, tmp_path, name, is_there, reason):
    path = tmp_path / "elsewhere"
    if is_there:
        path.mkdir()

    with pytest.raises(MissingInputError, match=rf"elsewhere: {reason}\. Name a"):
        own_model_files(replace(chosen(), **{name: path}))


def test_more_labels_than_classes_are_an_error(chosen):
    with pytest.raises(ModelError, match=r"labels.txt: 5 labels, but theirs.tflite has 3 classes"):
        foreign_model(chosen("a\nb\nc\nd\ne\n"))


def test_without_labels_those_in_the_file_are_taken(chosen):
    model = chosen(labels=None)
    stream = io.BytesIO(content_of(detector()))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "boat\nfish\n")
    model.file.write_bytes(stream.getvalue())

    assert foreign_model(model).names == ("boat", "fish")


def test_without_any_labels_the_flag_is_named(chosen):
    with pytest.raises(MissingInputError, match="Name their file with --labels"):
        foreign_model(chosen(labels=None))


def test_labels_without_a_model_are_an_error(settings, tmp_path):
    with pytest.raises(SettingsError, match="name it with --model, too"):
        foreign_model(settings(model__labels=tmp_path / "l.txt").model)


def test_no_model_is_the_workspace_s_own(settings):
    assert foreign_model(settings().model) is None
