"""Every rule of ``validate``: its name, how bad a breach is unless the settings say otherwise, what it is about."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

_ROWS = """
# XML
xml-malformed        error    An annotation is well-formed XML.
xml-unsafe           error    An annotation declares no document type and no entity.
xml-encoding         warning  An annotation is UTF-8 text.
element-missing      error    An annotation has every element that a box needs.
element-repeated     error    An element that gives one value stands once.
element-misplaced    error    An object stands directly in the annotation.
not-a-number         error    Coordinates and sizes are finite numbers.
class-malformed      error    A class name is one line of text.
# Files
data-unfetched       error    What git, Git LFS, git-annex or DVC keeps for the dataset is in this clone.
file-excessive       error    An annotation has no more elements and objects than a review can take in.
link-outside         error    No link points outside the dataset, unless dataset.follow_links allows it.
label-map-malformed  error    A committed label map can be read.
# Names
filename-mismatch    warning  The picture, <filename> and the annotation have the same name.
filename-case        warning  <filename> and the picture's name agree in upper and lower case.
filename-unsafe      error    <filename> does not lead out of the dataset and has no control characters.
filename-form        warning  <filename> and the picture's name have the same Unicode form, without percent codes.
filename-path        warning  <filename> is a name without folders.
# Pictures
image-missing        error    An annotation has a picture.
image-orphaned       warning  A picture has an annotation.
image-shared         error    A picture belongs to one annotation.
image-unreadable     error    A picture can be read.
image-truncated      error    A picture has its end.
image-format         error    A picture is JPEG or PNG, which training decodes.
image-extension      warning  A picture's name ends as its content demands.
image-mode           warning  A picture has 8-bit gray or colour channels and does not move.
image-huge           error    A picture has no more pixels than memory can hold.
image-negative       off      A picture shows an object.
size-missing         warning  <size> is given.
size-mismatch        error    <size> is the picture's size.
exif-orientation     error    A picture is stored upright.
# Boxes
box-outside          error    A box lies inside the picture.
box-inverted         error    A box's minima are less than its maxima.
box-empty            error    A box has an area.
box-rotated          warning  A box is upright.
box-float            warning  Coordinates are whole numbers.
box-edge-base        warning  All coordinates count from 0, or all from 1.
box-tiny             warning  A box is large enough to be seen at the network's input size.
box-vanishing        error    A box has at least one pixel at the network's input size.
box-duplicate        warning  A box is drawn once.
box-near-duplicate   warning  An object has one box.
box-two-classes      warning  A box has one class.
too-many-boxes       error    A picture has no more boxes than training reads.
# Classes
class-unknown        warning  A class is in the committed label map.
class-typo           error    A class name is not a misspelt one.
class-similar        warning  Class names are told apart by more than case, spaces, punctuation or a letter.
class-rare           warning  A class has enough boxes to be learnt.
class-emptied        error    A picture keeps an object where dataset.classes leaves some out, or it is said what it is.
class-missing        warning  Every split has a box of every class.
# Whole sets
twin-boxes           warning  Identical pictures have the same boxes.
near-twin-boxes      warning  Nearly identical pictures have the same boxes (with --pixels).
split-twin           error    Identical pictures are in the same split.
split-near-twin      warning  Nearly identical pictures are in the same split (with --pixels).
split-augmented      error    Augmented copies of a picture (NAME.rf.HASH) are in the same split.
split-unknown        error    The list of a split names annotations that exist.
split-unreadable     error    The list of a split can be read.
split-repeated       error    An annotation stands once in the lists of the splits.
dataset-negative     error    A dataset has a labelled object.
# Pixels
pixels-damaged       error    A picture's pixels can be decoded (with --pixels).
"""


class RuleLevel(enum.Enum):
    """What becomes of a breach; ``off`` leaves it out."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


@dataclass(frozen=True)
class Rule:
    """A rule by its name; ``severity`` is ``error``, ``warning`` or ``off`` unless a setting changes it."""

    name: str
    severity: str
    summary: str


def _read_rows() -> dict[str, Rule]:
    rows = (row.split(maxsplit=2) for row in _ROWS.strip().splitlines() if not row.startswith("#"))
    return {name: Rule(name, severity, summary) for name, severity, summary in rows}


RULES: Mapping[str, Rule] = _read_rows()
