"""Pictures as arrays, resized the way that a device's program does it before it calls the model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetrain.core.boxes import ImageSize
from edgetrain.images.image_file import decode, decode_reduced


def network_pixels(data: bytes, size: ImageSize, name: str) -> npt.NDArray[np.uint8]:
    """Return a JPEG or PNG as the network's input.

    Args:
        data: the encoded picture.
        size: what the network takes; the picture is stretched to it, bilinear with antialiasing.
        name: what messages call the picture.

    Returns:
        uint8, shape (height, width, 3), RGB, 0 to 255.

    Raises:
        DatasetError: the picture cannot be decoded.
    """
    resized = decode(data, name).resize((size.width, size.height), resample=Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def reduced_pixels(data: bytes, least_side: int, name: str) -> npt.NDArray[np.uint8]:
    """Return a JPEG or PNG, made smaller if both of its sides are longer than ``least_side``.

    Args:
        data: the encoded picture.
        least_side: pixels; the shorter side of a larger picture gets this length, with antialiasing.
        name: what messages call the picture.

    Returns:
        uint8, shape (height, width, 3), RGB, 0 to 255.

    Raises:
        DatasetError: the picture cannot be decoded.
    """
    picture, extent = decode_reduced(data, ImageSize(least_side, least_side), name)
    scale = least_side / min(extent)
    if scale < 1:
        size = (round(extent[0] * scale), round(extent[1] * scale))
        picture = picture.resize(size, resample=Image.Resampling.BILINEAR, box=(0, 0, *extent))
    return np.asarray(picture, dtype=np.uint8)
