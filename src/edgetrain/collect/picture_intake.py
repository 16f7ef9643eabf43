"""Which fetched bytes are a picture that can be trained on, and whether the dataset has it already."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.boxes import ImageSize
from edgetrain.core.system.files import file_digest
from edgetrain.images.header import UPRIGHT
from edgetrain.images.image_file import JPEG, PNG, UnreadableImageError, probe_bytes
from edgetrain.images.near_duplicates import MAX_DISTANCE, difference_hash, hamming_distance

_SUFFIXES = {JPEG: ".jpg", PNG: ".png"}
_MOST_PIXELS = 50_000_000  # several are decoded at once, and 300 pixels are enough for the network
_TEXT_STARTS = (b"<!doctype", b"<html", b"<?xml", b"{")


class UnfitError(Exception):
    """Bytes are no picture to train on; the message is a short reason, alike for all of a kind."""


@dataclass(frozen=True)
class Picture:
    """A picture that is fit: its bytes, the suffix that its content asks for, digest and difference hash."""

    data: bytes
    suffix: str
    sha256: str
    dhash: Optional[int]


def examine(data: bytes, min_side: int) -> Picture:
    """Return a picture whose every pixel decodes.

    Args:
        data: what a server sent.
        min_side: the shorter side must have as many pixels.

    Raises:
        UnfitError: it is no upright, whole JPEG or PNG of usual colours, or too small or too large.
    """
    if data.lstrip()[:9].lower().startswith(_TEXT_STARTS):
        raise UnfitError("a web page or text instead of a picture")
    try:
        info = probe_bytes(data, "picture")
        if info.format not in _SUFFIXES:
            raise UnfitError("neither JPEG nor PNG")
        if not info.is_complete:
            raise UnfitError("cut off")
        if info.oddity:
            raise UnfitError(info.oddity)
        if info.exif_orientation != UPRIGHT:
            raise UnfitError("turned by EXIF")
        check_size(info.size, min_side)
        return Picture(data, _SUFFIXES[info.format], hashlib.sha256(data).hexdigest(), difference_hash(data, "picture"))
    except UnreadableImageError as error:
        raise UnfitError("damaged, or no picture") from error


def check_size(size: ImageSize, min_side: int) -> None:
    """Refuse a picture that is too small or too large.

    Raises:
        UnfitError: it is.
    """
    if min(size.width, size.height) < min_side:
        raise UnfitError(f"smaller than {min_side} pixels")
    if size.width * size.height > _MOST_PIXELS:
        raise UnfitError(f"larger than {_MOST_PIXELS // 1_000_000} million pixels")


class KnownPictures:
    """The pictures that there are, by size and look; their bytes are read only where a size agrees."""

    def __init__(self, paths: Iterable[Path], hashes: Iterable[Optional[int]]) -> None:
        """Know the files of some pictures and their difference hashes."""
        self._paths: dict[int, list[Path]] = defaultdict(list)
        self._hashes = {value for value in hashes if value is not None}
        for path in paths:
            self._paths[path.stat().st_size].append(path)

    def add(self, path: Path, picture: Picture) -> None:
        """Know one more."""
        self._paths[len(picture.data)].append(path)
        if picture.dhash is not None:
            self._hashes.add(picture.dhash)

    def check(self, picture: Picture) -> None:
        """Refuse a picture that is there already, byte for byte or nearly so.

        Raises:
            UnfitError: it is.
        """
        if any(file_digest(path) == picture.sha256 for path in self._paths.get(len(picture.data), ())):
            raise UnfitError("there already")
        dhash = picture.dhash
        if dhash is not None and any(hamming_distance(dhash, known) <= MAX_DISTANCE for known in self._hashes):
            raise UnfitError("nearly the same as one that is there")
