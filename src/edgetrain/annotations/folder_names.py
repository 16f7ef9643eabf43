"""The names by which folders of annotations, pictures and splits are known, and the suffixes of pictures."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

from edgetrain.core.splits import Split

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".bmp",
    ".gif",
    ".webp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
)
ANNOTATIONS_NAMES = ("annotations",)
IMAGES_NAMES = ("jpegimages", "images")
SPLIT_NAMES = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "test": Split.TEST,
}


def same_form(name: str) -> str:
    """Return a name in Unicode's composed form and without percent codes: what macOS and web tools write otherwise."""
    if name.isascii() and "%" not in name:
        return name
    return unicodedata.normalize("NFC", unquote(name))
