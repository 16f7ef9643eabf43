"""Which picture is trained on when: known of every sample from the seed alone, so that a run can start anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


class SampleOrder:
    """The order of the samples: each epoch shows as many as there are pictures, in an order of its own.

    Without factors each picture is shown once an epoch. With them a picture is shown in proportion to its factor,
    the fraction left over being drawn anew for each epoch (systematic resampling).
    """

    def __init__(self, pictures: int, *, seed: int, factors: Sequence[float] | None = None) -> None:
        """Prepare an order.

        Args:
            pictures: their number, at least 1.
            seed: of the order.
            factors: one above 0 for each picture.
        """
        self._pictures = pictures
        self._seed = seed
        self._upper = None if factors is None else np.cumsum(factors) * (pictures / np.sum(factors))
        self._current = -1, np.empty(0, np.int64)

    def picture(self, sample: int) -> int:
        """Return the index of the picture that a sample shows; both count from 0. Threads may ask at once."""
        epoch, place = divmod(sample, self._pictures)
        known, order = self._current
        if epoch != known:
            order = self._shuffled(epoch)
            self._current = epoch, order
        return int(order[place])

    def _shuffled(self, epoch: int) -> Counts:
        random = np.random.default_rng((self._seed, epoch))
        if self._upper is None:
            return random.permutation(self._pictures)
        places = np.arange(self._pictures) + random.random()
        chosen = np.searchsorted(self._upper, places, side="right")
        return random.permutation(np.minimum(chosen, self._pictures - 1))


def repeat_factors(classes: Sequence[Sequence[str]], least_share: float) -> list[float]:
    """Return how often each picture is to be shown so that rare classes are seen more often.

    A class that is in fewer than ``least_share`` of the pictures counts the square root of ``least_share`` through its
    share, at least 1; a picture takes the largest of its classes (repeat factor sampling, Gupta et al. 2019,
    arXiv:1908.03195, section 4.1).

    Args:
        classes: the class names of the objects in each picture.
        least_share: 0 to 1; 0 gives 1 for all.
    """
    pictures = Counter(name for names in classes for name in set(names))
    of_class = {name: max(1.0, (least_share * len(classes) / count) ** 0.5) for name, count in pictures.items()}
    return [max((of_class[name] for name in names), default=1.0) for names in classes]
