"""The proof of a rewrite: both files run under TFLite's reference kernels, and their outputs are compared.

Reference kernels compute by definition, without the optimisations (XNNPACK) that may round otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrain.core.errors import ModelError
from edgetrain.edgetpu.adapt.ends import ChangedEnd
from edgetrain.tflite.interpreters import Array, reference_interpreter

SAMPLES = 8
_SHIFT = 128  # uint8 begins 128 above int8
_FAILURES = (ValueError, RuntimeError, KeyError)


@dataclass(frozen=True)
class Proof:
    """What was compared: runs, output values, how many were not equal, and how far apart each output was at most."""

    runs: int
    values: int
    differing: int
    differences: Mapping[str, float]

    @property
    def largest_difference(self) -> float:
        """The largest difference of any output; 0 if all are equal to the bit."""
        return max(self.differences.values(), default=0.0)


def compare(before: bytes, after: bytes, ends: Sequence[ChangedEnd] = (), *, seed: int = 0) -> Proof:
    """Return how far two files compute the same: all outputs, matched by their names.

    Args:
        before: the file as it was; a batch of unknown size is run with 1.
        after: the file as it is now, with as many inputs.
        ends: inputs that take uint8 now: before, they got the floats or int8 values for which those stand.
        seed: another seed, other inputs; the first two runs have the lowest and the highest values.

    Raises:
        ModelError: a file does not run.
    """
    first, second = _opened(before, "the model as it was"), _opened(after, "the adapted model")
    by_place = {end.place: end for end in ends}
    randomness = np.random.default_rng(seed)
    values = differing = 0
    largest: dict[str, float] = {}
    for run in range(SAMPLES):
        given = [_sample(detail, run, randomness) for detail in second.get_input_details()]
        former = [_before(value, by_place.get(place)) for place, value in enumerate(given)]
        ones, others = _run(first, former), _run(second, given)
        if ones.keys() != others.keys():
            raise ModelError(f"adapt: the outputs are {sorted(others)}, and were {sorted(ones)}.")
        for name, one in ones.items():
            other = others[name]
            if one.shape != other.shape:
                raise ModelError(f"adapt: output {name!r} has the shape {other.shape}, and had {one.shape}.")
            unequal = ~((one == other) | (_is_nan(one) & _is_nan(other)))
            values, differing = values + one.size, differing + int(unequal.sum())
            apart = np.abs(one[unequal].astype(np.float64) - other[unequal].astype(np.float64))
            # A number against no number is as far apart as can be.
            largest[name] = max(largest.get(name, 0.0), float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0)))
    return Proof(SAMPLES, values, differing, largest)


def computed(content: bytes, wanted: frozenset[int]) -> Mapping[int, tuple[tuple[int, ...], bytes]]:
    """Return the shape of each tensor of a file after one run, and the content of the wanted ones (else empty).

    Raises:
        ModelError: the file does not run.
    """
    interpreter = _opened(content, "the model with a batch of 1", keeps_all=True)
    _run(interpreter, [np.zeros(d["shape"], d["dtype"]) for d in interpreter.get_input_details()])
    found: dict[int, tuple[tuple[int, ...], bytes]] = {}
    for detail in interpreter.get_tensor_details():
        place = detail["index"]
        content_of = interpreter.get_tensor(place).tobytes() if place in wanted else b""
        found[place] = (tuple(int(size) for size in detail["shape"]), content_of)
        if place in wanted:
            found[place] = (tuple(interpreter.get_tensor(place).shape), content_of)
    return found


def _opened(content: bytes, what: str, *, keeps_all: bool = False) -> Any:
    try:
        interpreter = reference_interpreter(content, keeps_all=keeps_all)
        for detail in interpreter.get_input_details():
            if -1 in detail["shape_signature"]:
                interpreter.resize_tensor_input(detail["index"], [max(size, 1) for size in detail["shape_signature"]])
        interpreter.allocate_tensors()
    except _FAILURES as error:
        raise ModelError(f"adapt: {what} does not run under TFLite: {str(error).splitlines()[0]}") from error
    return interpreter


def _run(interpreter: Any, given: Sequence[Array]) -> dict[str, Array]:
    for detail, value in zip(interpreter.get_input_details(), given):
        interpreter.set_tensor(detail["index"], value)
    try:
        interpreter.invoke()
    except _FAILURES as error:
        raise ModelError(f"adapt: the model does not run under TFLite: {str(error).splitlines()[0]}") from error
    return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()}


def _sample(detail: Mapping[str, Any], run: int, randomness: np.random.Generator) -> Array:
    """Return an input: all lowest, all highest, then random values."""
    kind, shape = np.dtype(detail["dtype"]), detail["shape"]
    if kind.kind == "f":
        ends = (-1.0, 1.0)
        drawn = randomness.uniform(-1, 1, shape)
    else:
        limits = np.iinfo(kind)
        ends = (limits.min, limits.max)
        drawn = randomness.integers(limits.min, limits.max, shape, endpoint=True, dtype=kind)
    return np.full(shape, ends[run], kind) if run < len(ends) else np.asarray(drawn, dtype=kind)


def _before(value: Array, end: ChangedEnd | None) -> Array:
    if end is None:
        return value
    if end.was_int8:
        return (value.astype(np.int16) - _SHIFT).astype(np.int8)
    return (value.astype(np.float32) - np.float32(end.zero_point)) * np.float32(end.scale)


def _is_nan(values: Array) -> Array:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
