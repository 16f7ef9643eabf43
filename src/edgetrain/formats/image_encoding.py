"""Pictures encoded anew for training, where their own bytes cannot or should not be trained on.

Scaled with a Lanczos filter. JPEG stays JPEG, at quality 95 without chroma subsampling; everything else becomes PNG,
so that nothing more is lost. Of an animation the first picture counts. Metadata are left out: training ignores colour
profiles, and an orientation has been applied.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image

from edgetrain.core.boxes import ImageSize
from edgetrain.formats.image_file import JPEG, PNG, UnreadableImageError, decode

_JPEG_QUALITY = 95
_NO_SUBSAMPLING = 0
# A JPEG may be decoded at a half, a quarter or an eighth of its size where this many times the wanted size is left.
_LEAST_REDUCED = 2


def fitted_size(size: ImageSize, max_side: int) -> ImageSize:
    """Return the size of a picture scaled down so that no side is above ``max_side``; a smaller one stays."""
    longer = max(size.width, size.height)
    if longer <= max_side:
        return size
    width, height = (max(1, round(side * max_side / longer)) for side in (size.width, size.height))
    return ImageSize(width, height)


def encoded_anew(data: bytes, image_format: str, size: ImageSize, name: str) -> bytes:
    """Return a picture in a size, as JPEG if it is one, else as PNG.

    Args:
        data: any picture that Pillow reads, stored upright.
        image_format: its format.
        size: what it shall have.
        name: what messages call it.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    buffer = io.BytesIO()
    image = _reduced(data, size, name) if image_format == JPEG else decode(data, name)
    if image.size != (size.width, size.height):
        image = image.resize((size.width, size.height), Image.Resampling.LANCZOS)
    if image_format == JPEG:
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=_NO_SUBSAMPLING)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def encoded_format(image_format: str) -> str:
    """Return the format that :func:`encoded_anew` gives for a picture of some format."""
    return JPEG if image_format == JPEG else PNG


def _reduced(data: bytes, size: ImageSize, name: str) -> Image.Image:
    """Return the pixels of a JPEG, decoded at a part of its size where that is large enough still: it saves memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                image.draft(None, (size.width * _LEAST_REDUCED, size.height * _LEAST_REDUCED))
                image.load()
                return image if image.mode == "RGB" else image.convert("RGB")  # converting copies in any case
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImageError(name, f"the picture is damaged ({error})") from error
