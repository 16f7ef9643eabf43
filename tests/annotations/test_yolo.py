"""YOLO: all layouts and lists of names, negatives, rounding, faults at their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from edgetrain.annotations.yolo import render_data_yaml, render_labels
from edgetrain.core.errors import DatasetError
from edgetrain.core.settings.exchange import ExchangeFormat
from edgetrain.core.splits import Split
from tests.support.exchange_material import annotation_sets, boxes_of, draw, plain, read

LABEL = "1 0.5 0.5 0.25 0.5\n"
BOX = ("fish", 24, 12, 40, 36)


@pytest.fixture
def yolo(tmp_path):
    """Return a function that writes files, draws pictures and reads the folder."""

    def read_files(files, pictures=("a.jpg",), names="boat\nfish\n", **options):
        for name, text in {"classes.txt": names, **files}.items():
            if text is not None:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text(text, encoding="utf-8")
        for name in pictures:
            draw(tmp_path / name)
        return read(ExchangeFormat.YOLO, tmp_path, **options)

    return read_files


@settings(max_examples=30)
@given(annotation_sets(with_difficult=False))
def test_what_is_written_is_read(tmp_path_factory, annotations):
    folder = tmp_path_factory.mktemp("law")
    (folder / "data.yaml").write_text(render_data_yaml(annotations.classes, {}), encoding="utf-8")
    for picture in annotations.pictures:
        draw(folder / "images" / picture.name, picture.size)
        path = (folder / "labels" / picture.name).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_labels(picture, annotations.classes))

    found, faults = read(ExchangeFormat.YOLO, folder)
    assert (plain(found), found.classes, faults) == (plain(annotations), annotations.classes, [])


@pytest.mark.parametrize(
    ("picture", "label", "name", "split"),
    [
        pytest.param("images/train/a.jpg", "labels/train/a.txt", "train/a.jpg", Split.TRAIN, id="Ultralytics"),
        pytest.param("valid/images/a.jpg", "valid/labels/a.txt", "valid/a.jpg", Split.VALIDATION, id="Roboflow"),
        pytest.param("images/a.jpg", "labels/a.txt", "a.jpg", None, id="not divided"),
        pytest.param("obj_train_data/a.jpg", "obj_train_data/a.txt", "obj_train_data/a.jpg", Split.TRAIN, id="Darknet"),
        pytest.param("images/train-1.jpg", "images/train-1.txt", "train-1.jpg", None, id="beside the picture"),
    ],
)
def test_layouts(yolo, picture, label, name, split):
    annotations, faults = yolo({label: LABEL}, pictures=[picture])

    assert faults == []
    assert [(found.name, found.split) for found in annotations.pictures] == [(name, split)]
    assert boxes_of(annotations) == [BOX]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("data.yaml", "train: x\nnames: [boat, 'fish']", id="list"),
        pytest.param("data.yaml", "names:\n  1: fish\n  0: boat", id="mapping"),
        pytest.param("obj.names", "boat\r\nfish\r\n\r\n", id="obj.names"),
        pytest.param("classes.txt", "\ufeffboat\nfish", id="classes.txt"),
    ],
)
def test_names_keep_their_order(yolo, file, text):
    annotations, faults = yolo({"classes.txt": None, file: text, "a.txt": LABEL}, names=None)

    assert (annotations.classes, boxes_of(annotations), faults) == (("boat", "fish"), [BOX], [])


def test_eleven_names_of_a_mapping_are_ordered_by_number(yolo):
    names = "names:\n" + "".join(f"  {index}: c{index}\n" for index in range(11))

    assert yolo({"data.yaml": names}, names=None)[0].classes == tuple(f"c{index}" for index in range(11))


def test_a_picture_with_empty_labels_or_none_is_a_negative(yolo):
    annotations, faults = yolo({"a.txt": ""}, pictures=["a.jpg", "b.jpg"])

    assert ([(picture.name, picture.boxes) for picture in annotations.pictures], faults) == (
        [("a.jpg", ()), ("b.jpg", ())],
        [],
    )


def test_scores_are_counted_and_polygons_become_boxes_unless_declined(yolo):
    files = {"a.txt": "0 0.5 0.5 0.5 0.5 0.9\n1 0.25 0.25 0.75 0.5 0.5 1\n"}

    annotations, _ = yolo(files, with_polygons=False)
    assert boxes_of(annotations) == [("boat", 16, 12, 48, 36)]
    assert annotations.left_out == {"scores": 1, "polygons": 1}
    assert boxes_of(yolo(files)[0])[1] == ("fish", 16, 12, 48, 48)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        pytest.param("2 0.5 0.5 0.1 0.1", "the class index is '2', but names exist only for 0 to 1", id="index"),
        pytest.param("-1 0.5 0.5 0.1 0.1", "the class index is '-1'", id="negative index"),
        pytest.param("0 0.5 0.5 0.1", "'0 0.5 0.5 0.1' is not a", id="short"),
        pytest.param("0 0.5 nan 0.1 0.1", "'0 0.5 nan 0.1 0.1' is not a", id="no number"),
        pytest.param("0 0.5 0.5 0.1 0.1 0.2 0.3 0.4", "'0 0.5 0.5 0.1 0.1 0.2 0.3 0.4' is not a", id="odd polygon"),
        pytest.param("0 320 240 20 20", "'0 320 240 20 20' is in pixels", id="pixels"),
    ],
)
def test_faults_are_told_with_their_line(yolo, line, fault):
    _, faults = yolo({"a.txt": f"{LABEL}\n{line}\n"})

    assert len(faults) == 1
    assert faults[0].startswith(f"a.txt:3: {fault}")


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        pytest.param({"labels/b.txt": LABEL}, "labels/b.txt:1: no picture belongs to these labels", id="no picture"),
        pytest.param({"classes.txt": "a\n\nb\n"}, "classes.txt:2: a class name is empty", id="empty name"),
        pytest.param({"classes.txt": "a\na\n"}, "classes.txt:2: a class name 'a' occurs twice", id="name twice"),
        pytest.param(
            {"classes.txt": "", "d.yaml": "names: {0: a, 2: b}"}, "d.yaml:1: the indices of the names", id="gap"
        ),
        pytest.param({"d.yaml": "a:\n  - [\n"}, "d.yaml:3: this is not YAML", id="YAML"),
        pytest.param(
            {"d.yaml": "names: [fish, boat]"}, "d.yaml:1: the class names differ from those in", id="two lists"
        ),
    ],
)
def test_faults_of_other_files(yolo, files, fault):
    assert yolo(files)[1][0].startswith(fault)


def test_without_names_nothing_is_read(yolo):
    with pytest.raises(DatasetError, match=r"no file with class names \(data.yaml, obj.names or classes.txt\)"):
        yolo({"a.txt": LABEL}, names=None)


def test_a_file_of_another_kind_is_refused_and_its_folder_not_read(tmp_path):
    (tmp_path / "README.md").write_text("not a set")
    (tmp_path / "other.yaml").write_text("a:\n  - [\n")

    with pytest.raises(
        DatasetError, match=r"README\.md: this file does not describe a set of labels\. Name the folder"
    ):
        read(ExchangeFormat.YOLO, tmp_path / "README.md")


def test_labels_that_are_not_utf_8_and_damaged_pictures_are_faults(tmp_path, yolo):
    (tmp_path / "a.txt").write_bytes(b"\xe9")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff")

    assert [fault.split(" (")[0][:24] for fault in yolo({})[1]] == [
        "a.txt:1: not UTF-8 text",
        "b.jpg:1: b.jpg: the pict",
    ]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_a_row_ends_with_any_line_end(yolo, tmp_path, end):
    yolo({}, names="boat\nfish\n")
    (tmp_path / "a.txt").write_bytes(f"{end.join([LABEL.strip()] * 3)}{end}".encode())

    found, faults = read(ExchangeFormat.YOLO, tmp_path)
    assert (boxes_of(found), faults) == ([BOX] * 3, [])
