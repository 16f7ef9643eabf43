"""Decoding every picture of a dataset, on all cores: what its pixels look like, or why they cannot be read.

Pictures are read in the workers a few at a time, so memory does not grow with the dataset. A picture at which the
decoder itself crashes is found by decoding its neighbours one by one, each in a process of its own.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Optional

from edgetrain.core.system.progress import listener
from edgetrain.core.system.workers import usable_cores
from edgetrain.formats.image_file import UnreadableImageError, read_image
from edgetrain.formats.picture_hash import difference_hash
from edgetrain.formats.pixel_cache import PixelFacts, read_pixel_cache, write_pixel_cache

_CHUNK = 16
_CHUNKS_AHEAD = 4
_CRASH = "the decoder crashes on it"

Picture = tuple[Path, str]
_Result = tuple[str, Optional[str], PixelFacts]


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
    chunks = deque(list(pictures[start : start + _CHUNK]) for start in range(0, len(pictures), _CHUNK))
    while chunks:
        cores = usable_cores()
        with _pool(known, cores) as pool:
            pending: deque[tuple[list[Picture], Future[list[_Result]]]] = deque()
            try:
                while chunks or pending:
                    while chunks and len(pending) < _CHUNKS_AHEAD * cores:
                        pending.append((chunks[0], pool.submit(_review_chunk, chunks[0])))
                        chunks.popleft()
                    yield from pending[0][1].result()
                    pending.popleft()
            except BrokenProcessPool:
                chunks.extendleft([chunk for chunk, _ in reversed(pending)])
            finally:
                for _, future in pending:
                    future.cancel()
        if chunks and pending:
            yield from _one_by_one(chunks.popleft(), known)


def _one_by_one(chunk: Sequence[Picture], known: Mapping[str, PixelFacts]) -> Iterator[_Result]:
    """Yield the facts of pictures, each decoded in a process of its own; one that ends its process is a finding."""
    for picture in chunk:
        with _pool(known, 1) as pool:
            try:
                yield from pool.submit(_review_chunk, [picture]).result()
            except BrokenProcessPool:
                yield picture[1], None, PixelFacts(None, _CRASH)


def _pool(known: Mapping[str, PixelFacts], workers: int) -> ProcessPoolExecutor:
    # Forked: the workers have what is known already without a copy, and need not import anything again.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _KNOWN.update, (known,))


_KNOWN: dict[str, PixelFacts] = {}


def _review_chunk(chunk: Sequence[Picture]) -> list[_Result]:
    return [_review(*picture) for picture in chunk]


def _review(path: Path, name: str) -> _Result:
    try:
        data = read_image(path, name)
    except UnreadableImageError as error:
        return name, None, PixelFacts(None, error.reason)
    digest = hashlib.sha256(data).hexdigest()
    if digest in _KNOWN:
        return name, digest, _KNOWN[digest]
    try:
        return name, digest, PixelFacts(difference_hash(data, name))
    except UnreadableImageError as error:
        return name, digest, PixelFacts(None, error.reason)
    except MemoryError:
        return name, None, PixelFacts(None, "its pixels do not fit into memory")
