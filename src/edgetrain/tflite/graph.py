"""A converted model's outputs, put in the order that Coral's programs expect.

Accepted: files with one subgraph that ends in ``TFLite_Detection_PostProcess``. TensorFlow 2.6 and later write
its outputs as scores, boxes, count, classes; pycoral and Frigate read boxes, classes, scores, count
(tensorflow issue 52259).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow.lite.tools import flatbuffer_utils

from edgetrain.core.errors import TrainingError
from edgetrain.tflite.file import POST_PROCESS


def write_in_coral_order(content: bytes, path: Path) -> None:
    """Write a converted model with its outputs as boxes, classes, scores, count.

    Args:
        content: the converter's result.
        path: the file to write.

    Raises:
        TrainingError: the model does not end in SSD post-processing.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    if len(model.subgraphs) != 1:
        raise TrainingError(f"{path}: the model has {len(model.subgraphs)} subgraphs, not 1. Export it again.")
    graph = model.subgraphs[0]
    last = [operator for operator in graph.operators if _is_post_process(model, operator)]
    if len(last) != 1:
        raise TrainingError(f"{path}: the model has {len(last)} {POST_PROCESS} operators, not 1. Export it again.")
    # The operator's own outputs are in this order by its definition.
    graph.outputs = list(last[0].outputs)
    flatbuffer_utils.write_model(model, str(path))


def _is_post_process(model: Any, operator: Any) -> bool:
    code = model.operatorCodes[operator.opcodeIndex].customCode
    return (code.decode() if isinstance(code, bytes) else code) == POST_PROCESS
