"""TFRecord framing: TensorFlow's bytes, without TensorFlow; damage is told with the record's number."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import DatasetError, StorageError
from edgetrain.core.system.files import file_digest
from edgetrain.records.tfrecord import read_record, read_records, record_offsets, records_digest, write_records

RECORDS = st.lists(st.binary(max_size=40), max_size=4)
PARTS = st.lists(st.lists(st.binary(max_size=9), max_size=3).map(tuple), max_size=4)


@given(RECORDS)
def test_written_records_are_read_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "r"

    written = write_records(path, records)

    assert (len(records), path.stat().st_size) == (written.count, written.size_bytes)
    assert records == list(read_records(path))


@given(PARTS)
def test_parts_make_the_same_file_as_the_whole(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("records")

    written = write_records(folder / "parts", records)

    assert write_records(folder / "whole", map(b"".join, records)) == written
    assert (folder / "whole").read_bytes() == (folder / "parts").read_bytes()


@given(RECORDS)
def test_the_digest_is_known_from_writing(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "r"

    assert write_records(path, records).digest == records_digest(path)


def test_other_records_have_another_digest(tmp_path):
    several = [[], [b""], [b"", b""], [b"a"], [b"b"], [b"a", b"b"], [b"ab"], [b"b", b"a"]]

    digests = [write_records(tmp_path / "r", records).digest for records in several]

    assert len(set(digests)) == len(several)


def test_damage_gives_another_digest(tmp_path):
    path = tmp_path / "r"
    digest = write_records(path, [b"first", b"second"]).digest
    whole = path.read_bytes()

    for place, bit in itertools.product(range(len(whole)), (1, 128)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        assert records_digest(path) != digest
    path.write_bytes(whole[:-1])
    assert records_digest(path) == file_digest(path)


@pytest.mark.tensorflow
@given(RECORDS)
def test_the_bytes_are_those_of_tensorflow(tmp_path_factory, records):
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("records")
    with tf.io.TFRecordWriter(str(folder / "theirs")) as writer:
        for record in records:
            writer.write(record)
    write_records(folder / "ours", records)

    assert (folder / "theirs").read_bytes() == (folder / "ours").read_bytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda data: data[:-1], "record 2 is cut off", id="last byte missing"),
        pytest.param(lambda data: data[:25], "record 2 is cut off", id="cut in the header"),
        pytest.param(lambda data: data[:17] + b"x" + data[18:], "record 1 has a wrong checksum", id="crc altered"),
        pytest.param(lambda data: data[:13] + b"x" + data[14:], "record 1 has a wrong checksum", id="data altered"),
        pytest.param(lambda data: b"\xff" + data[1:], "record 1 has a wrong checksum of its length", id="length"),
    ],
)
def test_damage_is_told_with_the_number_of_the_record(tmp_path, damage, message):
    path = tmp_path / "r"
    write_records(path, [b"first", b"second"])
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DatasetError, match=f'r: {message}. Run "ci/inv records" again.'):
        list(read_records(path))


def test_files_that_cannot_be_opened_are_own_errors(tmp_path):
    with pytest.raises(DatasetError, match="r: cannot be read"):
        list(read_records(tmp_path / "r"))
    with pytest.raises(StorageError, match=str(tmp_path)):
        write_records(tmp_path, [b"x"])


def test_a_record_is_read_where_it_starts(tmp_path):
    path = tmp_path / "a.record"
    write_records(path, [b"one", b"", b"three"])

    assert [read_record(path, offset) for offset in record_offsets(path)] == [b"one", b"", b"three"]


def test_starts_are_not_looked_for_behind_a_damage(tmp_path):
    path = tmp_path / "a.record"
    write_records(path, [b"one", b"two"])
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(DatasetError, match=r'a\.record: record 2 is cut off\. Run "ci/inv records" again'):
        record_offsets(path)
    with pytest.raises(DatasetError, match=r"a\.record: the record at byte 19 is cut off"):
        read_record(path, 19)


def test_a_missing_file_of_records_is_one_message(tmp_path):
    for read in (record_offsets, lambda path: read_record(path, 0)):
        with pytest.raises(DatasetError, match=r"none\.record: cannot be read \(No such file or directory\)"):
            read(tmp_path / "none.record")
