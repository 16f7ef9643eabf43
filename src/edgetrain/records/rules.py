"""What makes a finished record unfit for training: features in, faults out, each with what the training would do.

The rules are those of the Object Detection API's decoder on TensorFlow 2.15, which drops, cuts or learns most of what
is wrong without a word. Records of other tools are held against the same rules.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.boxes import ImageSize
from edgetrain.core.findings import Severity
from edgetrain.core.label_map import LabelMap
from edgetrain.core.wording import suggestion
from edgetrain.images.header import MAX_PIXELS, UPRIGHT
from edgetrain.images.image_file import JPEG, PNG, UnreadableImageError, probe_bytes
from edgetrain.records import example as keys
from edgetrain.records.wire import Feature

_ERROR, _WARNING = Severity.ERROR.value, Severity.WARNING.value
_KINDS = {
    "texts": (keys.ENCODED, keys.FILENAME, keys.FORMAT, keys.SOURCE_ID, keys.SHA256, keys.CLASS_NAME),
    "floats": keys.SIDES,
    "ints": (keys.HEIGHT, keys.WIDTH, keys.CLASS_ID, keys.DIFFICULT),
}
_ONE_VALUE = (keys.ENCODED, keys.FILENAME, keys.FORMAT, keys.SOURCE_ID, keys.SHA256, keys.HEIGHT, keys.WIDTH)
_SHOWN_LETTERS = 60


@dataclass(frozen=True)
class Fault:
    """One fault of a record: ``error`` or ``warning``, and what is wrong and what comes of it."""

    severity: str
    message: str


@dataclass(frozen=True)
class RecordRules:
    """Holds records against the label map and the number of boxes that training reads for each picture."""

    label_map: LabelMap
    max_boxes: int

    def faults(self, features: Mapping[str, Feature]) -> Iterator[Fault]:
        """Yield what is wrong with the features of a record."""
        wrong = list(_type_faults(features))
        yield from wrong
        if not wrong:
            yield from _identity_faults(features)
            yield from _picture_faults(features)
            yield from self._box_faults(features)

    def _box_faults(self, features: Mapping[str, Feature]) -> Iterator[Fault]:
        sides = [_of(features, key).floats for key in keys.SIDES]
        names, ids = _of(features, keys.CLASS_NAME).texts, _of(features, keys.CLASS_ID).ints
        counts = {key: len(side) for key, side in zip(keys.SIDES, sides)}
        counts |= {keys.CLASS_NAME: len(names), keys.CLASS_ID: len(ids)}
        if not any(counts.values()):
            return  # a negative example, with or without the keys
        difficult = _of(features, keys.DIFFICULT).ints
        counts |= {keys.DIFFICULT: len(difficult)} if difficult else {}
        boxes = max(map(len, sides))
        for key in (keys.CLASS_NAME, keys.CLASS_ID):
            if boxes and not counts[key]:
                yield Fault(_ERROR, f"{key} is missing: the boxes have {_LACKS[key]}.")
                del counts[key]
        if len(set(counts.values())) > 1:
            text = ", ".join(f"{key.rpartition('/')[2]} {count}" for key, count in counts.items())
            yield Fault(_ERROR, f"the lists of its boxes differ in length ({text}): training stops, or mixes them up.")
            return
        if boxes > self.max_boxes:
            yield Fault(_ERROR, f"it has {boxes} boxes, of which training reads {self.max_boxes} (network.max_boxes).")
        for number, (ymin, xmin, ymax, xmax) in enumerate(zip(*sides), start=1):
            yield from _corner_faults(number, (xmin, ymin, xmax, ymax))
        for number in range(1, boxes + 1):
            yield from self._class_faults(number, names[number - 1 : number], ids[number - 1 : number])

    def _class_faults(self, number: int, names: Sequence[bytes], ids: Sequence[int]) -> Iterator[Fault]:
        """Yield what is wrong with a box's class; a name or an id that the record lacks was reported already."""
        known = len(self.label_map)
        name = names[0].decode("utf-8", "backslashreplace") if names else None
        class_id = ids[0] if ids else None
        if name is not None and name not in self.label_map:
            hint = suggestion(name, self.label_map.names)
            yield Fault(_ERROR, f"box {number}: {name!r} is not in the label map: the box is dropped in silence.{hint}")
        elif class_id is not None and not 0 < class_id <= known:
            message = f"the class id is {class_id}, not one of 1 to {known}: it is learnt as background"
            yield Fault(_ERROR, f"box {number}: {message}{', where the name does not say otherwise' * bool(names)}.")
        elif name is not None and class_id is not None and self.label_map.class_id(name) != class_id:
            right = self.label_map.class_id(name)
            message = f"the class id is {class_id}, but {name!r} has {right} in the label map"
            yield Fault(_ERROR, f"box {number}: {message}: which of the two counts depends on the reader.")


_LACKS = {
    keys.CLASS_NAME: "an id only, which means another class as soon as the label map changes",
    keys.CLASS_ID: "a name only, which readers without a label map ignore",
}


def source_id_of(features: Mapping[str, Feature]) -> str:
    """Return by what evaluation tells a record's picture from others; empty if it says nothing."""
    found = _of(features, keys.SOURCE_ID).texts
    return found[0].decode("utf-8", "backslashreplace")[:1000] if found else ""


def _of(features: Mapping[str, Feature], key: str) -> Feature:
    return features.get(key) or Feature()


def _type_faults(features: Mapping[str, Feature]) -> Iterator[Fault]:
    """Yield where a feature holds values of another type, or not as many as the decoder demands."""
    for kind, of_kind in _KINDS.items():
        for key in of_kind:
            feature = _of(features, key)
            if any(getattr(feature, other) for other in _KINDS if other != kind):
                yield Fault(_ERROR, f"{key} holds no {kind}, but values of another type: training stops.")
            elif key in _ONE_VALUE and len(getattr(feature, kind)) > 1:
                yield Fault(_ERROR, f"{key} has {len(getattr(feature, kind))} values, not one: training stops.")


def _identity_faults(features: Mapping[str, Feature]) -> Iterator[Fault]:
    if not source_id_of(features):
        yield Fault(_ERROR, f"{keys.SOURCE_ID} is missing or empty: evaluation drops all such pictures but one.")
    if not _of(features, keys.FILENAME).texts:
        yield Fault(_WARNING, f"{keys.FILENAME} is missing: nothing says which picture it is.")


def _picture_faults(features: Mapping[str, Feature]) -> Iterator[Fault]:
    data = b"".join(_of(features, keys.ENCODED).texts)
    if not data:
        yield Fault(_ERROR, f"{keys.ENCODED} is missing or empty: training stops.")
        return
    stated_digest = b"".join(_of(features, keys.SHA256).texts)
    if stated_digest and stated_digest.lower() != hashlib.sha256(data).hexdigest().encode():
        yield Fault(_ERROR, f"{keys.SHA256} is not that of the picture, so the picture was changed.")
    try:
        info = probe_bytes(data, "picture")
    except UnreadableImageError as error:
        yield Fault(_ERROR, f"{error.reason}: training stops.")
        return
    if info.size.width * info.size.height > MAX_PIXELS:
        yield Fault(_ERROR, f"the picture's header states {info.size} pixels, which is more than fits into memory.")
    if info.format not in {JPEG, PNG}:
        yield Fault(_ERROR, f"the picture is {info.format.upper()}, not JPEG or PNG: training stops at most of them.")
    elif not info.is_complete:
        yield Fault(_ERROR, "the picture is cut off: training stops.")
    if info.exif_orientation != UPRIGHT:
        message = f"the picture is stored turned (EXIF orientation {info.exif_orientation}): training ignores that"
        yield Fault(_WARNING, f"{message}, so the boxes must fit the stored pixels.")
    if info.oddity:
        yield Fault(_WARNING, f"the picture {info.oddity}: training reads it differently from how it looks.")
    yield from _format_faults(b"".join(_of(features, keys.FORMAT).texts), info.format)
    yield from _size_faults(features, info.size)


def _format_faults(stated: bytes, image_format: str) -> Iterator[Fault]:
    name = stated.decode("utf-8", "backslashreplace")[:_SHOWN_LETTERS].lower()
    if name == "raw":
        yield Fault(_ERROR, f"{keys.FORMAT} is raw: training takes the bytes for plain pixels and stops.")
    elif {"jpg": JPEG}.get(name, name) != image_format:
        yield Fault(_WARNING, f"{keys.FORMAT} is {name!r}, but the picture is {image_format.upper()}; it is ignored.")


def _size_faults(features: Mapping[str, Feature], size: ImageSize) -> Iterator[Fault]:
    stated = [_of(features, key).ints for key in (keys.WIDTH, keys.HEIGHT)]
    if not all(stated):
        yield Fault(_WARNING, f"{keys.WIDTH} or {keys.HEIGHT} is missing; the picture is {size}.")
    elif ImageSize(stated[0][0], stated[1][0]) != size:
        message = f"{keys.WIDTH} and {keys.HEIGHT} say {stated[0][0]}x{stated[1][0]}, but the picture is {size}"
        yield Fault(_ERROR, f"{message}: nothing checks them, and the boxes may be of another picture.")


def _corner_faults(number: int, corners: Sequence[float]) -> Iterator[Fault]:
    xmin, ymin, xmax, ymax = corners
    if 0 <= xmin < xmax <= 1 and 0 <= ymin < ymax <= 1:
        return
    text = " ".join(f"{value:g}" for value in corners)
    if any(math.isnan(value) for value in corners):
        outcome = "a coordinate is not a number: the box is dropped in silence"
    elif xmin > xmax or ymin > ymax:
        outcome = "a minimum is greater than its maximum: training stops"
    elif any(not 0 <= value <= 1 for value in corners):
        outcome = "it leaves the picture (coordinates are fractions, 0 to 1): a wrong target is learnt"
    else:
        outcome = "it has no area: it is learnt as an object without size"
    yield Fault(_ERROR, f"box {number} ({text}): {outcome}.")
