"""The first batch of a run as the network sees it: pictures after augmentation, with the boxes that it is told of.

They lie in a TFRecord of the run, with which the report draws them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.records.example import DetectionExample, ExampleBox, encoded_parts
from edgetrain.records.tfrecord import write_records
from edgetrain.training.input.batches import Batches

_MOST_PICTURES = 16
_JPEG_QUALITY = 90
# Images are -1 to 1, pixels 0 to 255.
_HALF_RANGE = 127.5


def write_first_batch(path: Path, batches: Batches, class_names: Sequence[str]) -> None:
    """Write the first pictures of a run's first batch.

    Args:
        path: the TFRecord.
        batches: those of the run.
        class_names: names of the classes with ids 1, 2, 3, …

    Raises:
        StorageError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_records(path, (encoded_parts(one) for one in _examples(batches, class_names)))


def _examples(batches: Batches, class_names: Sequence[str]) -> Iterator[DetectionExample]:
    for number, (name, image, boxes, classes) in enumerate(batches.seen(_MOST_PICTURES)):
        pixels = tf.cast(tf.round((image + 1) * _HALF_RANGE), tf.uint8)
        height, width = image.shape[:2]
        yield DetectionExample(
            filename=Path(name).name,
            source_id=f"{number}/{name}",
            image_bytes=tf.io.encode_jpeg(pixels, quality=_JPEG_QUALITY).numpy(),
            image_format="jpeg",
            size=ImageSize(int(width), int(height)),
            boxes=tuple(_boxes(boxes.numpy(), classes.numpy(), class_names)),
        )


def _boxes(
    boxes: npt.NDArray[np.float32], classes: npt.NDArray[np.float32], class_names: Sequence[str]
) -> Iterator[ExampleBox]:
    for (ymin, xmin, ymax, xmax), one_hot in zip(boxes.tolist(), classes):
        if one_hot.any() and ymin < ymax and xmin < xmax:
            index = int(np.argmax(one_hot))
            box = NormalizedBox(ymin=ymin, xmin=xmin, ymax=ymax, xmax=xmax)
            yield ExampleBox(box, class_names[index], index + 1)
