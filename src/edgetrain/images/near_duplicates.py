"""Which pictures look nearly the same: groups of 64-bit difference hashes that differ in few bits.

A group cannot drift: however long the chain of small steps (a slow video), each hash is within ``MAX_DISTANCE`` bits of
the group's leader. Such a chain is cut into several groups, so two near pictures may stand in neighbouring ones.
The groups depend on the hashes and names only, never on their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from edgetrain.core.boxes import ImageSize
from edgetrain.images.image_file import decode_gray

HASH_BITS = 64
# Among the 19,900 pairs of 200 photographs, near duplicates differ in 0 to 3 bits, one other pair in 8, the rest in 12
# or more.
MAX_DISTANCE = 4
_COLUMNS, _ROWS = 8, 8
# Below this range of grey levels (0 to 255) the signs of differences are noise: fog, sky and night would all be twins.
_MIN_RANGE = 16


def hamming_distance(one: int, other: int) -> int:
    """Return the number of bits, 0 to 64, in which two hashes differ."""
    return bin(one ^ other).count("1")


def near_groups(hashes: Mapping[str, Optional[int]]) -> list[list[str]]:
    """Return the groups of two or more pictures that are near duplicates, names and groups sorted.

    Args:
        hashes: 64-bit difference hash by picture; one without (``None``) is in no group.
    """
    names: dict[int, list[str]] = defaultdict(list)
    for name in sorted(hashes):
        value = hashes[name]
        if value is not None:
            names[value].append(name)
    clusters = _clusters(sorted(names))
    groups = [sorted(name for value in cluster for name in names[value]) for cluster in clusters]
    return sorted(group for group in groups if len(group) > 1)


def _clusters(hashes: Sequence[int]) -> list[list[int]]:
    """Return different hashes, each with the nearest leader within ``MAX_DISTANCE``, or else as a leader itself.

    Hashes that differ in at most n bits agree wholly in one of n + 1 bands, so only leaders that share a band are
    compared. There are few of them even where a fixed camera gives thousands of hashes, all near each other.
    """
    clusters: dict[int, list[int]] = {}
    leaders: dict[tuple[int, int], list[int]] = defaultdict(list)
    for value in hashes:
        places = [(shift, value >> shift & mask) for shift, mask in _BANDS]
        near = ((hamming_distance(value, leader), leader) for place in places for leader in leaders.get(place, ()))
        distance, leader = min(near, default=(HASH_BITS, value))
        if distance <= MAX_DISTANCE:
            clusters[leader].append(value)
            continue
        clusters[value] = [value]
        for place in places:
            leaders[place].append(value)
    return list(clusters.values())


def _bands() -> Iterator[tuple[int, int]]:
    """Yield shift and mask of each of the bands that together are all bits of a hash."""
    count = MAX_DISTANCE + 1
    edges = [HASH_BITS * number // count for number in range(count + 1)]
    for low, high in zip(edges, edges[1:]):
        yield low, (1 << (high - low)) - 1


_BANDS = tuple(_bands())


def difference_hash(data: bytes, name: str) -> Optional[int]:
    """Return 64 bits, row by row: whether the picture grows brighter to the right; ``None`` if it has no structure.

    Args:
        data: the encoded picture; it is read to its end.
        name: what messages call the picture.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    width = _COLUMNS + 1
    grey = decode_gray(data, ImageSize(width, _ROWS), name)
    if max(grey) - min(grey) < _MIN_RANGE:
        return None
    value = 0
    for row in range(_ROWS):
        for left in range(row * width, row * width + _COLUMNS):
            value = value << 1 | (grey[left] < grey[left + 1])
    return value
