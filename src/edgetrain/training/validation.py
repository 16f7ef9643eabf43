"""The validation pictures, judged while the detector is in training: which weights are the best so far?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject
from edgetrain.evaluation.metrics import detections_of, judge
from edgetrain.images.pixels import network_pixels
from edgetrain.records.example import DetectionExample, read_examples
from edgetrain.training.object_detection_api import Found

_MOST_PICTURES = 300
_BATCH = 16
# Of the time that training takes for one: with everything computed anew, and with feature maps that are kept.
_COST_OF_A_PICTURE = 0.3
_COST_BESIDE_KEPT_FEATURES = 2.5
_SHARE_OF_TIME = 0.05
_MOST_JUDGEMENTS = 50
_DRAWN = 4
_LEAST_SCORE_DRAWN = 0.3
_GREEN, _RED = (0.0, 0.8, 0.0), (1.0, 0.1, 0.1)


@dataclass(frozen=True)
class Judged:
    """What is judged: ``detect`` finds objects in uint8 pictures (batch, height, width, 3) of ``input_size``."""

    detect: Callable[[tf.Tensor], Found]
    input_size: ImageSize
    class_names: Sequence[str]


class Validation:
    """Validation pictures, in memory as the network reads them."""

    def __init__(self, judged: Judged, examples: Sequence[DetectionExample]) -> None:
        """Decode the pictures, at least one of which has an object."""
        self._examples = examples
        self._class_names = judged.class_names
        self._pixels = [network_pixels(one.image_bytes, judged.input_size, one.filename) for one in examples]
        self._found_last: list[list[DetectedObject]] = [[] for _ in examples]
        self._detect = tf.function(judged.detect, autograph=False)

    def average_precision(self) -> float:
        """Return the COCO AP of the model's weights, 0 to 1."""
        found: list[list[DetectedObject]] = []
        for start in range(0, len(self._pixels), _BATCH):
            found += self._found(self._pixels[start : start + _BATCH])
        self._found_last = found
        detections = detections_of(self._examples, found)
        return judge(self._examples, detections, self._class_names).mean_average_precision

    def drawn(self) -> tf.Tensor:
        """Return the first pictures, float32 (n, height, width, 3) in 0 to 1: truth green, what was found last red."""
        return tf.concat([self._drawn(index) for index in range(min(_DRAWN, len(self)))], axis=0)

    def _drawn(self, index: int) -> tf.Tensor:
        picture = tf.image.convert_image_dtype(self._pixels[index][np.newaxis], tf.float32)
        truth = [item.box for item in self._examples[index].boxes]
        found = [item.box for item in self._found_last[index] if item.score >= _LEAST_SCORE_DRAWN]
        for boxes, color in ((truth, _GREEN), (found, _RED)):
            corners = np.array([[(box.ymin, box.xmin, box.ymax, box.xmax) for box in boxes]], np.float32)
            picture = tf.image.draw_bounding_boxes(picture, corners.reshape(1, -1, 4), np.array([color], np.float32))
        return picture

    def _found(self, pixels: list[Any]) -> list[list[DetectedObject]]:
        # All batches have one size, so that the graph is traced once.
        whole = np.stack([*pixels, *[pixels[-1]] * (_BATCH - len(pixels))])
        boxes, classes, scores, counts = (part.numpy() for part in self._detect(tf.constant(whole)))
        return [
            [
                DetectedObject(int(classes[i, k]), float(scores[i, k]), NormalizedBox(*map(float, boxes[i, k])))
                for k in range(counts[i])
                # A training that diverges has boxes that are no boxes: they find nothing.
                if np.isfinite(boxes[i, k]).all()
            ]
            for i in range(len(pixels))
        ]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pixels)


def interval(pictures: int, steps: int, batch_size: int, *, keeps_features: bool) -> int:
    """Return how many steps to train between two judgements, so that these take about a twentieth of the time."""
    cost = _COST_BESIDE_KEPT_FEATURES if keeps_features else _COST_OF_A_PICTURE
    cost_in_steps = cost * pictures / batch_size
    return max(1, math.ceil(cost_in_steps / _SHARE_OF_TIME), math.ceil(steps / _MOST_JUDGEMENTS))


def read_validation(judged: Judged, shards: Sequence[Path]) -> Validation | None:
    """Return the validation pictures, evenly chosen where there are very many; ``None`` if they have no object.

    Raises:
        DatasetError: a record is damaged, or a picture cannot be decoded.
    """
    examples = list(read_examples(shards))
    chosen = examples[:: max(1, math.ceil(len(examples) / _MOST_PICTURES))]
    return Validation(judged, chosen) if any(one.boxes for one in chosen) else None
