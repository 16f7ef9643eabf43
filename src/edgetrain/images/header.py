"""What the first bytes of a JPEG or PNG say, read without a decoder: some 20 times faster than opening the picture.

Whatever is unusual gives ``None``: ``image_file`` then asks Pillow, whose word counts.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple, Optional

JPEG = "jpeg"
PNG = "png"
JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
UPRIGHT = 1
ORIENTATIONS = range(1, 9)
MAX_PIXELS = 178_956_970  # half a gigabyte of RGB
CMYK = "has CMYK colours"
DEEP = "has 16 bits a channel"
ANIMATED = "is an animation"

_FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # baseline, extended and progressive: what libjpeg-turbo decodes for TensorFlow
_WITHOUT_LENGTH = frozenset((0x00, 0x01, *range(0xD0, 0xDB)))
_OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - _FRAMES - {0xC4, 0xC8, 0xCC}
_APP1 = 0xE1
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG = 0x0112
_SHORT = 3
_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}
_COLOUR_TYPES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_IHDR = struct.Struct(">I4sIIBBBBBI")


class ImageHeader(NamedTuple):
    """Size in pixels, ``jpeg`` or ``png``, EXIF orientation (1 to 8), Pillow's mode.

    ``oddity`` says what training decodes otherwise than people see it; empty where there is nothing.
    """

    width: int
    height: int
    format: str
    exif_orientation: int
    mode: str
    oddity: str

    @property
    def is_huge(self) -> bool:
        """Whether decoding it is refused, as by Pillow, since it would fill the memory."""
        return self.width * self.height > MAX_PIXELS


def read_header(data: bytes) -> Optional[ImageHeader]:
    """Return what the beginning of a file says, ``None`` where it is unusual, damaged or longer than ``data``."""
    if data.startswith(JPEG_START):
        return _read_jpeg(data)
    return _read_png(data) if data.startswith(PNG_START) else None


def read_orientation(exif: bytes) -> int:
    """Return the orientation (1 to 8) in the TIFF structure of EXIF data; 1 where there is none or it is senseless."""
    found = _orientation_entry(exif)
    return UPRIGHT if found is None else found[2]


def orientation_places(data: bytes) -> list[tuple[int, str]]:
    """Return where in the bytes of a JPEG its EXIF orientation stands (16 bits), and in which order of bytes."""
    position, places = 2, []
    while position + 4 <= len(data) and data[position] == 0xFF:  # noqa: PLR2004 - begins every marker
        marker = data[position + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        if marker in _FRAMES or marker in _OTHER_FRAMES or marker in _WITHOUT_LENGTH:
            break
        length = data[position + 2] << 8 | data[position + 3]
        if marker == _APP1 and data.startswith(_EXIF, position + 4):
            found = _orientation_entry(data[position + 10 : position + 2 + length])
            places += [(position + 10 + found[0], found[1])] if found else []
        position += 2 + length
    return places


def _orientation_entry(exif: bytes) -> Optional[tuple[int, str, int]]:
    """Return where the orientation stands in EXIF data, the order of its bytes and its value, 1 to 8."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:  # noqa: PLR2004 - the TIFF header
        return None
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return None
    (entries,) = struct.unpack_from(f"{order}H", exif, start)
    for position in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", exif, position)
        if tag == _ORIENTATION_TAG:
            is_sound = kind == _SHORT and count == 1 and value in ORIENTATIONS
            return (position + 8, order, value) if is_sound else None
    return None


def damaged_chunk(data: bytes) -> str:
    """Return the name of the first critical chunk of a PNG whose checksum is not that of its content; empty if none.

    Pillow overlooks those of the pixels, for which TensorFlow refuses the picture (libpng.org/pub/png/spec/1.2, 3.4).
    """
    view, position, kind = memoryview(data), 8, b""
    while position + 12 <= len(data) and kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        kind = data[position + 4 : position + 8]
        # The fifth bit of the first letter marks what a decoder may pass over.
        is_critical = not kind[0] & 0x20
        if is_critical and data[end : end + 4] != zlib.crc32(view[position + 4 : end]).to_bytes(4, "big"):
            return kind.decode("ascii", "replace")
        position = end + 4
    return ""


def _read_jpeg(data: bytes) -> Optional[ImageHeader]:
    position, orientation, end = 2, UPRIGHT, len(data) - 9
    while position < end and data[position] == 0xFF:  # noqa: PLR2004 - begins every marker
        marker = data[position + 1]
        if marker in _FRAMES:
            return _read_frame(data, position + 4, orientation)
        if marker in _OTHER_FRAMES or marker in _WITHOUT_LENGTH:
            return None
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        length = data[position + 2] << 8 | data[position + 3]
        if marker == _APP1 and data.startswith(_EXIF, position + 4):
            if position + 2 + length > len(data):
                return None
            orientation = read_orientation(data[position + 10 : position + 2 + length])
        position += 2 + length
    return None


def _read_frame(data: bytes, start: int, orientation: int) -> Optional[ImageHeader]:
    precision, height, width, channels = struct.unpack_from(">BHHB", data, start)
    if precision != 8 or not width or not height or channels not in _CHANNELS:  # noqa: PLR2004 - bits
        return None
    mode = _CHANNELS[channels]
    return ImageHeader(width, height, JPEG, orientation, mode, CMYK if mode == "CMYK" else "")


def _read_png(data: bytes) -> Optional[ImageHeader]:
    if len(data) < 8 + _IHDR.size:
        return None
    length, kind, width, height, bits, colour, *methods, checksum = _IHDR.unpack_from(data, 8)
    if kind != b"IHDR" or length != 13 or checksum != zlib.crc32(data[12:29]):  # noqa: PLR2004 - fixed by the format
        return None
    if not width or not height or bits not in _BIT_DEPTHS.get(colour, ()) or methods[:2] != [0, 0]:
        return None
    chunks = _chunks_before_pixels(data)
    if chunks is None:
        return None
    is_deep = bits == 16  # noqa: PLR2004
    oddity = ANIMATED if b"acTL" in chunks else DEEP if is_deep else ""
    mode = "I;16" if is_deep and colour == 0 else _COLOUR_TYPES[colour]
    return ImageHeader(width, height, PNG, read_orientation(chunks.get(b"eXIf", b"")), mode, oddity)


def _chunks_before_pixels(data: bytes) -> Optional[dict[bytes, bytes]]:
    """Return the chunks between IHDR and the first IDAT by name; ``None`` if that is not in ``data``."""
    chunks: dict[bytes, bytes] = {}
    position = 8 + _IHDR.size
    while position + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        if kind == b"IDAT":
            return chunks
        chunks[kind] = data[position + 8 : position + 8 + length]
        position += 12 + length
    return None
