"""The names by which folders of annotations, pictures and splits are known, and the suffixes of pictures."""

from __future__ import annotations

from edgetrain.core.splits import Split

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
ANNOTATIONS_NAMES = ("annotations",)
IMAGES_NAMES = ("jpegimages", "images")
SPLIT_NAMES = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "test": Split.TEST,
}
