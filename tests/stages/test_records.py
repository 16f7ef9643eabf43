"""TFRecords: pictures byte for byte, boxes as fractions, the same bytes every time, nothing half-written."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError, LabelMapError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.formats.detection_example import DetectionExample, ExampleBox, read_examples
from edgetrain.formats.pbtxt import write_label_map
from edgetrain.formats.split_list import write_split_list
from edgetrain.stages.records import run
from tests.conftest import draw_labelled
from tests.stages.test_validate import ENVIRONMENT, edit

LABEL_MAP = LabelMap(("boat", "fish", "house"))


@pytest.fixture
def prepared(voc_dataset, workspace):
    """Return the dataset with lists and label map: nine pictures train, none validates, three test."""
    names = [f"annotations/{number:04d}.xml" for number in range(12)]
    write_split_list(workspace.split_path(Split.TRAIN), names[:9])
    write_split_list(workspace.split_path(Split.VALIDATION), [])
    write_split_list(workspace.split_path(Split.TEST), names[9:])
    write_label_map(workspace.label_map_path, LABEL_MAP)
    return voc_dataset


def contents(workspace):
    """Return the bytes of all records by file name."""
    return {path.name: path.read_bytes() for path in sorted(workspace.records_dir.iterdir())}


def test_pictures_and_boxes_are_stored_as_they_are(settings, workspace, prepared):
    run(settings(prepared), workspace)

    [first, *_] = read_examples(workspace.shard_paths(Split.TRAIN))
    assert first == DetectionExample(
        "0000.jpg",
        "images/0000.jpg",
        (prepared / "images" / "0000.jpg").read_bytes(),
        "jpeg",
        ImageSize(64, 48),
        (ExampleBox(NormalizedBox(0.125, 0.0625, pytest.approx(40 / 48), 0.4375), "boat", 1),),
    )


def test_each_picture_is_in_one_record_and_negatives_stay(settings, workspace, prepared):
    report = run(settings(prepared), workspace)

    examples = {split: list(read_examples(workspace.shard_paths(split))) for split in Split}
    assert [len(of_split) for of_split in examples.values()] == [9, 0, 3]
    assert [example.filename for example in examples[Split.TRAIN] if not example.boxes] == ["0005.jpg"]
    assert report.summary == "12 pictures: train 9, validation 0, test 3"
    assert report.results["splits"]["test"]["boxes"] == 5
    assert report.notes == ("validation has no pictures, so no TFRecord",)


def test_a_second_run_gives_the_same_bytes(settings, workspace, prepared):
    run(settings(prepared), workspace)
    before = contents(workspace)

    run(settings(prepared), workspace)

    assert contents(workspace) == before


def test_shards_share_the_pictures_evenly_and_old_ones_go(settings, workspace, prepared):
    run(settings(prepared, records__shards=2), workspace)

    report = run(settings(prepared, records__shards=4), workspace)

    counts = [len(list(read_examples([path]))) for path in workspace.shard_paths(Split.TRAIN)]
    assert counts == [3, 2, 2, 2]
    assert min(contents(workspace)) == "test.record-00000-of-00003"
    assert report.notes[1] == "test has 3 pictures, so as many shards instead of 4"


def test_a_png_and_a_difficult_box_are_told_as_such(settings, workspace, prepared):
    path = draw_labelled(prepared, "0000", suffix=".png")
    edit(path, "<difficult>0", "<difficult>1")

    run(settings(prepared), workspace)

    [first, *_] = read_examples(workspace.shard_paths(Split.TRAIN))
    assert (first.image_format, first.boxes[0].is_difficult) == ("png", True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(("<name>boat", "<name>baot"), (LabelMapError, r"14: 'baot' is not .* \"boat\"\?"), id="class"),
        pytest.param(("<xmax>28", "<xmax>65"), (DatasetError, "22: boat: xmax 65 is outside"), id="box"),
        pytest.param(("<xmax>28", "<xmax>4"), (DatasetError, "22: boat: the box 4 6 4 40 is empty"), id="empty box"),
        pytest.param(("<width>64", "<width>65"), (DatasetError, "8: <size> is 65x48, but images/0000"), id="size"),
        pytest.param(("<xmax>28", "<xmax>x"), (DatasetError, "22: <xmax> is 'x', not a number"), id="word"),
    ],
)
def test_faults_stop_the_stage_at_their_line(settings, workspace, prepared, change, expected):
    edit(prepared / "annotations" / "0000.xml", *change)
    error, message = expected

    with pytest.raises(error, match=rf"^annotations/0000\.xml:{message}"):
        run(settings(prepared), workspace)


def test_a_run_that_fails_leaves_the_old_records_and_no_temporary_files(settings, workspace, prepared):
    run(settings(prepared), workspace)
    before = contents(workspace)
    edit(prepared / "annotations" / "0011.xml", "<xmax>28", "<xmax>65")

    with pytest.raises(DatasetError, match="xmax 65 is outside"):
        run(settings(prepared), workspace)
    assert contents(workspace) == before
    assert [path.name for path in workspace.root.iterdir() if path.name.startswith(".")] == []


def test_two_faults_of_a_picture_are_counted(settings, workspace, prepared):
    edit(prepared / "annotations" / "0000.xml", "<width>64", "<width>65")
    edit(prepared / "annotations" / "0000.xml", "<xmax>28", "<xmax>65")

    with pytest.raises(DatasetError, match=r'\(1 more here; "ci/inv validate" lists all\)$'):
        run(settings(prepared), workspace)


def test_two_annotations_of_one_picture_are_refused(settings, workspace, prepared):
    edit(prepared / "annotations" / "0001.xml", "<filename>0001", "<filename>0000")

    with pytest.raises(DatasetError, match=r"0001.xml:3: the picture images/0000.jpg belongs to annotations/0000.xml"):
        run(settings(prepared), workspace)


def test_nothing_to_train_on_is_an_error(settings, workspace, prepared):
    write_split_list(workspace.split_path(Split.TRAIN), [])

    with pytest.raises(DatasetError, match=r'splits/train.txt: no picture to train on. Run "ci/inv split" again.'):
        run(settings(prepared), workspace)


@pytest.mark.parametrize("stage", ["split", "label-map"])
def test_a_missing_input_names_the_stage_that_makes_it(settings, workspace, prepared, stage):
    {"split": workspace.split_path(Split.TRAIN), "label-map": workspace.label_map_path}[stage].unlink()

    with pytest.raises(MissingInputError, match=f'Run "ci/inv {stage}" first.'):
        run(settings(prepared), workspace)


def test_tensorflow_is_not_loaded():
    code = "import sys, edgetrain.stages.records; print(sorted({'tensorflow', 'pandas', 'numpy'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert result.stdout == "[]\n"
