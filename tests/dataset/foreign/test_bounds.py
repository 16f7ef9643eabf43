"""What a stranger's file may cost an import: limits, and one message that names what exceeds them."""

from __future__ import annotations

import json
import tracemalloc
import zipfile

import pytest

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.archive import unpack
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource
from edgetrain.core.errors import DatasetError
from edgetrain.core.settings.exchange import SourceFormat
from tests.support.foreign_labels import coco

_CVAT = '<annotations><image id="0" name="a.jpg" width="64" height="48">{}</image></annotations>'
_BOX = '<box label="boat" xtl="4" ytl="6" xbr="24" ybr="16">{}</box>'


@pytest.mark.parametrize(
    ("source_format", "name", "content"),
    [("coco", "x.json", json.dumps(coco({}))), ("cvat", "x.xml", _CVAT), ("csv", "x.csv", "filename\n")],
)
def test_a_file_larger_than_the_user_allows_is_refused_with_both_figures(bring, source_format, name, content):
    with pytest.raises(DatasetError) as caught:
        bring(source_format, {name: content + " " * (2 << 20)}, max_megabytes=1)

    expected = f"{name}:1: it is larger than 1 MiB (import_annotations.max_megabytes is 1), and reading a file"
    assert str(caught.value).startswith(expected)


def _lines(count, letters):
    return "".join(f"x{number:0{letters}}\n" for number in range(count))


@pytest.mark.parametrize(
    ("source_format", "files", "message"),
    [
        pytest.param(
            "coco", {"x.json": '{"images": [' + "9" * 5000 + "]}"}, "x.json:1: a number has too many", id="digits"
        ),
        pytest.param(
            "yolo",
            {"data.yaml": "names: [boat]", "a.txt": "0 .5 .5 .1 .1\n" * 100_001},
            "a.txt:1: the labels of one picture have more than 100,000 lines",
            id="rows",
        ),
        pytest.param(
            "yolo", {"classes.txt": _lines(200_000, 8)}, "classes.txt:1: this file is too long for", id="classes"
        ),
        pytest.param(
            "coco",
            {"x.json": coco(*({"image_id": number} for number in range(1, 20_001)))},
            "20000 faults (the first 50 are shown)",
            id="faults",
        ),
        pytest.param(
            "coco",
            {"x.json": coco({}, images=("n" * 50_000,))},
            "nnnnnnnn…",
            id="a name of 50,000 letters",
        ),
        pytest.param(
            "coco",
            {"x.json": coco({}, images=("\ud800.jpg",))},
            "is not a relative path inside the",
            id="half a letter",
        ),
        pytest.param(
            "coco", {"x.json": coco({}, categories=("\ud800",))}, r"'\ud800' is not one line of text", id="half a class"
        ),
    ],
)
def test_excess_is_one_short_message(bring, source_format, files, message):
    with pytest.raises(DatasetError) as caught:
        bring(source_format, files)

    assert message in str(caught.value)
    assert len(str(caught.value)) < 100_000


def test_the_text_of_an_element_may_come_in_very_many_pieces(bring, made):
    attribute = '<attribute name="difficult">' + "x\n" * 300_000 + "</attribute>"

    bring("cvat", {"x.xml": _CVAT.format(_BOX.format(attribute))})

    assert made() == {"a.jpg": [("boat", 4, 6, 24, 16)]}


def test_of_polygons_beside_boxes_nothing_is_held(tmp_path):
    polygons = [{"segmentation": [[float(number + index) for index in range(2000)]]} for number in range(500)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(coco(*polygons)), encoding="utf-8")
    reading = Reading()

    tracemalloc.start()
    found = read_annotations(SourceFormat.COCO, ImportSource(path), reading)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(found.pictures[0].boxes), reading.left_out["segmentations"]) == (500, 500)
    assert most_bytes < path.stat().st_size
    assert path.stat().st_size > 6 << 20


def test_faults_are_counted_and_the_first_are_kept():
    reading = Reading()
    for number in range(30_000):
        reading.fault(Place("x", number), "y" * 5000)

    assert (len(reading.faults), len(reading.faults[0][2])) == (10_000, 1001)
    with pytest.raises(DatasetError, match=r"\n30000 faults \(the first 50 are shown\)\. Nothing\."):
        reading.raise_faults("Nothing.")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(("a", "a/b.json"), "'a.*' is both a file and a folder in it. Create", id="both"),
        pytest.param(("n" * 300,), "a name in it is longer than this system allows", id="name"),
        pytest.param(("d/" * 3000 + "x",), "a name in it is longer than this system allows", id="path"),
    ],
)
def test_an_archive_that_no_folder_can_hold_is_refused_in_its_own_words(tmp_path, names, message):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    (tmp_path / "out").mkdir()

    with pytest.raises(DatasetError, match=message):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_a_linked_folder_out_of_the_source_is_one_fault_and_is_not_entered(bring, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for number in range(50):
        (tmp_path / "elsewhere" / f"secret{number}.xml").write_text("<annotation/>")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "more").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DatasetError, match="a link points outside the source") as caught:
        bring("coco", {"x.json": coco({})})

    assert "secret" not in str(caught.value)
    assert "\n1 fault. " in str(caught.value)


def test_a_tag_beyond_the_parsers_limit_is_told_in_plain_words(bring):
    points = "1,2;" * 3_000_000

    with pytest.raises(DatasetError, match="a tag, a text or the depth of the elements exceeds the limit"):
        bring("cvat", {"x.xml": _CVAT.format(f'<polygon label="a" points="{points}3,4"/>')})
