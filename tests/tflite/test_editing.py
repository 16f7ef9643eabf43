"""Files taken apart and put together again."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from edgetrain.core.errors import ModelError
from edgetrain.tflite.editing import take_apart
from edgetrain.tflite.file import parse_tflite
from edgetrain.tflite.rendering import render
from tests.support.places import PROJECT_DIR, SHARED_DIR
from tests.support.tflite_models import content_of, detector

NEWER = sorted((PROJECT_DIR / "tests" / "data" / "newer").glob("*.tflite"))
PUBLIC = sorted(
    path for name in ("edgetpu_models", "cases/edgetpu_models") for path in (SHARED_DIR / name).glob("*.tflite")
)


def _is_the_same(content):
    again = render(take_apart(content, "m"))
    first, second = parse_tflite(content, "a"), parse_tflite(again, "b")
    return (first.subgraphs, dict(first.metadata), first.description) == (
        second.subgraphs,
        dict(second.metadata),
        second.description,
    ) and render(take_apart(again, "m")) == again


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NEWER])
def test_a_newer_file_says_the_same_after(path):
    assert _is_the_same(path.read_bytes())


@pytest.mark.shared
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in PUBLIC])
def test_a_public_file_says_the_same_after(path):
    assert _is_the_same(path.read_bytes())


def test_eight_newer_files_are_there():
    assert len(NEWER) == 8


def test_the_archive_of_labels_is_kept():
    stream = io.BytesIO(content_of(replace(detector(), metadata={"TFLITE_METADATA": b"words"})))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "boat\nfish\n")

    again = render(take_apart(stream.getvalue(), "m"))

    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert archive.read("labels.txt") == b"boat\nfish\n"
    assert parse_tflite(again, "m").metadata["TFLITE_METADATA"] == b"words"


def test_a_huge_archive_is_refused():
    stream = io.BytesIO(content_of(detector()))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", bytes(17 << 20))

    with pytest.raises(ModelError, match="too large to be kept"):
        take_apart(stream.getvalue(), "m")


def test_a_damaged_archive_is_one_message_wherever_the_damage_is():
    model = content_of(detector())
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "".join(f"class {number}\n" for number in range(40)))
    whole = stream.getvalue()

    messages = set()
    for place in range(len(model), len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            take_apart(bytes(damaged), "m")
        except ModelError as error:
            messages.add(str(error).split(" (")[0])

    assert "m: the archive of labels behind the model is damaged" in messages
    assert {message.partition(":")[0] for message in messages} == {"m"}


def test_damaged_bytes_are_one_message():
    content = bytearray(content_of(detector()))

    with pytest.raises(ModelError, match="this is no TFLite model"):
        take_apart(b"no" + bytes(content[2:8]).replace(b"TFL3", b"XXXX") + bytes(content[8:]), "m")
