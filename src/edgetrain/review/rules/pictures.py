"""What makes a picture, or the size stated for it, unfit for training: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from edgetrain.annotations.voc import Problem
from edgetrain.core.annotation import Annotation
from edgetrain.core.boxes import ImageSize
from edgetrain.core.findings import Finding
from edgetrain.core.rules import RuleLevel
from edgetrain.dataset.layout import stem_of
from edgetrain.images.header import MAX_PIXELS, UPRIGHT
from edgetrain.images.image_file import HEIC, IMAGE_FIX, JPEG, PNG, ImageInfo, remedy_of
from edgetrain.review.rules import boxes as box_rules
from edgetrain.review.rules.boxes import BoxLimits

_SUFFIXES = {JPEG: (".jpg", ".jpeg", ".jpe", ".jfif"), PNG: (".png",)}
_QUARTER_TURNS = range(5, 9)


def image_missing(name: str, annotation: Annotation, places: str) -> Finding:
    """Return the finding of an annotation whose picture is not in ``places``."""
    message = f"the picture {annotation.filename or stem_of(name)!r} is not in {places}."
    fix = "Add the picture, correct <filename>, or remove the annotation."
    return Finding.of((name, annotation.filename_line), "image-missing", message, fix)


def image_unreadable(image_name: str, reason: str) -> Finding:
    """Return the finding of a picture that cannot be read."""
    rule, more = ("image-format", " Correct <filename> as well.") if reason == HEIC else ("image-unreadable", "")
    return Finding.of((image_name, 1), rule, f"{reason}.", f"{remedy_of(reason, image_name)}{more}")


def pixels_damaged(image_name: str, reason: str) -> Finding:
    """Return the finding of a picture that looks whole, but whose pixels cannot be decoded."""
    return Finding.of((image_name, 1), "pixels-damaged", f"{reason}.", IMAGE_FIX)


def negative_findings(name: str, annotation: Annotation) -> Iterator[Finding]:
    """Yield a finding for a picture without objects, for those who mean to have none."""
    if not annotation.boxes:
        message = "no object is labelled; the picture is a negative example."
        yield Finding.of((name, 1), "image-negative", message, "Draw the missing boxes, or keep it as it is.")


def image_findings(image_name: str, info: ImageInfo) -> Iterator[Finding]:
    """Yield the faults of a picture file by itself."""
    place = (image_name, 1)
    if info.size.width * info.size.height > MAX_PIXELS:
        message = f"the picture's header states {info.size} pixels, which is more than fits into memory."
        yield Finding.of(place, "image-huge", message, "Scale it down, or remove it and its annotation.")
    if info.format not in _SUFFIXES:
        message = f"the picture is {info.format.upper()}, which training cannot read."
        yield Finding.of(place, "image-format", message, "Convert it to JPEG or PNG.")
    elif not info.is_complete:
        yield Finding.of(place, "image-truncated", "the picture is cut off: its end is missing.", IMAGE_FIX)
    if info.format in _SUFFIXES and not image_name.lower().endswith(_SUFFIXES[info.format]):
        suffix = PurePosixPath(image_name).suffix
        message = f"the picture is {info.format.upper()}, but its name ends in {suffix or 'nothing'!r}."
        fix = f"Rename it to {_SUFFIXES[info.format][0]}, in <filename> too."
        yield Finding.of(place, "image-extension", message, fix)
    if info.oddity:
        message = f"the picture {info.oddity}; training reads it differently from how it looks."
        yield Finding.of(place, "image-mode", message, "Save it as a plain 8-bit RGB or gray picture.")


def is_turned(annotation: Annotation, info: ImageInfo) -> bool:
    """Return whether ``<size>`` shows that the boxes were drawn on the picture as EXIF turns it."""
    if info.exif_orientation not in _QUARTER_TURNS:
        return False
    turned = ImageSize(info.size.height, info.size.width)
    return turned != info.size and annotation.size == turned


def stated_findings(name: str, annotation: Annotation, image_name: str, info: ImageInfo) -> Iterator[Finding]:
    """Yield the faults of ``<size>``, and of an EXIF orientation in the light of it."""
    if info.exif_orientation != UPRIGHT:
        yield _orientation_finding(annotation, image_name, info)
    place = (name, annotation.size_line)
    if annotation.size is None:
        yield Finding.of(place, "size-missing", f"<size> is missing; {image_name} is {info.size}.", "Add <size>.")
    elif annotation.size != info.size and not is_turned(annotation, info):
        message = f"<size> is {annotation.size}, but {image_name} is {info.size}."
        yield Finding.of(place, "size-mismatch", message, "Correct <size>, and check that the boxes fit the picture.")


def _orientation_finding(annotation: Annotation, image_name: str, info: ImageInfo) -> Finding:
    """Return what the orientation means for the boxes; training always reads the stored pixels."""
    start = f"the picture is stored turned (EXIF orientation {info.exif_orientation}), which training ignores"
    is_clear = info.exif_orientation in _QUARTER_TURNS and info.size.width != info.size.height
    if is_clear and annotation.size == info.size:
        message = f"{start}; <size> shows that the boxes were drawn on the stored pixels, so they fit."
        finding = Finding.of((image_name, 1), "exif-orientation", message, "Remove the EXIF orientation.")
        return replace(finding, severity=RuleLevel.WARNING.value)
    if is_turned(annotation, info):
        message = f"{start}; <size> shows that the boxes were drawn on the turned picture."
        fix = 'Turn the pixels: "ci/inv fix --apply".'
    else:
        message = f"{start}; nothing says which form the boxes were drawn on."
        fix = "Turn the pixels, remove the EXIF orientation, and check that the boxes fit."
    return Finding.of((image_name, 1), "exif-orientation", message, fix)


def of_problem(name: str, problem: Problem) -> Finding:
    """Return the finding of a fault that the parser met."""
    return Finding.of((name, problem.line), problem.rule, problem.message, problem.fix)


def picture_findings(
    name: str, annotation: Annotation, image_name: str, info: ImageInfo, *, limits: BoxLimits | None = None
) -> list[Finding]:
    """Return what is wrong with a picture, and with the size and boxes stated for it.

    Args:
        name: the annotation's name.
        annotation: what it says.
        image_name: the picture's name.
        info: what the picture says about itself.
        limits: what the network can see (default: boxes may be of any size and number).
    """
    # Boxes drawn on the turned picture are held against that one: how it is turned is a finding already.
    size = ImageSize(info.size.height, info.size.width) if is_turned(annotation, info) else info.size
    findings = [
        *image_findings(image_name, info),
        *stated_findings(name, annotation, image_name, info),
        *box_rules.box_findings(name, annotation, size),
    ]
    return [*findings, *box_rules.size_findings(name, annotation, size, limits)] if limits else findings
