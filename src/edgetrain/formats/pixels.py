"""Pictures as arrays, resized the way that a device's program does it before it calls the model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetrain.core.boxes import ImageSize
from edgetrain.formats.image_file import decode


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
