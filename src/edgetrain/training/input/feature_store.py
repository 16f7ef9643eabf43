"""What a frozen backbone makes of each version of each picture: computed once where memory allows, else each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Arrays = Sequence[npt.NDArray[Any]]


class FeatureStore:
    """Remembers structures of tensors by a number, as many as fit in a number of bytes.

    It holds no model: TensorFlow keeps what calls Python until the interpreter has shut down. To TensorFlow its
    functions are stateless, so that an input pipeline may call several at once: what they return never depends on it.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Start with nothing."""
        self._left_bytes = limit_bytes
        self._kept: dict[int, Arrays] = {}
        self._lock = threading.Lock()

    def through(self, number: tf.Tensor, compute: Callable[[], Any]) -> Any:
        """Return what was kept under a number, or compute it and keep it, in the graph of an input pipeline.

        Args:
            number: int64 scalar; the same always stands for the same.
            compute: returns a structure of tensors of known types and ranks.
        """
        traced = tf.function(compute, autograph=False).get_concrete_function()
        specs = tf.nest.flatten(traced.structured_outputs)
        types = [spec.dtype for spec in specs]

        def kept() -> Any:
            return tf.numpy_function(self._kept_arrays, [number], types, stateful=False)

        def computed() -> Any:
            return tf.numpy_function(self._keep, [number, *tf.nest.flatten(traced())], types, stateful=False)

        is_kept = tf.numpy_function(self._is_kept, [number], tf.bool, stateful=False)
        tensors = tf.cond(is_kept, kept, computed)
        shaped = [tf.ensure_shape(tensor, spec.shape) for tensor, spec in zip(tensors, specs)]
        return tf.nest.pack_sequence_as(traced.structured_outputs, shaped)

    def _is_kept(self, number: np.int64) -> bool:
        return int(number) in self._kept

    def _kept_arrays(self, number: np.int64) -> Arrays:
        return self._kept[int(number)]

    def _keep(self, number: np.int64, *arrays: npt.NDArray[Any]) -> Arrays:
        size = sum(array.nbytes for array in arrays)
        with self._lock:
            if size <= self._left_bytes and int(number) not in self._kept:
                self._left_bytes -= size
                self._kept[int(number)] = arrays
        return arrays
