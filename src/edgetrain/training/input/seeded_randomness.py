"""The random numbers of TensorFlow 1 functions, made a function of a seed: same seed, same numbers, in any thread.

The Object Detection API's augmentations draw from stateful operations, whose numbers depend on what ran before and
beside them. While they are traced, :func:`seeded` lets them draw from stateless ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import tensorflow as tf

_NAME = "tf"


@contextmanager
def seeded(modules: Iterable[ModuleType], seed: tf.Tensor) -> Iterator[None]:
    """Let functions of some modules draw from a seed while they are traced.

    Args:
        modules: each calls TensorFlow ``tf`` and looks its functions up when it draws.
        seed: int tensor of shape (2,); the n-th drawing of the traced code folds n in.
    """
    modules = list(modules)
    real = [getattr(module, _NAME) for module in modules]
    drawings = _Drawings(seed)
    try:
        for module, tensorflow in zip(modules, real):
            setattr(module, _NAME, drawings.instead_of(tensorflow))
        yield
    finally:
        for module, tensorflow in zip(modules, real):
            setattr(module, _NAME, tensorflow)


class _Replaced:
    """A module some of whose names mean something else."""

    def __init__(self, real: Any, **replacements: Any) -> None:
        self._real = real
        self.__dict__.update(replacements)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Drawings:
    """Stateless functions with the signatures of TensorFlow 1's; each call has a seed of its own."""

    def __init__(self, seed: tf.Tensor) -> None:
        self._seed = seed
        self._count = 0

    def instead_of(self, real: Any) -> _Replaced:
        """Return TensorFlow with these functions in the place of its stateful ones."""
        uniform, normal = self._without_seeds(_uniform), self._without_seeds(_normal)
        shuffle = self._without_seeds(_shuffle)
        crop = self._without_seeds(tf.image.stateless_sample_distorted_bounding_box)
        return _Replaced(
            real,
            random_uniform=uniform,
            random_normal=normal,
            random_shuffle=shuffle,
            random=_Replaced(real.random, uniform=uniform, normal=normal, shuffle=shuffle),
            image=_Replaced(real.image, sample_distorted_bounding_box=crop),
        )

    def _without_seeds(self, draw: Callable[..., Any]) -> Callable[..., Any]:
        def drawn(*arguments: Any, **options: Any) -> Any:
            options.pop("seed2", None)
            self._count += 1
            options["seed"] = tf.random.experimental.stateless_fold_in(self._seed, self._count)
            return draw(*arguments, **options)

        return drawn


def _uniform(  # noqa: PLR0913 - TensorFlow's own signature
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = tf.float32, *, seed: Any, name: Any = None
) -> tf.Tensor:
    # TensorFlow's stateless function has no default for the upper end of integers, and neither has the stateful one.
    is_real = tf.as_dtype(dtype).is_floating
    return tf.random.stateless_uniform(shape, seed, minval, 1 if maxval is None and is_real else maxval, dtype, name)


def _normal(  # noqa: PLR0913 - TensorFlow's own signature
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = tf.float32, *, seed: Any, name: Any = None
) -> tf.Tensor:
    return tf.random.stateless_normal(shape, seed, mean, stddev, dtype, name)


def _shuffle(value: Any, *, seed: Any, name: Any = None) -> tf.Tensor:
    return tf.random.experimental.stateless_shuffle(value, seed, name=name)
