"""How far figures would scatter with other pictures of the same kind: the bootstrap over pictures.

Pictures are drawn with replacement, as many as there are, and the figures computed for each draw (Efron 1979). Two
models see the same draws, so their difference has an interval of its own, much narrower than theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetrain.evaluation.judged_file import SeenPicture

_SEED = 20_261
_MOST_DRAWS, _FEWEST_DRAWS = 500, 100
_MOST_WORK = 60_000_000
_IOUS = 10
_RECALLS = np.linspace(0.0, 1.0, 101)
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassTable:
    """The detections of one class, the best first, and its labelled boxes by picture.

    ``pictures`` has the place of each detection's picture (N), ``right`` if it finds a box (10 IoU thresholds x N).
    """

    pictures: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    boxes: Array


@dataclass(frozen=True)
class Draws:
    """AP (mean over ten IoU thresholds) and AP50 of each draw, over all classes and by class; NaN: no such object.

    The first row is that of the pictures as they are.
    """

    ap: Array
    ap50: Array
    class_ap50: Mapping[str, Array]


def class_tables(pictures: Sequence[SeenPicture]) -> dict[str, ClassTable]:
    """Return a table for each class that is labelled or found."""
    names = sorted({one.class_name for picture in pictures for one in (*picture.truths, *picture.detections)})
    return {name: _class_table(pictures, name) for name in names}


def _class_table(pictures: Sequence[SeenPicture], name: str) -> ClassTable:
    found = [
        (-(one.score or 0.0), place, [mark == "1" for mark in one.right])
        for place, picture in enumerate(pictures)
        for one in picture.detections
        if one.class_name == name
    ]
    found.sort(key=lambda one: one[0])
    boxes = [sum(one.class_name == name for one in picture.truths) for picture in pictures]
    return ClassTable(
        np.array([one[1] for one in found], dtype=np.int64),
        np.array([one[2] for one in found], dtype=np.bool_).reshape(-1, _IOUS).T,
        np.array(boxes, dtype=np.float64),
    )


def weights_of(pictures: int, detections: int) -> Array:
    """Return how often each picture is in each draw (draws x pictures); the first draw has each once.

    The draws are the same at each call. There are fewer of them where there are very many detections.
    """
    draws = max(_FEWEST_DRAWS, min(_MOST_DRAWS, _MOST_WORK // (_IOUS * max(1, detections))))
    chance = np.random.default_rng(_SEED)
    drawn = chance.multinomial(pictures, np.full(pictures, 1 / pictures), size=draws)
    return np.concatenate([np.ones((1, pictures)), drawn.astype(np.float64)])


def draws_of(tables: Mapping[str, ClassTable], weights: Array) -> Draws:
    """Return the figures of each draw."""
    by_class = {name: np.array([_precisions(table, one) for one in weights]) for name, table in tables.items()}
    whole = np.stack(list(by_class.values())) if by_class else np.full((1, len(weights), _IOUS), np.nan)
    means = _mean_of_defined(whole)
    return Draws(means.mean(axis=1), means[:, 0], {name: values[:, 0] for name, values in by_class.items()})


def _mean_of_defined(values: Array) -> Array:
    """Return the mean over the first axis of what is a number."""
    defined = ~np.isnan(values)
    counts = defined.sum(axis=0)
    sums: Array = np.where(defined, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _precisions(table: ClassTable, weights: Array) -> Array:
    """Return COCO's AP of a class at each IoU threshold, for pictures that count as often as their weights say."""
    boxes = float(table.boxes @ weights)
    if boxes == 0:
        return np.full(_IOUS, np.nan)
    if not len(table.pictures):
        return np.zeros(_IOUS)
    times = weights[table.pictures]
    right = np.cumsum(table.right * times, axis=1)
    seen = np.cumsum(times)
    precision = right / np.maximum(seen, np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return np.array([_at_recalls(one, line) for one, line in zip(right / boxes, envelope)])


def _at_recalls(recall: Array, precision: Array) -> float:
    places = np.searchsorted(recall, _RECALLS, side="left")
    reached = places < len(recall)
    return float(precision[places[reached]].sum() / len(_RECALLS))


def interval(values: Array) -> tuple[float, float] | None:
    """Return the middle 95 % of the draws, without the first row; ``None`` where there are none."""
    defined = values[1:][~np.isnan(values[1:])]
    if not len(defined):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)
