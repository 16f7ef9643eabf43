"""Finished records read back: every fault with file, record and name, those of whole sets too."""

from __future__ import annotations

import gzip

import pytest

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.dataset.division import write_split_list
from edgetrain.records import write as records
from edgetrain.records.example import read_examples
from edgetrain.records.tfrecord import read_records, write_records
from edgetrain.records.verify import run
from tests.support.examples import encode_example
from tests.support.outcomes import failed

TRAIN = "train.record-00000-of-00002"


@pytest.fixture
def written(settings, workspace, voc_dataset):
    """Return the settings of finished records: nine pictures train in two files, three test."""
    names = [f"annotations/{number:04d}.xml" for number in range(12)]
    for split, of_split in ((Split.TRAIN, names[:9]), (Split.VALIDATION, []), (Split.TEST, names[9:])):
        write_split_list(workspace.split_path(split), of_split)
    write_label_map(workspace.label_map_path, LabelMap(("boat", "fish", "house")))
    records.run(settings(voc_dataset, records__shards=2), workspace)
    return settings(voc_dataset, records__jobs=1)


def faults_of(settings, workspace):
    outcome = failed(run(settings, workspace), match='Correct the dataset, then run "ci/inv records" again')
    return outcome.results["text"].splitlines()[:-1]


def test_good_records_have_no_fault(written, workspace):
    report = run(written, workspace)

    assert report.summary == "12 records in 4 files, 16 boxes: 0 errors, 0 warnings"
    assert report.results["text"] == f"{report.summary}."


def test_a_fault_is_told_with_file_record_and_name(written, workspace):
    write_label_map(workspace.label_map_path, LabelMap(("boat", "cat", "house")))

    told = faults_of(written, workspace)

    assert told[0] == (
        "test.record-00000-of-00002: record 1 (images/0009.jpg): error: box 2: 'fish' is not in the label map: the box "
        "is dropped in silence."
    )
    assert len(told) == 5


def test_the_report_holds_each_fault(written, workspace):
    write_label_map(workspace.label_map_path, LabelMap(("boat", "cat", "house")))

    outcome = failed(run(written, workspace))

    [first, *_] = outcome.results["faults"]
    assert set(first) == {"file", "record", "source_id", "severity", "message"}
    assert "'fish' is not in the label map" in first["message"]


def test_a_damaged_record_does_not_hide_those_behind_it(written, workspace):
    path = workspace.records_dir / TRAIN
    data = bytearray(path.read_bytes())
    first = int.from_bytes(data[:8], "little")
    data[100] ^= 1
    data[12 + first + 4 + 12 + 100] ^= 1
    path.write_bytes(data)

    told = faults_of(written, workspace)

    assert told == [f"{TRAIN}: record {n} (): error: the record has a wrong checksum: training stops." for n in (1, 2)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda data: data[:-5], "record 5 (): error: the record is cut off", id="cut"),
        pytest.param(lambda data: data + b"abc", "record 6 (): error: the record is cut off", id="bytes behind"),
        pytest.param(lambda data: b"\1" + data[1:], "record 1 (): error: the record has a wrong check", id="length"),
        pytest.param(gzip.compress, "record 1 (): error: the record is compressed", id="gzip"),
        pytest.param(lambda _: b"", "error: the file has no record: training waits for ever", id="empty"),
    ],
)
def test_a_damaged_file_is_told(written, workspace, change, message):
    path = workspace.records_dir / TRAIN
    path.write_bytes(change(path.read_bytes()))

    [told] = faults_of(written, workspace)

    assert told.startswith(f"{TRAIN}: {message}")


def test_a_length_beyond_the_file_reserves_no_memory(tmp_path):
    write_records(tmp_path / "a", [b"x" * 5000])
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:5000])

    with pytest.raises(DatasetError, match="record 1 is cut off"):
        list(read_records(tmp_path / "b"))


def test_what_is_no_example_is_told(written, workspace):
    write_records(workspace.records_dir / TRAIN, [b"\x0b", *read_records(workspace.records_dir / TRAIN)])

    [told] = faults_of(written, workspace)

    assert told.startswith(f"{TRAIN}: record 1 (): error: the record is no example of a labelled picture (wire type 3")


def test_a_name_in_two_splits_is_told_where_it_stands_again(written, workspace):
    [test, *_] = workspace.shard_paths(Split.TEST)
    [twin, *_] = read_examples([workspace.records_dir / TRAIN])
    write_records(test, [*read_records(test), encode_example(twin)])

    [told] = faults_of(written, workspace)

    assert told == (
        f"{test.name}: record 3 (images/0000.jpg): error: image/source_id is already in {TRAIN}: record 1: "
        "evaluation drops the boxes of one of the two."
    )


def test_a_missing_file_of_a_set_is_told(written, workspace):
    (workspace.records_dir / TRAIN).unlink()

    [told] = faults_of(written, workspace)

    assert told == (
        "train.record-00001-of-00002: error: 1 of 2 files of its set are there, and 1 in all: records are missing, "
        "or stand twice."
    )


def test_two_sets_of_a_split_are_told(written, workspace):
    [first, second] = workspace.shard_paths(Split.TEST)
    write_records(first.with_name("test.record-00000-of-00001"), [])

    told = faults_of(written, workspace)

    assert [line.split(":")[0] for line in told] == [*["test.record-00000-of-00001"] * 2, first.name]
    assert second.is_file()


def test_nothing_to_train_on_is_an_error(written, workspace):
    for path in workspace.shard_paths(Split.TRAIN):
        path.unlink()

    assert faults_of(written, workspace) == [
        "train.record-?????-of-?????: error: there is no such file, so nothing to train on."
    ]


@pytest.mark.parametrize(("path", "message"), [("records", r'"ci/inv records" first'), ("annotations", "label-map")])
def test_a_missing_input_names_the_stage_that_makes_it(written, workspace, path, message):
    (workspace.root / path).rename(workspace.root / "away")

    with pytest.raises(MissingInputError, match=message):
        run(written, workspace)
