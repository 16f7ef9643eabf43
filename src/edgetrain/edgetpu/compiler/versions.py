"""Which versions of which operators edgetpu_compiler 16.0 reads.

The compiler carries TFLite of July 2021: it reads what came with TensorFlow 2.5 or before and refuses what came with
2.7 or later; 2.6 is unproven. Sources: TensorFlow's ``runtime_version.cc``, which says with which TensorFlow a version
came, and ``op_version.cc``, which says why; refusals in issues of google-coral/edgetpu (340, 631, 708, 818, 845, 879)
and google-coral/libedgetpu (71).
"""

from __future__ import annotations

from edgetrain.tflite.file import Operator

# Operator: newest version that TensorFlow 2.5 had. A version of TensorFlow 2.6 is in the second table.
_NEWEST_VERSION = {
    "ADD": 3,
    "AVERAGE_POOL_2D": 3,
    "CONCATENATION": 3,
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 6,
    "DEQUANTIZE": 4,
    "FULLY_CONNECTED": 9,
    "QUANTIZE": 2,
    "LOGISTIC": 3,
    "MAX_POOL_2D": 3,
    "MEAN": 3,
    "MUL": 4,
    "SUB": 5,
    "PACK": 3,
    "UNPACK": 4,
    "PAD": 3,
    "RELU": 3,
    "RELU6": 3,
    "RESHAPE": 1,
    "EXPAND_DIMS": 1,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4,
    "SLICE": 5,
    "SOFTMAX": 3,
    "SPLIT": 4,
    "SQUEEZE": 2,
    "STRIDED_SLICE": 5,
    "TANH": 3,
    "TRANSPOSE": 5,
    "TRANSPOSE_CONV": 3,
    "EXP": 1,
    "CAST": 1,
    "TILE": 2,
    "ARG_MAX": 2,
    "GATHER": 5,
    "BATCH_MATMUL": 4,
    "BROADCAST_TO": 3,
}
_UNPROVEN_VERSION = {"ADD": 4, "MUL": 5, "PAD": 4, "STRIDED_SLICE": 6}
_VERSION_CAUSES = {
    ("CONV_2D", 6): 'a grouped convolution, which "ci/inv adapt" rewrites where it can',
    ("QUANTIZE", 3): "a tensor that is quantized for each channel",
    ("TRANSPOSE_CONV", 4): "an activation fused into it",
}
_NEWEST_BUILTIN = 145


def newest_version(name: str) -> int | None:
    """Return the newest version of an operator that the compiler reads for certain; ``None`` if it is not known."""
    return _NEWEST_VERSION.get(name)


def version_refusal(operator: Operator) -> str | None:
    """Return why the compiler cannot read a built-in operator; ``None`` if it can, or if nothing is known."""
    if operator.code > _NEWEST_BUILTIN:
        return f"Op builtin_code out of range: {operator.code}: {operator.name} came after the compiler"
    newest = max(_NEWEST_VERSION.get(operator.name, operator.version), _UNPROVEN_VERSION.get(operator.name, 0))
    if operator.version <= newest:
        return None
    cause = _VERSION_CAUSES.get((operator.name, operator.version))
    reason = f": its cause is {cause}" if cause else ""
    return f"Didn't find op for builtin opcode '{operator.name}' version '{operator.version}'{reason}"


def unproven_version(operator: Operator) -> bool:
    """Return whether an operator's version came with TensorFlow 2.6, of which no public log says if it is read."""
    return _UNPROVEN_VERSION.get(operator.name) == operator.version


def is_known(operator: Operator) -> bool:
    """Return whether it is known which versions of an operator the compiler reads; custom ones have none."""
    return operator.is_custom or operator.name in _NEWEST_VERSION
