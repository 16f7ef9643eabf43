"""A tool's zip is taken as it is; what is none is refused."""

from __future__ import annotations

import json
import zipfile

import pytest

from edgetrain.annotations.archive import unpack
from edgetrain.core.errors import DatasetError
from edgetrain.dataset.folder import find_dataset
from edgetrain.dataset.zipped import with_unzipped_dataset
from tests.support.exchange_material import draw
from tests.support.foreign_labels import coco, packed


def test_the_zip_of_a_tool_is_taken_as_it_is(bring, made, tmp_path):
    draw(tmp_path / "a.jpg")
    files = {
        "x.json": json.dumps(coco({})),
        "images/a.jpg": (tmp_path / "a.jpg").read_bytes(),
        "__MACOSX/._a.jpg": b"x",
    }

    bring("coco", {}, (), source=packed(tmp_path / "x.zip", files))
    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        pytest.param("../a.txt", b"x", "points outside the archive. Do", id="upwards"),
        pytest.param("/etc/a.txt", b"x", "points outside the archive. Do", id="absolute"),
        pytest.param("a\\..\\..\\b.txt", b"x", "points outside the archive. Do", id="backslashes"),
        pytest.param("a.txt", bytes(300 << 20), "never compress that well", id="bomb"),
    ],
)
def test_an_archive_that_is_no_export_is_refused_and_writes_nothing(tmp_path, name, content, fault):
    path = packed(tmp_path / "x.zip", {name: content})
    (tmp_path / "out" / "inside").mkdir(parents=True)

    with pytest.raises(DatasetError, match=fault):
        unpack(path, tmp_path / "out" / "inside")
    assert [one for one in (tmp_path / "out").rglob("*") if one.is_file()] == []


def test_a_link_and_a_damaged_archive_are_refused(tmp_path):
    entry = zipfile.ZipInfo("a.txt")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    data = packed(tmp_path / "whole.zip", {"a.txt": b"x" * 5000}).read_bytes()
    (tmp_path / "damaged.zip").write_bytes(data[:40] + b"\0\0\0\0" + data[44:])
    (tmp_path / "out").mkdir()

    for name, fault in (("link.zip", "is a link"), ("damaged.zip", "cannot be read")):
        with pytest.raises(DatasetError, match=fault):
            unpack(tmp_path / name, tmp_path / "out")


def test_what_is_named_zip_and_is_none_is_told(bring, settings, tmp_path):
    """Else it would be taken for a file whose pictures lie beside it, and the whole folder read."""
    path = tmp_path / "x.zip"
    path.write_bytes(b"half of a download")

    with pytest.raises(DatasetError, match=r"x\.zip: this is not a complete zip archive\."):
        bring("yolo", {}, (), source=path)
    with pytest.raises(DatasetError, match=r"x\.zip: this is not a complete"):
        with_unzipped_dataset(settings(path))


def test_a_dataset_may_be_a_zip(settings, workspace, voc_dataset, tmp_path):
    files = {
        f"set/{path.relative_to(voc_dataset).as_posix()}": path.read_bytes()
        for path in voc_dataset.rglob("*")
        if path.is_file()
    }

    unzipped = with_unzipped_dataset(settings(packed(tmp_path / "set.zip", files)))
    assert len(find_dataset(unzipped.dataset.root).items) == 12
    assert with_unzipped_dataset(settings(tmp_path / "set.zip")).dataset.root == unzipped.dataset.root
    with pytest.raises(DatasetError, match=r"This is COCO JSON. Import it: .*--from coco --source .*x.zip"):
        with_unzipped_dataset(settings(packed(tmp_path / "x.zip", {"x.json": json.dumps(coco({}))})))
