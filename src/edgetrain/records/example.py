"""Labelled pictures as ``tf.train.Example`` messages, with the keys that the Object Detection API reads.

What stands in the bytes of such a message is the matter of ``records.wire``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError
from edgetrain.records.tfrecord import read_records
from edgetrain.records.wire import (
    Feature,
    decode_features,
    example_parts,
    floats_entry,
    ints_entry,
    picture_entry,
    text_entry,
    texts_entry,
)

T = TypeVar("T")
ENCODED, FILENAME, FORMAT, SOURCE_ID = "image/encoded", "image/filename", "image/format", "image/source_id"
HEIGHT, WIDTH, SHA256 = "image/height", "image/width", "image/key/sha256"
CLASS_ID, CLASS_NAME = "image/object/class/label", "image/object/class/text"
DIFFICULT = "image/object/difficult"
YMIN, XMIN, YMAX, XMAX = SIDES = tuple(f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax"))


@dataclass(frozen=True)
class ExampleBox:
    """One ground-truth box of an example; ``class_id`` counts from 1."""

    box: NormalizedBox
    class_name: str
    class_id: int
    is_difficult: bool = False


@dataclass(frozen=True)
class DetectionExample:
    """One labelled picture as it is trained on.

    ``source_id`` is unique in the dataset; ``image_bytes`` are the file as it stands, or encoded anew; ``image_format``
    is ``jpeg`` or ``png``. Coordinates have the precision of float32 once they were encoded.
    """

    filename: str
    source_id: str
    image_bytes: bytes
    image_format: str
    size: ImageSize
    boxes: tuple[ExampleBox, ...]


def encoded_parts(example: DetectionExample) -> tuple[bytes, bytes, bytes]:
    """Return the serialised ``tf.train.Example`` in parts, the second of which is the picture itself, not a copy.

    Equal examples give equal bytes.
    """
    boxes = [item.box for item in example.boxes]
    entries = [  # sorted by key
        text_entry(FILENAME, _encoded(example.filename)),
        text_entry(FORMAT, example.image_format.encode()),
        ints_entry(HEIGHT, (example.size.height,)),
        floats_entry(XMAX, [box.xmax for box in boxes]),
        floats_entry(XMIN, [box.xmin for box in boxes]),
        floats_entry(YMAX, [box.ymax for box in boxes]),
        floats_entry(YMIN, [box.ymin for box in boxes]),
        ints_entry(CLASS_ID, tuple([item.class_id for item in example.boxes])),
        texts_entry(CLASS_NAME, tuple([item.class_name.encode() for item in example.boxes])),
        ints_entry(DIFFICULT, tuple([int(item.is_difficult) for item in example.boxes])),
        text_entry(SOURCE_ID, _encoded(example.source_id)),
        ints_entry(WIDTH, (example.size.width,)),
    ]
    return example_parts(picture_entry(ENCODED, example.image_bytes), entries)


def text_key(source_id: str) -> int:
    """Return 64 bits of a digest of a name, above 0, by which very many names can be compared in little memory."""
    # Of a million names two have the same 64 bits with a chance of 3 in 100 million; who finds such a pair looks at the
    # names themselves. The names of a million pictures would take a hundred megabytes, the keys take eight.
    digest = hashlib.blake2b(_encoded(source_id), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1


def decode_example(data: bytes) -> DetectionExample:
    """Return the labelled picture of a serialised ``tf.train.Example``.

    Raises:
        DatasetError: the bytes are no such message, a feature is missing, or the boxes' lists differ in length.
    """
    try:
        return _to_example(decode_features(data))
    except ValueError as error:
        raise DatasetError(f'not an example of a labelled picture: {error}. Run "ci/inv records" again.') from error


def read_examples(paths: Sequence[Path]) -> Iterator[DetectionExample]:
    """Yield the labelled pictures of TFRecord files, in the order of the files.

    Raises:
        DatasetError: a file or a record is broken; names both (records from 1).
    """
    for path in paths:
        for number, data in enumerate(read_records(path), start=1):
            try:
                example = decode_example(data)
            except DatasetError as error:
                raise DatasetError(f"{path}: record {number}: {error}") from error
            yield example


def _to_example(features: Mapping[str, Feature]) -> DetectionExample:
    def feature(key: str) -> Feature:
        return features.get(key, Feature())

    def one_text(key: str) -> bytes:
        return _only(feature(key).texts, key)

    def one_int(key: str) -> int:
        return _only(feature(key).ints, key)

    sides = [feature(key).floats for key in SIDES]
    names = feature(CLASS_NAME).texts
    ids = feature(CLASS_ID).ints
    difficult = feature(DIFFICULT).ints or [0] * len(ids)
    lengths = sorted({*map(len, sides), len(names), len(ids), len(difficult)})
    if len(lengths) > 1:
        raise ValueError(f"the lists of its boxes have the lengths {lengths}")
    return DetectionExample(
        filename=_decoded(one_text(FILENAME)),
        source_id=_decoded(one_text(SOURCE_ID)),
        image_bytes=one_text(ENCODED),
        image_format=one_text(FORMAT).decode(),
        size=ImageSize(one_int(WIDTH), one_int(HEIGHT)),
        boxes=tuple(
            ExampleBox(NormalizedBox(*corners), name.decode(), class_id, bool(is_difficult))
            for *corners, name, class_id, is_difficult in zip(*sides, names, ids, difficult)
        ),
    )


def _only(values: Sequence[T], key: str) -> T:
    if len(values) != 1:
        raise ValueError(f"{key} has {len(values)} values, not 1")
    return values[0]


def _encoded(name: str) -> bytes:
    """Return a file's name in bytes; those that are no UTF-8 as the file system has them."""
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
