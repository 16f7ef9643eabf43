"""The pictures that are trained on: decoded once, made smaller where they are giants, kept as memory allows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example

pytestmark = pytest.mark.tensorflow


def _example(name, size, boxes=()):
    stream = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(stream, "JPEG")
    return encode_example(DetectionExample(name, name, stream.getvalue(), "jpeg", ImageSize(*size), boxes))


@pytest.fixture
def shard(tmp_path):
    box = ExampleBox(NormalizedBox(0.125, 0.25, 0.5, 0.75), "cat", 2)
    path = tmp_path / "train.record-00000-of-00001"
    write_records(path, [_example("small.jpg", (60, 40), (box,)), _example("large.jpg", (800, 400))])
    return path


def _pictures(shard, cache_bytes=10**6):
    from edgetrain.training.input.pictures import TrainingPictures

    return TrainingPictures([shard], least_side=100, cache_bytes=cache_bytes)


def test_pictures_come_with_their_boxes_and_giants_smaller(shard):
    small, large = _pictures(shard)

    assert (small.pixels.shape, large.pixels.shape) == ((40, 60, 3), (100, 200, 3))
    assert small.boxes.tolist() == [[0.125, 0.25, 0.5, 0.75]]
    assert (small.class_ids.tolist(), small.source_id) == ([2], "small.jpg")
    assert large.boxes.shape == (0, 4)
    # A gradient from black to white, whatever it was scaled by.
    assert large.pixels[50].mean() == pytest.approx(127, abs=3)


def test_what_fits_is_decoded_once_and_what_does_not_each_time(shard):
    pictures = _pictures(shard, cache_bytes=40 * 60 * 3)

    assert pictures[0] is pictures[0]
    assert pictures[1] is not pictures[1]
    assert np.array_equal(pictures[1].pixels, pictures[1].pixels)


def test_the_classes_of_each_picture_are_told_without_decoding(shard):
    assert _pictures(shard).class_names() == [("cat",), ()]


def test_a_record_that_was_altered_is_one_message(shard):
    content = bytearray(shard.read_bytes())
    content[200] ^= 1
    shard.write_bytes(content)

    with pytest.raises(DatasetError, match=r'the record at byte 0 has a wrong checksum\. Run "ci/inv records" again'):
        _pictures(shard)[0]
