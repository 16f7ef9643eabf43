"""TFLite files read without TensorFlow, sound and damaged."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.errors import ModelError
from edgetrain.tflite.file import parse_tflite, read_tflite
from tests.support.places import SHARED_DIR
from tests.support.tflite_models import content_of, detector, write_model

SOUND = content_of(detector())


def test_operators_tensors_and_ends_are_read():
    model = parse_tflite(SOUND, "m")
    (graph,) = model.subgraphs

    assert [operator.name for operator in graph.operators][:3] == ["QUANTIZE", "CONV_2D", "RESHAPE"]
    assert [graph.tensors[place].name for place in graph.outputs] == ["boxes", "classes", "scores", "count"]
    assert model.counts()["DEQUANTIZE v2"] == 2
    assert (model.size_bytes, model.description) == (len(SOUND), "made for a test")


def test_constants_have_a_size_and_small_ones_their_content():
    model = parse_tflite(content_of(detector().with_tensor("bias", data=bytes(12) + b"\x07\0\0\0")), "m")
    tensors = {tensor.name: tensor for tensor in model.subgraphs[0].tensors}

    assert (tensors["filter"].is_constant, tensors["filter"].constant_bytes) == (True, 108)
    assert tensors["bias"].int32_values == (0, 0, 0, 7)
    assert not tensors["features"].is_constant
    assert model.constant_bytes == 108 + 16 + 1024


def test_what_computes_in_floating_point_is_told():
    """Conversions at the ends do not, nor does an operator whose constants alone are numbers."""
    integers = parse_tflite(SOUND, "m").subgraphs[0]
    numbers = parse_tflite(content_of(detector().with_tensor("features", type="FLOAT32")), "m").subgraphs[0]

    assert integers.float_operators() == []
    assert numbers.float_operators() == ["CONV_2D", "RESHAPE"]


def test_a_size_of_minus_one_is_dynamic():
    model = parse_tflite(content_of(detector().with_tensor("features", signature=(-1, 8, 8, 4))), "m")

    assert [tensor.name for tensor in model.subgraphs[0].tensors if tensor.is_dynamic] == ["features"]


def test_metadata_are_named_buffers():
    spec = detector()
    spec.metadata["labels"] = b"boat\n"

    assert parse_tflite(content_of(spec), "m").metadata == {"labels": b"boat\n"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "no TFLite model", id="empty"),
        pytest.param(b"PK\3\4" + bytes(100), "no TFLite model", id="another format"),
        pytest.param(SOUND[:100], "is damaged", id="cut off"),
        pytest.param(b"\xff\xff\xff\x7f" + SOUND[4:], "is damaged", id="root beyond the end"),
        pytest.param(b"\0\0\0\0TFL3" + bytes(100), "is damaged", id="no graph"),
    ],
)
def test_what_is_no_model_is_one_message(tmp_path, content, message):
    path = tmp_path / "m.tflite"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=rf"m\.tflite: .*{message}"):
        read_tflite(path)


def test_what_is_no_regular_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.tflite")

    with pytest.raises(ModelError, match="this is no regular file"):
        read_tflite(tmp_path / "pipe.tflite")


def test_a_file_too_large_for_a_model_is_not_read(tmp_path):
    (tmp_path / "large.tflite").touch()
    os.truncate(tmp_path / "large.tflite", (1 << 30) + 1)

    with pytest.raises(ModelError, match=r"large\.tflite: more than 1024 MiB is no model for an Edge TPU"):
        read_tflite(tmp_path / "large.tflite")


def test_a_file_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(ModelError, match=r"no\.tflite: cannot be read \(No such file"):
        read_tflite(tmp_path / "no.tflite")


@given(changes=st.lists(st.tuples(st.integers(8, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_altered_bytes_end_in_a_model_or_in_a_message_and_soon(changes):
    data = bytearray(SOUND)
    for place, value in changes:
        data[place] = value
    started = time.process_time()

    try:
        parse_tflite(bytes(data), "m")
    except ModelError as error:
        assert "is damaged" in str(error)  # noqa: PT017 - either end is right

    assert time.process_time() - started < 5


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(path.name for path in (SHARED_DIR / "edgetpu_models").glob("*.tflite")))
def test_every_model_of_google_is_read(name):
    assert read_tflite(SHARED_DIR / "edgetpu_models" / name).operators


@pytest.mark.tensorflow
def test_a_converted_model_is_read_as_tensorflow_s_own_reader_reads_it(finished_workspace):
    from tensorflow.lite.tools import flatbuffer_utils

    theirs = flatbuffer_utils.read_model(str(finished_workspace.model_path)).subgraphs[0]
    ours = read_tflite(finished_workspace.model_path).subgraphs[0]

    assert [tensor.name for tensor in ours.tensors] == [tensor.name.decode() for tensor in theirs.tensors]
    assert [tuple(operator.inputs) for operator in theirs.operators] == [operator.inputs for operator in ours.operators]
    assert ours.tensors[0].quantization.scales == tuple(theirs.tensors[0].quantization.scale)


def test_the_writer_of_the_tests_makes_whole_files(tmp_path):
    assert read_tflite(write_model(tmp_path / "a" / "m.tflite", detector())).size_bytes == len(SOUND)
