"""CVAT for images 1.1 and CVAT for video 1.1.

Accepted, in one file or one for each split; everything not shown is ignored::

    <annotations>
      <meta><job><labels><label><name>boat</name></label></labels></job></meta>      order of the classes
      <image id="0" name="sub/0001.jpg" subset="train" width="640" height="480">
        <box label="boat" occluded="0" xtl="1" ytl="2.5" xbr="30" ybr="40">
          <attribute name="difficult">true</attribute>
        </box>
      </image>
    </annotations>

or in the place of images the tracks of a video, whose frames are pictures by their names: see
:mod:`edgetrain.annotations.readers.cvat_tracks`::

      <track id="0" label="boat">
        <box frame="7" outside="0" keyframe="1" xtl="1" ytl="2.5" xbr="30" ybr="40"/>
      </track>

Coordinates are kept as they stand. Polygons, polylines, points, ellipses, masks, cuboids, skeletons and rotated boxes
become the smallest box around them unless that is declined; points that are ``outside`` are not there. Refused:
document types. Left out and counted: attributes, ``occluded``, tags, and shapes around which there is no box, such as a
single point.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import (
    ImportSource,
    SourceFile,
    not_read,
    parse_number,
    parse_size,
    split_of_name,
)
from edgetrain.annotations.readers.cvat_tracks import Tracks
from edgetrain.annotations.shapes import BoxAround, around, around_points, box_around_turned
from edgetrain.annotations.voc import format_coordinate
from edgetrain.annotations.xml_events import MalformedXmlError, XmlEvents, follow
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import open_regular

_CORNERS = {"xtl": "xmin", "ytl": "ymin", "xbr": "xmax", "ybr": "ymax"}
_SHAPES = ("polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton")
_POINTED = ("polygon", "polyline", "points", "skeleton")
_CUBOID = tuple(f"{side}{end}{number}" for number in (1, 2) for end in ("tl", "bl", "tr", "br") for side in "xy")
_TRUE = {"1", "true"}
_PARENTS = ("image", "track")
_META = ("start_frame", "stop_frame", "width", "height")
_SUBSETS = {Split.TRAIN: "train", Split.VALIDATION: "validation", Split.TEST: "test"}


def read_cvat(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, in their order."""
    pictures: list[Picture] = []
    classes: dict[str, None] = {}
    for file in source.files(".xml"):
        reader = _FileReader(source, file, reading)
        reader.read()
        pictures += reader.pictures
        classes.update(dict.fromkeys(reader.classes))
    return AnnotationSet(tuple(pictures), tuple(classes), reading.counts())


class _RefusedError(DatasetError):
    """Reading a file ends here; the fault is noted."""


class _FileReader(XmlEvents):
    """Follows the elements of one file."""

    def __init__(self, source: ImportSource, file: SourceFile, reading: Reading) -> None:
        self._source, self._file, self._reading = source, file, reading
        self.pictures: list[Picture] = []
        self.classes: list[str] = []
        self._open: list[tuple[str, Mapping[str, str]]] = []
        self._text: list[str] = []
        self._boxes: list[LabelledBox] = []
        self._lost: list[str] = []
        self._joints: list[tuple[float, float]] = []
        self._hidden = 0
        self._tracks = Tracks()
        self._image_place = self._box_place = Place(file.name)
        self._is_difficult = False

    def read(self) -> None:
        """Read the file; what is wrong becomes a fault."""
        try:
            descriptor, _ = open_regular(self._file.path, most_bytes=self._reading.most_bytes)
            with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor is no path
                follow(stream, self)
            self.pictures += self._tracks.pictures(self._source, self._file, self._reading)
        except OSError as error:
            self._reading.fault(Place(self._file.name), not_read(error, self._reading))
        except MalformedXmlError as error:
            text = f"this is not well-formed XML: {error.meaning}. {error.fix}"
            self._reading.fault(Place(self._file.name, error.line), text)
        except _RefusedError:
            return

    def _place(self) -> Place:
        return Place(self._file.name, self.line)

    def _refuse(self, message: str) -> None:
        self._reading.fault(self._place(), message)
        raise _RefusedError(message)

    def doctype(self, *_: object) -> None:
        """Refuse the file."""
        self._refuse("the file declares a document type, which annotations do not need. Remove the declaration.")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Remember the element, and where what belongs to a picture begins."""
        if not self._open and tag != "annotations":
            self._refuse(f'the root element is <{tag}>, not <annotations>. Export as "CVAT for images 1.1".')
        self._open.append((tag, dict(attributes)))
        self._text = []
        if tag == "image":
            self._boxes, self._lost, self._image_place = [], [], self._place()
        elif tag == "skeleton":
            self._joints, self._hidden, self._box_place, self._is_difficult = [], 0, self._place(), False
        elif tag == "box" or (tag in _SHAPES and self._open[-2][0] in _PARENTS):
            self._box_place, self._is_difficult = self._place(), False

    def data(self, text: str) -> None:
        """Add to the text of the element."""
        self._text.append(text)

    def end(self, tag: str) -> None:
        """Take what the element holds."""
        _, attributes = self._open.pop()
        parent = self._open[-1][0] if self._open else ""
        text, self._text = "".join(self._text).strip(), []
        if (parent, tag) == ("label", "name") and not any(name == "sublabels" for name, _ in self._open):
            self.classes.append(text)
        elif (parent, tag) == ("skeleton", "points"):
            is_hidden = attributes.get("outside") == "1"
            self._hidden += is_hidden
            self._joints += [] if is_hidden else _points(attributes) or []
        elif tag in _META and any(name == "meta" for name, _ in self._open):
            self._tracks.meta[tag] = text
        elif tag == "attribute" and parent in {"box", "tag", *_PARENTS, *_SHAPES}:
            self._attribute(parent, attributes.get("name", ""), text)
        elif parent == "image" and tag == "box":
            self._add_box(attributes)
        elif parent == "image" and tag in _SHAPES:
            self._add_shape(tag, attributes)
        elif parent == "track" and tag in {"box", *_SHAPES}:
            self._add_tracked(tag, attributes)
        elif parent == "image" and tag == "tag":
            self._reading.left_out["tags"] += 1
        elif tag == "image":
            self._add_picture(attributes)

    def _attribute(self, parent: str, name: str, text: str) -> None:
        if name == "difficult" and parent in {"box", *_SHAPES}:
            self._is_difficult = text.lower() in _TRUE
        else:
            self._reading.left_out["attributes"] += 1

    def _add_tracked(self, tag: str, attributes: Mapping[str, str]) -> None:
        track = self._open[-1][1]
        is_outside = attributes.get("outside") == "1" or (tag == "skeleton" and not self._joints and self._hidden > 0)
        try:
            shown = self._tracks.add(track, attributes, self._box_place, is_outside=is_outside)
        except ValueError as error:
            self._reading.fault(self._box_place, str(error))
            return
        if shown is None:
            return
        self._boxes, self._lost = shown.boxes, shown.lost
        labelled = {**attributes, "label": track.get("label", "")}
        if tag == "box":
            self._add_box(labelled)
        else:
            self._add_shape(tag, labelled)

    def _add_picture(self, attributes: Mapping[str, str]) -> None:
        place = self._image_place
        split = split_of_name(attributes.get("subset", "")) or self._file.split
        stated = attributes.get("name", "")
        name = self._source.stated_picture(stated, self._reading, split=split, folder=self._file.folder)
        if name is None:
            text = (
                f"the image's name {attributes.get('name', '')!r} is not a relative path inside the source. Correct it."
            )
            self._reading.fault(place, text)
            return
        for kind in self._lost:
            self._reading.lose(kind, name, place)
        size = parse_size(attributes.get("width"), attributes.get("height"))
        if size is None:
            path = self._source.picture(name, split, self._file.folder)
            size = self._source.size_of(path, place, name, self._reading)
        self.pictures.append(Picture(name, size, tuple(self._boxes), split, place))

    def _add_box(self, attributes: Mapping[str, str]) -> None:
        self._reading.left_out["occluded"] += attributes.get("occluded") == "1"
        sides = {name: parse_number(attributes.get(name)) for name in _CORNERS}
        for name in (name for name, side in sides.items() if side is None):
            self._reading.fault(self._box_place, f"{name} is {attributes.get(name)!r}, not a number. Correct the box.")
        known = [side for side in sides.values() if side is not None]
        if len(known) < len(_CORNERS):
            return
        box = BoundingBox(*known)
        degrees = parse_number(attributes.get("rotation", "0"))
        if degrees:
            if not self._source.choices.with_polygons:
                self._lost.append("rotated boxes")
                return
            self._reading.boxed["rotated boxes"] += 1
            box = box_around_turned(box, degrees)
        self._add(attributes, box, self._box_place)

    def _add_shape(self, tag: str, attributes: Mapping[str, str]) -> None:
        kind = f"shapes of the kind {tag}"
        if not self._source.choices.with_polygons or (tag == "skeleton" and not self._joints and self._hidden):
            self._lost.append(kind)
            return
        box = around_points(self._joints) if tag == "skeleton" and self._joints else _box_around(tag, attributes)
        if box is None:
            expected = (
                'the points of <{}> are not "x,y;x,y"' if tag in _POINTED else "the values of <{}> are not numbers"
            )
            self._reading.fault(self._box_place, f"{expected.format(tag)}. Correct them.")
        elif box.width <= 0 and box.height <= 0:
            self._lost.append(kind)
        else:
            self._reading.boxed[kind] += 1
            self._add(attributes, box, self._box_place)

    def _add(self, attributes: Mapping[str, str], box: BoundingBox, place: Place) -> None:
        name = attributes.get("label", "").strip()
        if not name:
            self._reading.fault(place, "the shape has no label. Give it one, or remove it.")
            return
        self._boxes.append(LabelledBox(name, box, place.line, self._is_difficult))


def _points(attributes: Mapping[str, str]) -> list[tuple[float, float]] | None:
    """Return the points of a shape; ``None`` if one of them is none."""
    numbers = [[parse_number(value) for value in pair.split(",")] for pair in attributes.get("points", "").split(";")]
    known = [(pair[0], pair[1]) for pair in numbers if len(pair) == 2]  # noqa: PLR2004
    if len(known) != len(numbers):
        return None
    return (
        [(x, y) for x, y in known if x is not None and y is not None] if not any(None in one for one in known) else None
    )


def _box_around(tag: str, attributes: Mapping[str, str]) -> BoxAround | None:
    """Return the box around a shape of a kind; ``None`` if its values are none."""
    if tag in _POINTED:
        points = _points(attributes)
        return around_points(points) if points else None
    names = {"ellipse": ("cx", "cy", "rx", "ry"), "mask": ("left", "top", "width", "height")}.get(tag, _CUBOID)
    values = [parse_number(attributes.get(name)) for name in names]
    known = [value for value in values if value is not None]
    if len(known) != len(names):
        return None
    if tag == "cuboid":
        return around_points(zip(known[::2], known[1::2]))
    x, y, width, height = known
    if tag == "mask":
        return around(BoundingBox(x, y, x + width, y + height))
    return box_around_turned(
        BoundingBox(x - width, y - height, x + width, y + height), parse_number(attributes.get("rotation", "0")) or 0
    )


def render_cvat(annotations: AnnotationSet) -> str:
    """Return an annotation set as CVAT for images 1.1."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    lines += ["  <meta>", "    <job>", "      <labels>"]
    for name in annotations.class_names():
        attribute = "<attribute><name>difficult</name><input_type>checkbox</input_type></attribute>"
        lines.append(f"        <label><name>{escape(name)}</name><attributes>{attribute}</attributes></label>")
    lines += ["      </labels>", "    </job>", "  </meta>"]
    for number, picture in enumerate(annotations.pictures):
        subset = f' subset="{_SUBSETS[picture.split]}"' if picture.split else ""
        size = f' width="{picture.size.width}" height="{picture.size.height}"' if picture.size else ""
        lines.append(f'  <image id="{number}" name={quoteattr(picture.name)}{subset}{size}>')
        lines += [_render_box(labelled) for labelled in picture.boxes]
        lines.append("  </image>")
    return "\n".join([*lines, "</annotations>"]) + "\n"


def _render_box(labelled: LabelledBox) -> str:
    corners = " ".join(f'{name}="{format_coordinate(getattr(labelled.box, side))}"' for name, side in _CORNERS.items())
    start = f'    <box label={quoteattr(labelled.class_name)} source="manual" occluded="0" {corners} z_order="0">'
    return f'{start}<attribute name="difficult">{str(labelled.is_difficult).lower()}</attribute></box>'
