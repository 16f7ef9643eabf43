"""What the tests of the exchange formats share: pictures on disk, reading, and annotation sets made by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from PIL import Image

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Reading
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource, ReadingChoices
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.settings.exchange import SourceFormat

SIZE = ImageSize(64, 48)
NAMES = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=6)


def draw(path, size=SIZE):
    """Draw an empty picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size.width, size.height)).save(path)


def read(source_format, source, **options):
    """Return what a source says, and the faults as ``file:line: message``."""
    reading = Reading()
    annotations = read_annotations(
        SourceFormat(source_format.value), ImportSource(source, choices=ReadingChoices(**options)), reading
    )
    return annotations, [f"{file}:{line}: {message}" for file, line, message in sorted(reading.faults)]


def boxes_of(annotations):
    """Return class and corners of all boxes."""
    return [(box.class_name, *vars(box.box).values()) for picture in annotations.pictures for box in picture.boxes]


def plain(annotations):
    """Return what an annotation set says, lines left out."""
    return [
        (picture.name, picture.size, [(box.class_name, box.box, box.is_difficult) for box in picture.boxes])
        for picture in annotations.pictures
    ]


@st.composite
def annotation_sets(draw_value, digits=3, *, with_difficult=True):
    """Return pictures of different sizes, boxes with a few digits within them, some pictures without boxes."""
    classes = draw_value(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    pictures = []
    for number in range(draw_value(st.integers(1, 3))):
        size = ImageSize(draw_value(st.integers(1, 5000)), draw_value(st.integers(1, 5000)))
        boxes = []
        for _ in range(draw_value(st.integers(0, 3))):
            columns = sorted(draw_value(st.integers(0, size.width * 10**digits)) for _ in range(2))
            rows = sorted(draw_value(st.integers(0, size.height * 10**digits)) for _ in range(2))
            sides = (columns[0], rows[0], columns[1], rows[1])
            box = BoundingBox(*(side / 10**digits for side in sides))
            is_difficult = with_difficult and draw_value(st.booleans())
            boxes.append(LabelledBox(draw_value(st.sampled_from(classes)), box, 1, is_difficult))
        pictures.append(Picture(f"sub/{number}.jpg", size, tuple(boxes)))
    return AnnotationSet(tuple(pictures), tuple(classes))
