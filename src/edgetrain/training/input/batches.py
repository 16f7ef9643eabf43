"""The batches of a run, each a function of the seed and the step alone, so that a run can begin anywhere in them.

The n-th sample of a run shows the picture that :class:`SampleOrder` says, augmented with random numbers made of the
seed and n; where each picture has only so many versions, of the seed, the picture and the version. Of such versions a
frozen backbone's feature maps are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig

from edgetrain.core.errors import DatasetError, TrainingError
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.training import object_detection_api as api
from edgetrain.training.input.feature_store import FeatureStore
from edgetrain.training.input.pictures import LabelledPicture, TrainingPictures
from edgetrain.training.input.sample_order import SampleOrder, repeat_factors
from edgetrain.training.recipe import Recipe

_READY = 2
# Few, so that a frozen backbone has soon seen all of them.
_VERSIONS_OF_FROZEN = 4
_MEGABYTE = 10**6
# Crops show parts of a picture: twice the network's input leaves them enough to see.
_LEAST_SIDE_IN_INPUTS = 2


def read_batches(
    config: TrainEvalPipelineConfig, model: Any, shards: Sequence[Path], recipe: Recipe, *, cache_bytes: int
) -> Batches:
    """Return the batches of a run.

    Args:
        config: names batch size and augmentations.
        model: a model of ``build_model``.
        shards: TFRecord files with at least one picture.
        recipe: of the run.
        cache_bytes: of decoded pictures, or of a frozen backbone's feature maps, kept in memory.

    Raises:
        DatasetError: the records cannot be read.
    """
    size = api.input_size(config)
    least_side = _LEAST_SIDE_IN_INPUTS * max(size.width, size.height)
    versions = _versions(model, recipe)
    features = Features(model, config, cache_bytes) if versions and api.has_frozen_backbone(model) else None
    pictures = TrainingPictures(shards, least_side=least_side, cache_bytes=0 if features else cache_bytes)
    steps, batch = config.train_config.num_steps, config.train_config.batch_size
    times = f"{steps * batch / max(len(pictures), 1):.3g} times"
    listener().noted(f"{counted(len(pictures), 'training picture')}: {steps} steps of {batch} show each {times}")
    share = recipe.rare_class_share
    factors = repeat_factors(pictures.class_names(), share) if share else None
    if features:
        needed = len(pictures) * versions * features.bytes_of_one
        features.are_all_kept = needed <= cache_bytes
        listener().noted(
            f"the backbone is frozen: each picture has {versions} augmented versions, whose feature maps are computed "
            f"once: {needed / _MEGABYTE:.0f} MB, of which training.cache_mb {cache_bytes / _MEGABYTE:g} are kept"
        )
    order = SampleOrder(len(pictures), seed=recipe.seed, factors=factors)
    return Batches(config, model, Samples(pictures, order, versions=versions), features, seed=recipe.seed)


def _versions(model: Any, recipe: Recipe) -> int:
    """Return how many augmented versions each picture has; 0: a new one each time."""
    if recipe.augmented_versions is not None:
        return recipe.augmented_versions
    # On a GPU the backbone is faster in the step than on the processor for the input.
    is_worth_it = api.has_frozen_backbone(model) and not tf.config.list_physical_devices("GPU")
    return _VERSIONS_OF_FROZEN if is_worth_it else 0


class Features:
    """The feature maps that a frozen backbone makes of pictures, kept as far as memory allows."""

    def __init__(self, model: Any, config: TrainEvalPipelineConfig, cache_bytes: int) -> None:
        """Take over the backbone's weights of now."""
        self._maps_of = api.feature_function(model, config)
        self._store = FeatureStore(cache_bytes)
        size = api.input_size(config)
        maps = self._maps_of(tf.zeros((size.height, size.width, 3)))
        self.bytes_of_one = sum(int(one.shape.num_elements()) * one.dtype.size for one in maps)
        self.are_all_kept = False

    def of(self, version: tf.Tensor, picture: Callable[[], api.TrainingInput]) -> api.TrainingInput:
        """Return a version of a picture, its feature maps in the place of its image, in an input pipeline's graph."""

        def compute() -> api.TrainingInput:
            made = picture()
            return made._replace(images=(), features=tuple(self._maps_of(made.images)))

        found: api.TrainingInput = self._store.through(version, compute)
        return found


class Samples:
    """The pictures of a run in the order in which they are shown.

    TensorFlow keeps what calls Python until the interpreter has shut down, when protobuf's containers can no longer be
    freed: hence a class without configuration and model.
    """

    def __init__(self, pictures: TrainingPictures, order: SampleOrder, *, versions: int) -> None:
        """Show pictures in an order, in one of so many versions (0: always a new one)."""
        self._pictures, self._order, self._versions = pictures, order, versions
        self.error: DatasetError | None = None

    def __getitem__(self, sample: int) -> LabelledPicture:
        """Return the picture that a sample shows.

        Raises:
            DatasetError: it cannot be read; ``error`` keeps it, since TensorFlow hands on only its traceback's text.
        """
        try:
            return self._pictures[self._order.picture(sample)]
        except DatasetError as error:
            self.error = error
            raise

    def version(self, sample: np.int64) -> np.int64:
        """Return the number of what a sample shows: two samples of one number show the same."""
        if not self._versions:
            return sample
        epoch = int(sample) // len(self._pictures)
        return np.int64(self._order.picture(int(sample)) * self._versions + epoch % self._versions)

    def arrays(self, sample: np.int64) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return pixels, boxes and class ids of a sample."""
        return self[int(sample)][:3]


class Batches:
    """Makes the batches of a run beside its training."""

    def __init__(
        self, config: TrainEvalPipelineConfig, model: Any, samples: Samples, features: Features | None, *, seed: int
    ) -> None:
        """Prepare the batches.

        Args:
            config: names batch size and augmentations.
            model: a model of ``build_model``, whose anchors the boxes are assigned to.
            samples: what to train on.
            features: what takes the place of the images, if anything.
            seed: of the augmentation.
        """
        self._config, self._model, self._samples, self._seed = config, model, samples, seed
        self._features = features

    @property
    def keeps_features(self) -> bool:
        """Whether all of a frozen backbone's feature maps are kept, so that a step costs little."""
        return self._features is not None and self._features.are_all_kept

    def between(self, first: int, last: int, *, part: int = 0, parts: int = 1) -> Iterator[api.TrainingInput]:
        """Yield the batches of the steps from ``first`` (0 for the first of a run) up to, but not with, ``last``.

        Of each batch only one of ``parts`` equal parts is made, that with the number ``part``.

        Raises:
            TrainingError: a record is damaged, or a picture cannot be decoded.
        """
        size = self._config.train_config.batch_size
        own = size // parts
        places = tf.data.Dataset.range(part * own, (part + 1) * own)
        samples = tf.data.Dataset.range(first, last).flat_map(
            lambda step: places.map(lambda place: step * size + place)
        )
        # Turning the API's Python into graph code, which it does not need, would take ten seconds.
        augment = tf.autograph.experimental.do_not_convert(self._input)
        dataset = samples.map(augment, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        batches = iter(dataset.batch(own, drop_remainder=True).prefetch(_READY))
        for step in range(first, last):
            try:
                yield next(batches)
            except tf.errors.OpError as error:
                raise TrainingError(
                    f"train: the next batch after step {step} cannot be made ({self._samples.error or error.message}) "
                    'Run "ci/inv validate" and "ci/inv records" again; the last checkpoint is intact.'
                ) from error

    def source_ids(self, step: int) -> list[str]:
        """Return the names of the pictures in the batch of a step, sorted; 0 is the first of a run."""
        size = self._config.train_config.batch_size
        return sorted({self._samples[sample].source_id for sample in range(step * size, (step + 1) * size)})

    def seen(self, most: int) -> list[tuple[str, tf.Tensor, tf.Tensor, tf.Tensor]]:
        """Return the first samples of a run: name, image (-1 to 1), boxes (ymin xmin ymax xmax) and classes (one-hot).

        Boxes and classes are those that are assigned to the anchors.
        """
        count = min(most, self._config.train_config.batch_size)

        def show(sample: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return api.transformed(self._config, self._model, *self._picture(sample, self._version(sample)))[:3]

        samples = tf.data.Dataset.range(count).map(tf.autograph.experimental.do_not_convert(show))
        return [(self._samples[number].source_id, *one) for number, one in enumerate(samples)]

    def _version(self, sample: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._samples.version, [sample], tf.int64, stateful=False), ())

    def _input(self, sample: tf.Tensor) -> api.TrainingInput:
        version = self._version(sample)
        if self._features is None:
            return self._augmented(sample, version)
        return self._features.of(version, lambda: self._augmented(sample, version))

    def _augmented(self, sample: tf.Tensor, version: tf.Tensor) -> api.TrainingInput:
        return api.augmented(self._config, self._model, *self._picture(sample, version))

    def _picture(
        self, sample: tf.Tensor, version: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
        """Return pixels, boxes and classes of a sample, and the seed of its augmentation."""
        types = (tf.uint8, tf.float32, tf.int64)
        pixels, boxes, classes = tf.numpy_function(self._samples.arrays, [sample], types, stateful=False)
        picture = (
            tf.ensure_shape(pixels, (None, None, 3)),
            tf.ensure_shape(boxes, (None, 4)),
            tf.ensure_shape(classes, (None,)),
        )
        return picture, tf.stack([tf.constant(self._seed, tf.int64), version])
