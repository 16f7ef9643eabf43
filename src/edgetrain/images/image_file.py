"""Pictures: the only door to Pillow.

Accepted: JPEG and PNG, told by their first bytes, never by their names. Other formats that Pillow knows are named so
that a message can say what the file is.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Optional

from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError, UnfetchedError
from edgetrain.core.system.files import OutsideLinkError, changed_at, file_content, open_regular
from edgetrain.core.system.pointers import MOST_POINTER_BYTES, pointer_tool
from edgetrain.images import header as image_header
from edgetrain.images.header import JPEG, PNG, ImageHeader, read_header

__all__ = ["IMAGE_FIX", "JPEG", "PNG", "Glance", "ImageInfo", "UnreadableImageError"]
IMAGE_FIX = "Replace the picture, or remove it and its annotation."
HEIC = "the picture is HEIC, a format of phones, which training cannot read"
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_HEAD_BYTES = 2048  # holds the header of most pictures; a longer one costs reading the file
_TAIL_BYTES = 64
_MOST_BYTES = 256 << 20
_PIXELS_EACH = 8  # in each direction of a reduced picture for one of a still smaller one; with fewer, edges move
_PLAIN_SAMPLINGS = [[luma, (1, 1), (1, 1)] for luma in ((1, 1), (2, 1), (2, 2))]  # 4:4:4, 4:2:2 and 4:2:0
_ENDS = {JPEG: image_header.JPEG_END, PNG: b"\0\0\0\0" + image_header.PNG_END}
# What Pillow's readers raise for damaged bytes, beside OSError (github.com/python-pillow/Pillow/issues/5383).
_UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, EOFError, Image.DecompressionBombError)


def remedy_of(reason: str, name: str) -> str:
    """Return what to do about a picture that cannot be read, by the reason of :class:`UnreadableImageError`."""
    if reason != HEIC:
        return IMAGE_FIX
    own = PurePosixPath(name)
    made = f"{own.stem}{'-converted' if own.name == f'{own.stem}.jpg' else ''}.jpg"
    return f'Convert it to JPEG, for example with "heif-convert {own.name} {made}". Check that the boxes still fit.'


class UnreadableImageError(DatasetError):
    """A picture cannot be read; ``reason`` says why, without place and remedy."""

    def __init__(self, name: str, reason: str) -> None:
        """Make the message of the parts."""
        super().__init__(f"{name}: {reason}. {IMAGE_FIX}")
        self.reason = reason


class ImageInfo(NamedTuple):
    """What the header of a picture says, and whether its end is there.

    ``format`` is ``jpeg``, ``png`` or Pillow's name of another format in lower case. ``exif_orientation`` is 1 for a
    picture that is stored upright. ``mode`` is Pillow's (``RGB``, ``L``, ``CMYK``, …). ``oddity`` says what training
    decodes otherwise than people see it (``has CMYK colours``); empty where there is nothing.
    """

    size: ImageSize
    format: str
    is_complete: bool
    exif_orientation: int
    mode: str
    oddity: str = ""


class Glance(NamedTuple):
    """A picture file as far as its first and last bytes tell.

    ``info`` is ``None`` where the file is no readable picture, and ``reason`` says why. ``key`` is the same for
    identical files, and hardly ever for others. ``changed`` is the time of the last change in nanoseconds.
    ``tool`` is the one that keeps the picture where only a pointer to it is there, ``is_outside`` tells that it is a
    link which leads out of the dataset.
    """

    size_bytes: int = 0
    changed: int = 0
    key: str = ""
    info: Optional[ImageInfo] = None
    reason: str = ""
    tool: str = ""
    is_outside: bool = False


def glance(path: str, *, within: Path | None = None) -> Glance:
    """Return what a picture file says about itself, its whole content read only where its ends leave a doubt.

    Args:
        path: an existing file.
        within: the dataset, out of which no link may lead; ``None``: every link is followed.
    """
    try:
        descriptor, state = open_regular(path, most_bytes=_MOST_BYTES, within=within)
        try:
            size_bytes, changed = state.st_size, changed_at(state)
            head = os.read(descriptor, _HEAD_BYTES)
            os.lseek(descriptor, max(0, size_bytes - _TAIL_BYTES), os.SEEK_SET)
            tail = os.read(descriptor, _TAIL_BYTES)
        finally:
            os.close(descriptor)
    except UnfetchedError as error:
        return Glance(reason=str(error), tool=error.tool)
    except OSError as error:
        return Glance(reason=_not_read(error), is_outside=isinstance(error, OutsideLinkError))
    if size_bytes <= MOST_POINTER_BYTES and (tool := pointer_tool(head)):
        return Glance(size_bytes, changed, reason=f"the file is only a pointer of {tool}", tool=tool)
    key = f"{size_bytes:x}-{zlib.crc32(tail, zlib.crc32(head)):08x}"
    header = read_header(head)
    if header and (header.is_huge or tail.endswith(_ENDS[header.format])):
        return Glance(size_bytes, changed, key, _info(header, is_complete=tail.endswith(_ENDS[header.format])))
    try:
        return Glance(size_bytes, changed, key, probe(Path(path)))
    except UnreadableImageError as error:
        return Glance(size_bytes, changed, key, None, error.reason)


def quick_key(path: Path) -> str:
    """Return a text that is the same for identical picture files, and hardly ever for others; empty if unreadable."""
    return glance(str(path)).key


def probe(path: Path, name: str = "") -> ImageInfo:
    """Return what a picture file says about itself, without decoding the pixels.

    Args:
        path: an existing file.
        name: what messages call the file (default: its path).

    Raises:
        UnreadableImageError: the file cannot be read or is not a picture.
    """
    return probe_bytes(read_image(path, name), name or str(path))


def read_image(path: str | Path, name: str = "") -> bytes:
    """Return the bytes of a picture file.

    Raises:
        UnreadableImageError: the file cannot be read.
        UnfetchedError: a pointer to the picture stands in its place.
    """
    try:
        return file_content(path, most_bytes=_MOST_BYTES)
    except OSError as error:
        raise UnreadableImageError(name or str(path), _not_read(error)) from error


def _not_read(error: OSError) -> str:
    return f"the file cannot be read ({error.strerror})"


def probe_bytes(data: bytes, name: str) -> ImageInfo:
    """Return what a picture's bytes say about it; see :func:`probe`."""
    header = read_header(data)
    if header and (header.is_huge or data.endswith(_ENDS[header.format])):
        return _info(header, is_complete=data.endswith(_ENDS[header.format]))
    with _opened(data, name) as image:
        image_format = _format(data, image)
        return ImageInfo(
            size=ImageSize(*image.size),
            format=image_format,
            is_complete=_is_complete(data, image_format, image),
            exif_orientation=_orientation(image),
            mode=image.mode,
            oddity=header.oddity if header else image_header.CMYK if image.mode == "CMYK" else "",
        )


def _info(header: ImageHeader, *, is_complete: bool) -> ImageInfo:
    size = ImageSize(header.width, header.height)
    return ImageInfo(size, header.format, is_complete, header.exif_orientation, header.mode, header.oddity)


def decode(data: bytes, name: str = "picture") -> Image.Image:
    """Return a picture's pixels as an RGB image, as TensorFlow decodes them: transparency dropped, not rotated.

    Args:
        data: JPEG or PNG.
        name: what messages call the picture.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    with _checked(data, name) as image:
        return _pixels(image, name)


def decode_reduced(data: bytes, least: ImageSize, name: str = "picture") -> tuple[Image.Image, tuple[float, float]]:
    """Return a picture's pixels as :func:`decode` does, a JPEG's at a half, quarter or eighth of its size.

    That averages as well as a filter does, in a part of the time and memory. The data are read to their end all the
    same, so what is damaged fails here as it does at full size.

    Args:
        data: JPEG or PNG.
        least: no side becomes smaller than this because of it.
        name: what messages call the picture.

    Returns:
        The image, and how much of its width and height is the picture: the last column and row may go beyond it.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    with _checked(data, name) as image:
        drafted = image.draft(None, (least.width, least.height))
        pixels = _pixels(image, name)
        return pixels, drafted[1][2:] if drafted else pixels.size


def decode_gray(data: bytes, size: ImageSize, name: str = "picture") -> Sequence[float]:
    """Return a picture's brightness at a size that it is stretched to: 0 to 255, row by row, with antialiasing.

    Of a JPEG that is large enough only the brightness is decoded, at a part of its size; see :func:`decode_reduced`.

    Raises:
        UnreadableImageError: the bytes are damaged.
    """
    least = ImageSize(size.width * _PIXELS_EACH, size.height * _PIXELS_EACH)
    with _checked(data, name) as image:
        # With sampling factors of which it refuses some, libjpeg has to be asked for the colours too.
        is_plain = isinstance(image, JpegImageFile) and [one[1:3] for one in image.layer] in _PLAIN_SAMPLINGS
        drafted = image.draft("L" if is_plain else None, (least.width, least.height))
        gray = _pixels(image, name, "L")
    right, bottom = drafted[1][2:] if drafted else gray.size
    factor = max(1, min(gray.width // least.width, gray.height // least.height))
    # As numbers of 8 bits, levels that hardly differ would be equal, or not, by chance.
    levels = gray.reduce(factor).convert("F")
    box = (0, 0, right / factor, bottom / factor)
    return array("f", levels.resize((size.width, size.height), Image.Resampling.BILINEAR, box).tobytes())


def _checked(data: bytes, name: str) -> Image.Image:
    """Return an opened picture whose checksums are right, as far as there are any."""
    chunk = image_header.damaged_chunk(data) if data.startswith(image_header.PNG_START) else ""
    if chunk:
        raise _damaged(name, f"the checksum of its chunk {chunk} is wrong")
    return _opened(data, name)


def _pixels(image: Image.Image, name: str, mode: str = "RGB") -> Image.Image:
    try:
        if image.mode.startswith("I"):  # 16 bits a sample; Pillow would clip instead of scaling
            return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert(mode)
        image.load()
        return image if image.mode == mode else image.convert(mode)  # converting copies in any case
    except _UNREADABLE as error:
        raise _damaged(name, error) from error


def _opened(data: bytes, name: str) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # large pictures and odd metadata are no fault of their own
        try:
            return Image.open(io.BytesIO(data))
        except UnidentifiedImageError as error:
            if data.startswith((image_header.JPEG_START, image_header.PNG_START)):
                raise _damaged(name, "its header cannot be read") from error
            raise UnreadableImageError(name, HEIC if _is_heic(data) else "the file is not a picture") from error
        except _UNREADABLE as error:
            raise _damaged(name, error) from error


def _is_heic(data: bytes) -> bool:
    """Return whether a file is one of ISO/IEC 23008-12 with pictures in HEVC, told by its brands."""
    if data[4:8] != b"ftyp":
        return False
    brands = data[8 : min(len(data), max(12, int.from_bytes(data[:4], "big")), 256)]
    return any(brand in brands for brand in _HEIC_BRANDS)


def _damaged(name: str, reason: object) -> UnreadableImageError:
    return UnreadableImageError(name, f"the picture is damaged ({reason})")


def _format(data: bytes, image: Image.Image) -> str:
    if data.startswith(image_header.JPEG_START):
        return JPEG  # also where Pillow says MPO: several pictures in one JPEG, of which everybody reads the first
    return PNG if data.startswith(image_header.PNG_START) else str(image.format).lower()


def _is_complete(data: bytes, image_format: str, image: Image.Image) -> bool:
    """Return whether the end of the picture is there.

    The end marker is the rule, since decoders forgive PNGs that TensorFlow refuses; only a JPEG with something behind
    its marker has to be decoded to know.
    """
    if image_format == PNG:
        return image_header.PNG_END in data
    if image_format != JPEG or data.endswith(image_header.JPEG_END):
        return True
    if image_header.JPEG_END not in data:
        return False
    try:
        image.load()
    except _UNREADABLE:
        return False
    return True


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    stored = image.info.get("exif")
    if not stored:
        return image_header.UPRIGHT
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load(stored)
            value = exif.get(ExifTags.Base.Orientation)
    except _UNREADABLE:
        return image_header.UPRIGHT
    return value if isinstance(value, int) and value in image_header.ORIENTATIONS else image_header.UPRIGHT
