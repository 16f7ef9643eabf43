"""Annotations and pictures for the tests of the rules."""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.annotation import Annotation, BoxLines, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.images.image_file import ImageInfo
from edgetrain.review.reviewed import Reviewed, ReviewedBox

SIZE = ImageSize(640, 480)
NAME, IMAGE = "annotations/a.xml", "images/a.jpg"
INSIDE = BoundingBox(1, 2, 30, 40)


def annotation(*boxes, filename="a.jpg", size=SIZE, classes=()):
    """Return an annotation with boats at lines 20, 30, …, their class at 21, their sides at 22 to 25."""
    names = dict(enumerate(classes))
    labelled = tuple(
        LabelledBox(names.get(index, "boat"), box, line, lines=BoxLines(*range(line + 1, line + 6)))
        for index, box in enumerate(boxes)
        for line in (20 + 10 * index,)
    )
    return Annotation(Path(NAME), filename, 3, size, 8, labelled)


def info(**changes):
    """Return what a faultless picture says, changed."""
    values = {"size": SIZE, "format": "jpeg", "is_complete": True, "exif_orientation": 1, "mode": "RGB"}
    return ImageInfo(**{**values, **changes})


def reviewed(name, key, *boxes, image=None, **changes):
    """Return a reviewed annotation called ``annotations/NAME.xml``; its boats stand at lines 20, 21, …."""
    drawn = (ReviewedBox("boat", line, line + 1, *vars(box).values()) for line, box in enumerate(boxes, start=20))
    found = Reviewed(
        f"annotations/{name}.xml", bool(name), f"{name}.jpg", 3, tuple(drawn), image or f"images/{name}.jpg", key
    )
    return found._replace(**{"width": SIZE.width, "height": SIZE.height, **changes})


def places(findings):
    """Return line, rule and severity of each finding."""
    return [(one.line, one.rule, one.severity) for one in findings]
