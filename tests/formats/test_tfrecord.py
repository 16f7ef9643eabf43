"""TFRecord framing: TensorFlow's bytes, without TensorFlow; damage is told with the record's number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import DatasetError, StorageError
from edgetrain.formats.tfrecord import read_records, write_records

RECORDS = st.lists(st.binary(max_size=40), max_size=4)


@given(RECORDS)
def test_written_records_are_read_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "r"

    count = write_records(path, records)

    assert (len(records), records) == (count, list(read_records(path)))


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
