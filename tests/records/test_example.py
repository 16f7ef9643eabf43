"""Examples of labelled pictures: protobuf's bytes without protobuf, read by the Object Detection API."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError
from edgetrain.records.example import DetectionExample, ExampleBox, decode_example, read_examples
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
SHARES = st.floats(0, 1, width=32)
BOXES = st.builds(
    ExampleBox, st.builds(NormalizedBox, SHARES, SHARES, SHARES, SHARES), TEXTS, st.integers(1, 2**40), st.booleans()
)
SIZES = st.builds(ImageSize, st.integers(1, 10**6), st.integers(1, 10**6))
EXAMPLES = st.builds(
    DetectionExample,
    TEXTS,
    TEXTS,
    st.binary(max_size=300),
    st.sampled_from(["jpeg", "png"]),
    SIZES,
    st.lists(BOXES, max_size=3).map(tuple),
)
BOAT = ExampleBox(NormalizedBox(0.25, 0.125, 0.5, 0.75), "boat", 2, is_difficult=True)
EXAMPLE = DetectionExample("a.jpg", "images/a.jpg", b"bytes", "jpeg", ImageSize(64, 48), (BOAT, BOAT))


def their_example(example):
    """Return the message that protobuf makes of an example."""
    import tensorflow as tf

    def texts(*values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value for value in values]))  # noqa: C416

    def floats(side):
        values = [getattr(item.box, side) for item in example.boxes]
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    def ints(*values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    feature = {f"image/object/bbox/{side}": floats(side) for side in ("xmin", "xmax", "ymin", "ymax")}
    feature["image/encoded"] = texts(example.image_bytes)
    feature["image/format"] = texts(example.image_format.encode())
    feature["image/filename"] = texts(example.filename.encode())
    feature["image/source_id"] = texts(example.source_id.encode())
    feature["image/height"], feature["image/width"] = ints(example.size.height), ints(example.size.width)
    feature["image/object/class/text"] = texts(*(item.class_name.encode() for item in example.boxes))
    feature["image/object/class/label"] = ints(*(item.class_id for item in example.boxes))
    feature["image/object/difficult"] = ints(*(int(item.is_difficult) for item in example.boxes))
    return tf.train.Example(features=tf.train.Features(feature=feature))


@given(EXAMPLES)
def test_an_encoded_example_is_decoded_to_the_same(example):
    assert example == decode_example(encode_example(example))


@pytest.mark.tensorflow
@given(EXAMPLES)
def test_the_bytes_are_those_of_protobuf(example):
    assert their_example(example).SerializeToString(deterministic=True) == encode_example(example)


@pytest.mark.tensorflow
@pytest.mark.parametrize("example", [EXAMPLE, DetectionExample("a", "a", b"", "png", ImageSize(1, 1), ())])
def test_what_protobuf_wrote_is_decoded(example):
    """Protobuf's own order of the map differs from the sorted one."""
    assert example == decode_example(their_example(example).SerializeToString())


@pytest.mark.tensorflow
def test_the_object_detection_api_reads_an_example(tmp_path):
    from object_detection.data_decoders.tf_example_decoder import TfExampleDecoder
    from PIL import Image

    from benchmarks.moved_names import restore_moved_names

    restore_moved_names()
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    (tmp_path / "map").write_text("item { id: 1 name: 'fish' } item { id: 2 name: 'boat' }")
    data = (tmp_path / "a.png").read_bytes()
    example = DetectionExample("a.png", "images/a.png", data, "png", ImageSize(64, 48), (BOAT,))

    decoded = TfExampleDecoder(label_map_proto_file=str(tmp_path / "map")).decode(encode_example(example))

    assert decoded["image"].shape == (48, 64, 3)
    assert decoded["source_id"].numpy() == b"images/a.png"
    assert decoded["groundtruth_boxes"].numpy().tolist() == [[0.25, 0.125, 0.5, 0.75]]
    assert decoded["groundtruth_classes"].numpy().tolist() == [2]
    assert decoded["groundtruth_difficult"].numpy().tolist() == [True]


def entry(key, feature):
    """Return one feature of an example as bytes; all lengths are below 128."""
    text = key.encode()
    value = bytes([10, len(text)]) + text + bytes([18, len(feature)]) + feature
    return bytes([10, len(value)]) + value


def with_features(*entries):
    """Return an encoded example with features put behind its own, which they replace."""
    own = encode_example(EXAMPLE)
    return own + b"".join(bytes([10, len(item)]) + item for item in entries)


@pytest.mark.parametrize(
    "feature",
    [
        pytest.param(b"\x1a\x04\x08\x05\x08\x06", id="unpacked"),
        pytest.param(b"\x1a\x04\x0a\x02\x05\x06", id="packed"),
        pytest.param(b"\x1a\x05\x0a\x01\x05\x08\x06", id="both"),
        pytest.param(b"\x1a\x0b\x0a\x02\x05\x06\x15\0\0\0\0\x18\x01", id="with unknown fields"),
    ],
)
def test_numbers_are_read_packed_and_unpacked(feature):
    example = decode_example(with_features(entry("image/object/class/label", feature)))

    assert [item.class_id for item in example.boxes] == [5, 6]


def test_unpacked_floats_and_negative_numbers_are_read():
    floats = b"\x12\x0c\x0d\0\0\0\x3f\x10\x07\x0d\0\0\x80\x3f"  # an unknown field between the two
    minus_one = b"\x1a\x0c\x0a\x0a" + b"\xff" * 9 + b"\x01"

    example = decode_example(with_features(entry("image/object/bbox/xmax", floats), entry("image/width", minus_one)))

    assert [item.box.xmax for item in example.boxes] == [0.5, 1.0]
    assert example.size.width == -1


def test_the_difficult_feature_may_be_missing():
    example = decode_example(with_features(entry("image/object/difficult", b"\x1a\x00")))

    assert [item.is_difficult for item in example.boxes] == [False, False]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "image/filename has 0 values, not 1", id="empty"),
        pytest.param(
            with_features(entry("image/width", b"\x1a\x00")), "image/width has 0 values, not 1", id="no width"
        ),
        pytest.param(
            with_features(entry("image/object/class/label", b"\x1a\x03\x0a\x01\x05")),
            r"the lists of its boxes have the lengths \[1, 2\]",
            id="one label, two boxes",
        ),
        pytest.param(encode_example(EXAMPLE)[:-1], "1 bytes are missing at its end", id="cut"),
        pytest.param(b"\x0b", "wire type 3 at byte 1", id="group"),
        pytest.param(b"\x0a\xff", "a number is cut off at its end", id="cut length"),
        pytest.param(b"\xff" * 11, "a number at byte 10 has more than 64 bits", id="endless number"),
    ],
)
def test_what_is_no_example_is_a_dataset_error(data, message):
    with pytest.raises(DatasetError, match=f"not an example of a labelled picture: {message}"):
        decode_example(data)


@given(st.data())
def test_damaged_bytes_never_give_a_traceback(data):
    source = encode_example(EXAMPLE)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))

    try:
        result = decode_example(source[:start] + data.draw(st.binary(max_size=8)) + source[end:])
    except DatasetError as error:
        result = error

    assert result


def test_files_are_read_in_order_and_damage_names_file_and_record(tmp_path):
    write_records(tmp_path / "one", [encode_example(EXAMPLE)])
    write_records(tmp_path / "two", [encode_example(EXAMPLE), b"\x0b"])

    examples = read_examples([tmp_path / "one", tmp_path / "two"])

    assert [next(examples), next(examples)] == [EXAMPLE, EXAMPLE]
    with pytest.raises(DatasetError, match="two: record 2: not an example"):
        next(examples)
