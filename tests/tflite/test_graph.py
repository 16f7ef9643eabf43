"""The outputs of a TFLite file in the order that Coral's programs expect."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import TrainingError

pytestmark = pytest.mark.tensorflow


def _converted(function, shape):
    import tensorflow as tf

    graph = tf.function(function).get_concrete_function(tf.TensorSpec(shape))
    return tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert()


def test_a_model_without_post_processing_is_refused(tmp_path):
    """Nothing is written."""
    from edgetrain.tflite.graph import write_in_coral_order

    path = tmp_path / "model.tflite"

    with pytest.raises(TrainingError, match="has 0 TFLite_Detection_PostProcess operators, not 1"):
        write_in_coral_order(_converted(lambda x: x * 2, (1, 4)), path)

    assert not path.exists()


def test_an_interpreter_reads_boxes_classes_scores_count(finished_workspace):
    """Both files, the float32 one too: shapes tell the four outputs apart."""
    from edgetrain.tflite.interpreters import Interpreter

    for path in (finished_workspace.float_model_path, finished_workspace.model_path):
        interpreter = Interpreter(str(path))
        details = interpreter.get_output_details()

        assert [detail["name"] for detail in details] == [f"StatefulPartitionedCall:{i}" for i in (3, 2, 1, 0)]
