"""The labelled pictures of TFRecords, by number: decoded once where memory allows, else each time one asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgetrain.images.pixels import reduced_pixels
from edgetrain.records.example import DetectionExample, decode_example
from edgetrain.records.tfrecord import read_record, record_offsets


class LabelledPicture(NamedTuple):
    """A picture as augmentation takes it.

    ``pixels`` uint8 (height, width, 3), RGB; ``boxes`` float32 (n, 4), fractions of the picture, ymin xmin ymax xmax;
    ``class_ids`` int64 (n,), from 1; ``source_id`` is unique in the dataset.
    """

    pixels: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    source_id: str


class TrainingPictures:
    """The pictures of some TFRecord files, of which as many are kept decoded as fit in a number of bytes.

    A picture is kept no larger than augmentation can make use of, so the network never decodes giants twice.
    """

    def __init__(self, shards: Sequence[Path], *, least_side: int, cache_bytes: int) -> None:
        """Find the records; none is decoded yet.

        Args:
            shards: TFRecord files.
            least_side: pixels; larger pictures are made smaller until their shorter side has this length.
            cache_bytes: of decoded pixels kept in memory.

        Raises:
            DatasetError: a file cannot be read, or is damaged.
        """
        self._places = [(shard, offset) for shard in shards for offset in record_offsets(shard)]
        self._least_side = least_side
        self._left_bytes = cache_bytes
        self._kept: dict[int, LabelledPicture] = {}

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._places)

    def __getitem__(self, index: int) -> LabelledPicture:
        """Return a picture; its arrays are shared, not to be changed.

        Raises:
            DatasetError: its record is damaged, or it cannot be decoded.
        """
        kept = self._kept.get(index)
        if kept is None:
            kept = self._decoded(self._example(index))
            # Every epoch shows all pictures, so those that came first are as good to keep as any.
            if kept.pixels.nbytes <= self._left_bytes:
                self._left_bytes -= kept.pixels.nbytes
                self._kept[index] = kept
        return kept

    def class_names(self) -> list[tuple[str, ...]]:
        """Return the class of each object in each picture.

        Raises:
            DatasetError: a record is damaged.
        """
        return [tuple(box.class_name for box in self._example(index).boxes) for index in range(len(self))]

    def _example(self, index: int) -> DetectionExample:
        return decode_example(read_record(*self._places[index]))

    def _decoded(self, example: DetectionExample) -> LabelledPicture:
        boxes = [(item.box.ymin, item.box.xmin, item.box.ymax, item.box.xmax) for item in example.boxes]
        return LabelledPicture(
            reduced_pixels(example.image_bytes, self._least_side, example.filename),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array([item.class_id for item in example.boxes], np.int64),
            example.source_id,
        )
