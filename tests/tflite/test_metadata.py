"""Metadata of a TFLite file, read back by the rules of the formats: FlatBuffers by their tables, labels as ZIP."""

from __future__ import annotations

import json
import zipfile

import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.core.label_map import LabelMap

pytestmark = pytest.mark.tensorflow

NAMES = ("boat", "fish", "maison d'été")


class Reader:
    """One table of a FlatBuffer, its fields by the numbers of the schema."""

    def __init__(self, table):
        self.table = table

    @classmethod
    def of(cls, data):
        """Return the root table."""
        from flatbuffers import number_types, table

        return cls(table.Table(data, int.from_bytes(data[: number_types.UOffsetTFlags.bytewidth], "little")))

    def _place(self, slot):
        place = self.table.Offset(4 + 2 * slot)
        assert place, f"field {slot} is absent"
        return place

    def text(self, slot):
        """Return a text."""
        return self.table.String(self._place(slot) + self.table.Pos).decode()

    def number(self, slot, kind):
        """Return a number of a type of FlatBuffers."""
        from flatbuffers import number_types

        return self.table.Get(getattr(number_types, f"{kind}Flags"), self._place(slot) + self.table.Pos)

    def table_at(self, slot):
        """Return a table, a member of a union too."""
        from flatbuffers import table

        place = self.table.Pos + self._place(slot)
        return Reader(table.Table(self.table.Bytes, self.table.Indirect(place)))

    def tables(self, slot):
        """Return a vector of tables."""
        from flatbuffers import table

        place = self._place(slot)
        first = self.table.Vector(place)
        places = [first + 4 * index for index in range(self.table.VectorLen(place))]
        return [Reader(table.Table(self.table.Bytes, self.table.Indirect(place))) for place in places]

    def numbers(self, slot, kind):
        """Return a vector of numbers of four bytes."""
        from flatbuffers import number_types

        place = self._place(slot)
        flags, first = getattr(number_types, f"{kind}Flags"), self.table.Vector(place)
        return [self.table.Get(flags, first + 4 * index) for index in range(self.table.VectorLen(place))]


def _description(*, is_quantized=True, names=NAMES):
    from edgetrain.tflite.metadata import ModelDescription

    return ModelDescription("raccoons", LabelMap(names), ImageSize(320, 300), is_quantized)


def _graph(description):
    from edgetrain.tflite.metadata import render_metadata

    (graph,) = Reader.of(bytearray(render_metadata(description))).tables(3)
    return graph


@pytest.fixture
def model_path(tmp_path):
    """Return a small model as the converter writes it."""
    import tensorflow as tf

    graph = tf.function(lambda x: x * 2).get_concrete_function(tf.TensorSpec((1, 4)))
    path = tmp_path / "model.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert())
    return path


def test_the_metadata_names_the_model_and_the_version_of_its_schema():
    from edgetrain.tflite.metadata import render_metadata

    data = render_metadata(_description())

    assert data[4:8] == b"M001"
    assert Reader.of(bytearray(data)).text(0) == "raccoons"
    assert Reader.of(bytearray(data)).text(7) == "1.0.0"


def test_the_outputs_are_described_in_their_order():
    outputs = _graph(_description()).tables(3)

    assert [output.text(0) for output in outputs] == ["location", "category", "score", "number of detections"]
    assert [output.table_at(3).number(0, "Uint8") for output in outputs] == [3, 1, 1, 1]


def test_boxes_are_said_to_be_ymin_xmin_ymax_xmax():
    """The schema's own order is left, top, right, bottom; type 1 is boundaries, in the last dimension."""
    content = _graph(_description()).tables(3)[0].table_at(3)

    box, dimension = content.table_at(1), content.table_at(2)

    assert box.numbers(0, "Uint32") == [1, 0, 3, 2]
    assert box.number(1, "Int8") == 1
    assert [dimension.number(slot, "Int32") for slot in (0, 1)] == [2, 2]


@pytest.mark.parametrize(
    ("is_quantized", "low", "high"),
    [pytest.param(True, 0, 255, id="uint8"), pytest.param(False, -1, 1, id="float32")],
)
def test_the_input_tells_how_pixels_become_numbers(is_quantized, low, high):
    """Size and colours, mean and deviation, and the range of what the model takes."""
    (image,) = _graph(_description(is_quantized=is_quantized)).tables(2)
    (unit,) = image.tables(4)
    properties, normalization, stats = image.table_at(3).table_at(1), unit.table_at(1), image.table_at(5)

    assert properties.number(0, "Int8") == 1
    assert [properties.table_at(1).number(slot, "Uint32") for slot in (0, 1)] == [320, 300]
    assert unit.number(0, "Uint8") == 1
    assert [normalization.numbers(slot, "Float32") for slot in (0, 1)] == [[127.5], [127.5]]
    assert [stats.numbers(slot, "Float32") for slot in (1, 0)] == [[low], [high]]


def test_the_class_names_stand_in_the_buffer_too():
    """A compiler writes the model anew, without the archive behind it."""
    category = _graph(_description()).tables(3)[1]
    text = category.text(1)

    assert json.loads(text[text.index("[") :]) == list(NAMES)


def test_the_labels_are_an_archive_behind_the_model(model_path):
    """Its name is the one that the metadata says; type 3 is labels of values."""
    from edgetrain.tflite.metadata import write_metadata

    write_metadata(model_path, _description())

    (file,) = _graph(_description()).tables(3)[1].tables(6)
    with zipfile.ZipFile(model_path) as archive:
        assert archive.namelist() == [file.text(0)]
        assert archive.read(file.text(0)).decode().split("\n") == [*NAMES, ""]
    assert file.number(2, "Int8") == 3


def test_the_model_keeps_the_metadata_that_it_had(model_path):
    """One more entry, whose buffer holds the description."""
    from tensorflow.lite.tools import flatbuffer_utils

    from edgetrain.tflite.metadata import render_metadata, write_metadata

    before = flatbuffer_utils.read_model(str(model_path))
    write_metadata(model_path, _description())

    model = flatbuffer_utils.read_model(str(model_path))
    assert [entry.name for entry in model.metadata] == [*(e.name for e in before.metadata), b"TFLITE_METADATA"]
    assert bytes(model.buffers[model.metadata[-1].buffer].data) == render_metadata(_description())


def test_a_model_with_metadata_still_runs(model_path):
    """The interpreter reads the model and not the archive behind it."""
    import numpy as np

    from edgetrain.tflite.interpreters import Interpreter
    from edgetrain.tflite.metadata import write_metadata

    write_metadata(model_path, _description())
    interpreter = Interpreter(str(model_path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.array([[1, 2, 3, 4]], np.float32))
    interpreter.invoke()

    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist() == [[2, 4, 6, 8]]


def test_equal_arguments_give_equal_bytes(model_path):
    """No clock and no file system in the archive."""
    from edgetrain.tflite.metadata import write_metadata

    copy = model_path.with_name("copy.tflite")
    copy.write_bytes(model_path.read_bytes())
    for path in (model_path, copy):
        write_metadata(path, _description())

    with zipfile.ZipFile(model_path) as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    assert model_path.read_bytes() == copy.read_bytes()
