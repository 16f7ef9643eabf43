"""Pictures stored turned, with an EXIF orientation that says so: their pixels turned for good."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin

from edgetrain.formats.image_file import PNG, UnreadableImageError

_JPEG_QUALITY = 95
_KEPT = ("icc_profile", "exif", "dpi", "xmp", "comment")


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
