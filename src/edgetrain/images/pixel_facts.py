"""Decoding every picture of a dataset, on all cores: what its pixels look like, or why they cannot be read.

Pictures are read in the workers a few at a time, so memory does not grow with the dataset. A picture at which the
decoder itself crashes is found by decoding its neighbours one by one: the one whose process dies.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.system.files import write_text
from edgetrain.core.system.progress import listener
from edgetrain.core.system.workers import done_in_order
from edgetrain.images.image_file import UnreadableImageError, read_image
from edgetrain.images.near_duplicates import difference_hash

_CHUNK = 16
_CHUNKS_AHEAD = 4
_CRASH = "the decoder crashes on it"

Picture = tuple[Path, str]


@dataclass(frozen=True)
class PixelFacts:
    """What a picture's pixels are.

    ``dhash`` is the 64-bit difference hash, ``None`` for a picture without structure (fog, night) or a damaged one;
    ``error`` says why the picture does not decode, and is empty if it does.
    """

    dhash: Optional[int]
    error: str = ""


_Result = tuple[str, Optional[str], PixelFacts]
# Raise it whenever the same picture would give another hash or error.
_VERSION = 2
_DIGEST = re.compile("[0-9a-f]{64}")
_HASH = re.compile("[0-9a-f]{16}")


def review_pixels(pictures: Sequence[Picture], cache_path: Path) -> Iterator[tuple[str, PixelFacts]]:
    """Yield each picture's name and facts, in the order given; what is new is kept for the next run.

    The cache is written when the last picture is done, and also where the caller stops earlier or is interrupted.

    Args:
        pictures: path and name of each.
        cache_path: what earlier runs found; need not exist.

    Raises:
        StorageError: the cache cannot be written.
    """
    known = read_pixel_cache(cache_path)
    found = dict(known)
    try:
        for done, (name, digest, facts) in enumerate(_reviewed(pictures, known), start=1):
            if digest is not None:
                found[digest] = facts
            listener().advanced(done, len(pictures), "pictures decoded")
            yield name, facts
    finally:
        if found != known:
            write_pixel_cache(cache_path, found)


def _reviewed(pictures: Sequence[Picture], known: Mapping[str, PixelFacts]) -> Iterator[_Result]:
    """Yield name, content digest (``None`` for a file that cannot be read) and facts of each picture."""
    chunks = [pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK)]

    def review(chunk: int) -> list[_Result]:
        return [_review(*picture, known) for picture in chunks[chunk]]

    for results in done_in_order(
        review, len(chunks), ahead=_CHUNKS_AHEAD, lost=lambda chunk: list(_one_by_one(chunks[chunk], known))
    ):
        yield from results


def _one_by_one(chunk: Sequence[Picture], known: Mapping[str, PixelFacts]) -> Iterator[_Result]:
    """Yield the facts of pictures, handed to processes one at a time; one that ends its process is a finding."""
    yield from done_in_order(
        lambda place: _review(*chunk[place], known),
        len(chunk),
        ahead=_CHUNKS_AHEAD,
        lost=lambda place: (chunk[place][1], None, PixelFacts(None, _CRASH)),
    )


def _review(path: Path, name: str, known: Mapping[str, PixelFacts]) -> _Result:
    try:
        data = read_image(path, name)
    except UnreadableImageError as error:
        return name, None, PixelFacts(None, error.reason)
    digest = hashlib.sha256(data).hexdigest()
    if digest in known:
        return name, digest, known[digest]
    try:
        return name, digest, PixelFacts(difference_hash(data, name))
    except UnreadableImageError as error:
        return name, digest, PixelFacts(None, error.reason)
    except MemoryError:
        return name, None, PixelFacts(None, "its pixels do not fit into memory")


def read_pixel_cache(path: Path) -> dict[str, PixelFacts]:
    """Return the facts by content digest; none if the file is absent, damaged or of another version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    pictures = content.get("pictures")
    return _facts(pictures) if isinstance(pictures, dict) else {}


def write_pixel_cache(path: Path, facts: Mapping[str, PixelFacts]) -> None:
    """Write the facts by content digest, whole or not at all.

    Raises:
        StorageError: the file cannot be written; an earlier one stays as it was.
    """
    pictures = {
        digest: {"dhash": None if known.dhash is None else f"{known.dhash:016x}", "error": known.error}
        for digest, known in facts.items()
    }
    write_text(path, json.dumps({"version": _VERSION, "pictures": pictures}, sort_keys=True) + "\n")


def _facts(pictures: Mapping[str, object]) -> dict[str, PixelFacts]:
    """Return the entries that have the right shape."""
    found = {}
    for digest, entry in pictures.items():
        if not isinstance(entry, dict) or not _DIGEST.fullmatch(digest):
            continue
        dhash, error = entry.get("dhash"), entry.get("error")
        if not isinstance(error, str):
            continue
        if dhash is None:
            found[digest] = PixelFacts(None, error)
        elif isinstance(dhash, str) and _HASH.fullmatch(dhash):
            found[digest] = PixelFacts(int(dhash, 16), error)
    return found
