"""Pictures encoded anew for training, where their own bytes cannot or should not be trained on.

Scaled with a Lanczos filter. JPEG stays JPEG, at quality 95 without chroma subsampling; everything else becomes PNG,
so that nothing more is lost. Of an animation the first picture counts. Metadata are left out: training ignores colour
profiles, and an orientation has been applied.
"""

from __future__ import annotations

import io
import struct
import warnings

from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, PngImagePlugin

from edgetrain.core.boxes import ImageSize
from edgetrain.images import header as image_header
from edgetrain.images.image_file import JPEG, PNG, UnreadableImageError, decode_reduced

_JPEG_QUALITY = 95
_NO_SUBSAMPLING = 0
_STRIP_ROWS = 128
_KEPT = ("icc_profile", "exif", "dpi", "xmp", "comment")


def fitted_size(size: ImageSize, max_side: int) -> ImageSize:
    """Return the size of a picture scaled down so that no side is above ``max_side``; a smaller one stays."""
    longer = max(size.width, size.height)
    if longer <= max_side:
        return size
    width, height = (max(1, round(side * max_side / longer)) for side in (size.width, size.height))
    return ImageSize(width, height)


def encoded_anew(data: bytes, image_format: str, size: ImageSize, name: str, *, is_turned: bool = False) -> bytes:
    """Return a picture in a size, as JPEG if it is one, else as PNG.

    Args:
        data: any picture that Pillow reads.
        image_format: its format.
        size: what it shall have, once it is upright.
        name: what messages call it.
        is_turned: whether it is stored turned by a quarter, so that its EXIF orientation has to be applied.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    buffer = io.BytesIO()
    image, _ = decode_reduced(data, ImageSize(size.height, size.width) if is_turned else size, name)
    if is_turned:
        image = ImageOps.exif_transpose(image)
    if image.size != (size.width, size.height):
        image = _scaled(image, size)
    if image_format == JPEG:
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=_NO_SUBSAMPLING)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def _scaled(image: Image.Image, size: ImageSize) -> Image.Image:
    """Return an image in a size, made in strips: scaled in one go, it would need half its memory once more."""
    scaled = Image.new("RGB", (size.width, size.height))
    scale = image.height / size.height
    for top in range(0, size.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, size.height)
        box = (0, top * scale, image.width, bottom * scale)
        scaled.paste(image.resize((size.width, bottom - top), Image.Resampling.LANCZOS, box), (0, top))
    return scaled


def encoded_format(image_format: str) -> str:
    """Return the format that :func:`encoded_anew` gives for a picture of some format."""
    return JPEG if image_format == JPEG else PNG


def turned_upright(data: bytes, image_format: str, name: str) -> bytes:
    """Return a picture with its EXIF orientation applied to the pixels and removed from the metadata.

    PNG stays exact. JPEG is encoded anew at quality 95 with its own chroma subsampling. Colour profile, resolution,
    comments and the other EXIF and XMP values stay; pictures behind the first one of a JPEG do not.

    Args:
        data: JPEG or PNG.
        image_format: which of the two.
        name: what messages call the picture.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                sampling = -1 if image_format == PNG else JpegImagePlugin.get_sampling(image)
                texts = image.text if isinstance(image, PngImagePlugin.PngImageFile) else {}
                upright = ImageOps.exif_transpose(image)
        kept = {key: upright.info[key] for key in _KEPT if upright.info.get(key)}
        if image_format == PNG:
            kept.pop("comment", None)
            upright.save(buffer, "PNG", pnginfo=_png_texts(texts, kept.pop("xmp", None)), **kept)
        else:
            upright.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=sampling, optimize=True, **kept)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImageError(name, f"the picture is damaged ({error})") from error
    return buffer.getvalue()


def marked_upright(data: bytes, image_format: str, name: str) -> bytes:
    """Return a picture with the very same pixels, whose EXIF orientation says that they are upright.

    Args:
        data: JPEG or PNG.
        image_format: which of the two.
        name: what messages call the picture.

    Raises:
        UnreadableImageError: the bytes are damaged, or the orientation stands where it cannot be rewritten.
    """
    if image_format == JPEG:
        places = image_header.orientation_places(data)
        if not places:
            raise UnreadableImageError(name, "its EXIF orientation cannot be rewritten")
        marked = bytearray(data)
        for start, order in places:
            struct.pack_into(f"{order}H", marked, start, image_header.UPRIGHT)
        return bytes(marked)
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                exif = image.getexif()
                exif[ExifTags.Base.Orientation] = image_header.UPRIGHT
                texts = image.text if isinstance(image, PngImagePlugin.PngImageFile) else {}
                kept = {key: image.info[key] for key in ("icc_profile", "dpi") if image.info.get(key)}
                image.save(buffer, "PNG", exif=exif, pnginfo=_png_texts(texts, None), **kept)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImageError(name, f"the picture is damaged ({error})") from error
    return buffer.getvalue()


def _png_texts(texts: dict[str, str], xmp: object) -> PngImagePlugin.PngInfo:
    """Return the text chunks of a PNG; one of them holds the XMP, whose orientation was removed."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        is_xmp = key == "XML:com.adobe.xmp"
        if is_xmp and isinstance(xmp, (bytes, str)):
            info.add_itxt(key, xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else xmp)
        elif not is_xmp:
            info.add_itxt(key, text)
    return info
