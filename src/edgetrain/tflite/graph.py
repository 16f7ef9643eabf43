"""The operators and tensors of a TFLite file, and its outputs put in the order that Coral's programs expect.

Accepted: files with one subgraph that ends in ``TFLite_Detection_PostProcess``. TensorFlow 2.6 and later write
its outputs as scores, boxes, count, classes; pycoral and Frigate read boxes, classes, scores, count
(tensorflow issue 52259).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from edgetrain.core.errors import TrainingError

POST_PROCESS = "TFLite_Detection_PostProcess"
_INTEGER_TYPES = ("INT8", "UINT8", "INT32")
_OPERATOR_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}


@dataclass(frozen=True)
class Operator:
    """One operator: name, version, and the types of its tensors that are computed (not constant)."""

    name: str
    version: int
    input_types: tuple[str, ...]
    output_types: tuple[str, ...]


@dataclass(frozen=True)
class TfliteGraph:
    """The operators of a file in order, and the names of its output tensors."""

    operators: tuple[Operator, ...]
    outputs: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how often each operator occurs, by ``NAME vVERSION``, sorted."""
        return dict(sorted(Counter(f"{operator.name} v{operator.version}" for operator in self.operators).items()))

    def float_operators(self) -> list[str]:
        """Return the names of operators that compute in floating point, conversions at the ends left out."""
        return [
            operator.name
            for operator in self.operators
            if operator.name not in ("QUANTIZE", "DEQUANTIZE", POST_PROCESS)
            and not set(operator.input_types + operator.output_types) <= set(_INTEGER_TYPES)
        ]


def read_graph(path: Path) -> TfliteGraph:
    """Return the graph of a TFLite file."""
    model = flatbuffer_utils.read_model(str(path))
    graph = _only_subgraph(model, path)
    operators = tuple(_operator(model, graph, operator) for operator in graph.operators)
    return TfliteGraph(operators, tuple(_text(graph.tensors[index].name) for index in graph.outputs))


def write_in_coral_order(content: bytes, path: Path) -> None:
    """Write a converted model with its outputs as boxes, classes, scores, count.

    Args:
        content: the converter's result.
        path: the file to write.

    Raises:
        TrainingError: the model does not end in SSD post-processing.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = _only_subgraph(model, path)
    last = [operator for operator in graph.operators if _name(model, operator) == POST_PROCESS]
    if len(last) != 1:
        raise TrainingError(f"{path}: the model has {len(last)} {POST_PROCESS} operators, not 1. Export it again.")
    # The operator's own outputs are in this order by its definition.
    graph.outputs = list(last[0].outputs)
    flatbuffer_utils.write_model(model, str(path))


def _only_subgraph(model: Any, path: Path) -> Any:
    if len(model.subgraphs) != 1:
        raise TrainingError(f"{path}: the model has {len(model.subgraphs)} subgraphs, not 1. Export it again.")
    return model.subgraphs[0]


def _operator(model: Any, graph: Any, operator: Any) -> Operator:
    code = model.operatorCodes[operator.opcodeIndex]
    return Operator(
        _name(model, operator),
        int(code.version),
        tuple(_TYPE_NAMES[graph.tensors[i].type] for i in operator.inputs if _is_computed(model, graph, i)),
        tuple(_TYPE_NAMES[graph.tensors[i].type] for i in operator.outputs),
    )


def _is_computed(model: Any, graph: Any, index: int) -> bool:
    """Return whether a tensor is there (optional inputs have index -1) and is no constant."""
    if index < 0:
        return False
    data = model.buffers[graph.tensors[index].buffer].data
    return data is None or len(data) == 0


def _name(model: Any, operator: Any) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    return _text(code.customCode) if builtin == schema.BuiltinOperator.CUSTOM else _OPERATOR_NAMES[builtin]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
