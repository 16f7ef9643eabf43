"""TFRecords: pictures byte for byte, boxes as fractions, the same bytes every time, nothing half-written."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError, LabelMapError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.dataset import tabulate
from edgetrain.dataset.division import write_split_list
from edgetrain.dataset.table_rows import COLUMNS
from edgetrain.images.image_file import decode
from edgetrain.records import write as records
from edgetrain.records.example import DetectionExample, ExampleBox, read_examples
from edgetrain.records.tfrecord import records_digest
from edgetrain.records.write import run
from tests.conftest import draw_labelled
from tests.review.test_validate import ENVIRONMENT, edit
from tests.support.places import PROJECT_DIR

SOURCES = {**os.environ, "PYTHONPATH": f"{PROJECT_DIR / 'src'}{os.pathsep}{PROJECT_DIR}"}
# Ends its own process, as kill -9 does, as soon as some pictures are written.
KILLED = """
import os, signal, sys
from pathlib import Path
from edgetrain.core.system import progress, workers
from edgetrain.core.workspace import Workspace
from edgetrain.records import write as records
from tests.conftest import settings_of

class Killer(progress.Listener):
    def advanced(self, done, total, text):
        if done >= 4:
            os.kill(os.getpid(), signal.SIGKILL)

workers._TOLD_EVERY = 1
settings = settings_of(*sys.argv[1:3], records__shards=6, records__max_side=32, records__jobs=int(sys.argv[3]))
with progress.listening(Killer()):
    records.run(settings, Workspace(settings.workspace.root))
"""
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


def test_the_report_knows_the_digest_of_each_file(settings, workspace, prepared):
    report = run(settings(prepared, records__shards=2), workspace)

    assert report.digests == {path: records_digest(path) for path in sorted(workspace.records_dir.iterdir())}


def test_shards_share_the_pictures_evenly_and_old_ones_go(settings, workspace, prepared):
    run(settings(prepared, records__shards=2), workspace)

    report = run(settings(prepared, records__shards=4), workspace)

    names = [[one.filename[:4] for one in read_examples([path])] for path in workspace.shard_paths(Split.TRAIN)]
    assert names == [["0000", "0004", "0008"], ["0001", "0005"], ["0002", "0006"], ["0003", "0007"]]
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


def test_without_beam_a_named_runner_leaves_the_old_records(settings, workspace, prepared, monkeypatch):
    """What Beam does where it is installed is looked at by ``tests/soak/beam_records.py``."""
    run(settings(prepared), workspace)
    before = contents(workspace)
    monkeypatch.setitem(sys.modules, "apache_beam", None)

    with pytest.raises(ModuleNotFoundError, match="apache_beam"):
        run(settings(prepared, records__runner="DirectRunner"), workspace)

    assert contents(workspace) == before
    assert list(workspace.root.glob(".records.*")) == []


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
    code = "import sys, edgetrain.records.write; print(sorted({'tensorflow', 'pandas', 'numpy'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert result.stdout == "[]\n"


def turned(image, orientation):
    """Return options that store a picture with an EXIF orientation."""
    exif = image.getexif()
    exif[0x0112] = orientation
    return {"exif": exif}


def first_example(workspace):
    [first, *_] = read_examples(workspace.shard_paths(Split.TRAIN))
    return first


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_large_picture_is_scaled_down_and_its_boxes_follow(settings, workspace, prepared, suffix):
    (prepared / "images" / "0000.jpg").unlink()
    draw_labelled(prepared, "0000", suffix=suffix)
    run(settings(prepared), workspace)
    before = first_example(workspace)

    report = run(settings(prepared, records__max_side=32), workspace)

    after = first_example(workspace)
    image = Image.open(io.BytesIO(after.image_bytes))
    assert (after.size, image.size, image.format.lower()) == (ImageSize(32, 24), (32, 24), after.image_format)
    assert (after.boxes, after.image_format) == (before.boxes, before.image_format)
    assert report.notes[-1].startswith("12 pictures encoded anew: above 32 pixels (records.max_side)")


def test_by_default_pictures_stay_up_to_eight_times_the_network_s_input(settings, workspace, prepared):
    run(settings(prepared, network__image_size=96), workspace)
    assert first_example(workspace).image_bytes == (prepared / "images" / "0000.jpg").read_bytes()

    draw_labelled(prepared, "0000")
    Image.new("RGB", (769, 48)).save(prepared / "images" / "0000.jpg")
    edit(prepared / "annotations" / "0000.xml", "<width>64", "<width>769")
    run(settings(prepared, network__image_size=96), workspace)

    assert first_example(workspace).size == ImageSize(768, 48)


def test_a_picture_whose_boxes_were_drawn_turned_is_turned(settings, workspace, prepared):
    path = prepared / "images" / "0000.jpg"
    image = Image.open(path)
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, **turned(image, 6))

    run(settings(prepared), workspace)

    example = first_example(workspace)
    stored = Image.open(io.BytesIO(example.image_bytes))
    assert (example.size, stored.size, dict(stored.getexif()).get(0x0112, 1)) == (ImageSize(64, 48), (64, 48), 1)
    assert stored.getpixel((16, 20))[0] > 200  # the drawn box, where its coordinates say
    assert stored.getpixel((48, 20))[0] < 50


def test_a_picture_whose_boxes_fit_as_it_is_stored_is_not_touched(settings, workspace, prepared):
    path = prepared / "images" / "0000.jpg"
    image = Image.open(path)
    image.save(path, **turned(image, 6))

    run(settings(prepared), workspace)

    assert first_example(workspace).image_bytes == path.read_bytes()


def test_an_orientation_that_fits_either_way_is_an_error(settings, workspace, prepared):
    path = prepared / "images" / "0000.jpg"
    image = Image.open(path)
    image.save(path, **turned(image, 3))

    with pytest.raises(DatasetError, match=r"images/0000\.jpg:1: .*nothing says which form"):
        run(settings(prepared), workspace)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP", "TIFF"])
def test_a_format_that_training_cannot_decode_is_encoded_anew_only_if_the_settings_let_it_pass(
    settings, workspace, prepared, kind
):
    path = prepared / "images" / "0000.jpg"
    pixels = Image.open(path).quantize(8).convert("RGB")
    pixels.save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))

    with pytest.raises(DatasetError, match=rf"the picture is {kind}, which training cannot read"):
        run(settings(prepared), workspace)
    run(settings(prepared, validate__rules={"image-format": "warning"}), workspace)

    example = first_example(workspace)
    assert (example.image_format, decode(example.image_bytes).tobytes()) == ("png", pixels.tobytes())


def test_boxes_outside_the_picture_never_pass(settings, workspace, prepared):
    edit(prepared / "annotations" / "0000.xml", "<xmax>28", "<xmax>65")

    with pytest.raises(DatasetError, match="xmax 65 is outside"):
        run(settings(prepared, validate__rules={"box-outside": "off"}), workspace)


def test_an_edited_table_stands_in_place_of_the_annotations(settings, workspace, prepared, tmp_path):
    rows = ["0000.jpg,64,48,fish,1,2,30,40", "0001.jpg,64,48,,,,,"]
    (tmp_path / "t.csv").write_text("\n".join([",".join(COLUMNS), *rows]))

    report = run(settings(prepared, records__from_csv=tmp_path / "t.csv"), workspace)

    first, second, third, *_ = read_examples(workspace.shard_paths(Split.TRAIN))
    assert [(one.class_name, one.class_id) for one in first.boxes] == [("fish", 2)]
    assert (second.boxes, len(third.boxes)) == ((), 1)
    assert report.notes[-1] == f"2 of 12 pictures with the boxes of {tmp_path / 't.csv'}"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("0000.jpg,64,48,baot,1,2,30,40", r"t\.csv:2: 'baot' is not a class", id="class"),
        pytest.param("0000.jpg,64,48,boat,1,2,65,40", r"t\.csv:2: boat: xmax 65 is outside", id="box"),
        pytest.param("0000.jpg,65,48,boat,1,2,30,40", r"t\.csv:2: <size> is 65x48, but", id="size"),
    ],
)
def test_faults_of_a_table_are_told_at_its_line(settings, workspace, prepared, tmp_path, row, message):  # noqa: PLR0913, PLR0917
    (tmp_path / "t.csv").write_text(f"{','.join(COLUMNS)}\n{row}\n")

    with pytest.raises((DatasetError, LabelMapError), match=message):
        run(settings(prepared, records__from_csv=tmp_path / "t.csv"), workspace)


def test_rows_of_pictures_in_no_list_are_told(settings, workspace, prepared, tmp_path):
    write_split_list(workspace.split_path(Split.TEST), [])
    (tmp_path / "t.csv").write_text(f"{','.join(COLUMNS)}\n0011.jpg,64,48,,,,,\n")

    report = run(settings(prepared, records__from_csv=tmp_path / "t.csv"), workspace)

    assert report.notes[-1] == "1 picture of the table in no list of a split, so not written"


def test_what_tabulate_wrote_gives_the_same_records(settings, workspace, prepared):
    run(settings(prepared), workspace)
    before = contents(workspace)
    tabulate.run(settings(prepared), workspace)

    run(settings(prepared, records__from_csv=workspace.annotations_dir), workspace)

    assert contents(workspace) == before


def test_the_bytes_do_not_depend_on_the_number_of_processes(settings, workspace, prepared):
    run(settings(prepared, records__shards=3, records__jobs=1), workspace)
    before = contents(workspace)

    run(settings(prepared, records__shards=3, records__jobs=3), workspace)

    assert contents(workspace) == before


def test_a_thousand_pictures_go_into_each_file(settings, workspace, prepared, monkeypatch):
    monkeypatch.setattr(records, "_PICTURES_PER_SHARD", 4)

    report = run(settings(prepared), workspace)

    assert [len(list(read_examples([path]))) for path in workspace.shard_paths(Split.TRAIN)] == [3, 3, 3]
    assert report.results["splits"]["test"]["shards"] == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_was_killed_leaves_the_old_records_and_the_next_one_gives_the_same_bytes(
    settings, workspace, prepared, jobs
):
    changed = settings(prepared, records__shards=6, records__max_side=32)
    run(changed, workspace)
    expected = contents(workspace)
    run(settings(prepared), workspace)
    before = contents(workspace)

    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(prepared), str(workspace.root), str(jobs)], env=SOURCES, check=False
    )

    assert (ended.returncode, contents(workspace)) == (-signal.SIGKILL, before)
    assert [path.suffix for path in workspace.root.glob(".records.*")] == [".part"]
    run(changed, workspace)
    assert contents(workspace) == expected
    assert list(workspace.root.glob(".records.*")) == []
