"""The difference hash of a picture: equal or nearly so for the same scene at another size or quality."""

from __future__ import annotations

from typing import Optional

from edgetrain.core.boxes import ImageSize
from edgetrain.formats.image_file import decode_gray

_COLUMNS, _ROWS = 8, 8
# Below this range of grey levels (0 to 255) the signs of differences are noise: fog, sky and night would all be twins.
_MIN_RANGE = 16


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
