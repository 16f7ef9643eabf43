"""The exponential moving average of a model's weights, which is often better than the weights themselves.

The decay grows with the number of steps, so that the start soon counts no more: min(decay, (1 + step) / (10 + step)),
as TensorFlow 1's ``ExponentialMovingAverage`` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf


class WeightAverage(tf.Module):  # type: ignore[misc]
    """One average for each variable, saved with a checkpoint."""

    def __init__(self, variables: Sequence[tf.Variable], decay: float) -> None:
        """Average some variables of floating point; the others are left as they are."""
        super().__init__()
        self._variables = [variable for variable in variables if variable.dtype.is_floating]
        self._decay = decay
        self.averages = [tf.Variable(variable, trainable=False) for variable in self._variables]

    def start(self) -> None:
        """Begin with the variables as they are."""
        for average, variable in zip(self.averages, self._variables):
            average.assign(variable)

    def update(self, step: tf.Tensor) -> None:
        """Take in the variables after a step."""
        done = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1 + done) / (10 + done))
        for average, variable in zip(self.averages, self._variables):
            average.assign_sub((1 - decay) * (average - variable))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the variables their averages for a while."""
        own = [variable.numpy() for variable in self._variables]
        try:
            for average, variable in zip(self.averages, self._variables):
                variable.assign(average)
            yield
        finally:
            for value, variable in zip(own, self._variables):
                variable.assign(value)
