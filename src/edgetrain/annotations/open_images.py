"""Open Images CSV: boxes in fractions of the pictures, descriptions of the classes, and lists of the pictures.

Accepted, told by their columns; one table of boxes, or one for each split::

    train-annotations-bbox.csv   ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf,…     the other columns may be missing
    class-descriptions.csv       /m/019jd,Boat                                         no header; order of the classes
    train-images.csv             ImageID,…                                             may be missing

Passed over and said: tables of labels of whole pictures, of masks and of relations; pictures that only these name may
well show objects, so they are no negative examples.

``ImageID`` is the picture's name without suffix; the picture must be there, since its size is not stated. A picture
that only the list names is a negative example. Fractions are written with ten digits and read to a thousandth of a
pixel. A class without description keeps its ``LabelName``. Left out and counted: groups (``IsGroupOf``), and the other
flags.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.import_source import ImportSource, SourceFile, box_of_fractions, parse_number, safe_name
from edgetrain.annotations.readers.csv_rows import Row, read_lines, read_rows, render_rows
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import ImageSize
from edgetrain.core.splits import Split

_BOX_COLUMNS = ("imageid", "labelname", "xmin", "xmax", "ymin", "ymax")
_LOST_FLAGS = ("isoccluded", "istruncated", "isdepiction", "isinside")
_HEADER = (
    *("ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"),
    *("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"),
)
_UNKNOWN = "-1"
_DESCRIPTION = 2


def read_open_images(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all tables in the order of their first mention; only classes that have boxes count."""
    descriptions: dict[str, str] = {}
    tables: list[SourceFile] = []
    lists: list[SourceFile] = []
    for file in source.files(".csv"):
        place, first = next(read_lines(file.path, file.name, reading), (Place(file.name), []))
        columns = [cell.lower() for cell in first]
        if "imageid" in columns and "xmin" not in columns and any(name.startswith("labelname") for name in columns):
            reading.notes.append(
                f"skipped: {file.name} (it has labels of whole pictures, masks or relations, not boxes)"
            )
        elif "imageid" in columns:
            (tables if "xmin" in columns else lists).append(file)
        elif len(first) == _DESCRIPTION:
            descriptions |= _read_descriptions(file, reading)
        else:
            text = "neither boxes (ImageID, LabelName, XMin, …), nor pictures (ImageID), nor class descriptions."
            reading.fault(place, f"{text} Correct or remove the file.")
    if not tables:
        reading.fault(
            Place(str(source.root)), "no table has the columns ImageID, LabelName, XMin, …. Correct --source."
        )
    found = _Pictures(source, descriptions, reading)
    for file in tables:
        for row in read_rows(file.path, file.name, _BOX_COLUMNS, reading):
            found.add_box(row, file)
    for file in lists:
        for row in read_rows(file.path, file.name, ("imageid",), reading):
            found.add_picture(row, file)
    return found.annotations()


def _read_descriptions(file: SourceFile, reading: Reading) -> dict[str, str]:
    descriptions: dict[str, str] = {}
    for place, cells in read_lines(file.path, file.name, reading):
        if len(cells) != _DESCRIPTION or not all(cells):
            reading.fault(place, f"{','.join(cells)!r} is not a class description (label,name). Correct the row.")
        elif [cell.lower() for cell in cells] != ["labelname", "displayname"]:
            descriptions[cells[0]] = cells[1]
    return descriptions


class _Pictures:
    """Collects boxes by picture."""

    def __init__(self, source: ImportSource, descriptions: dict[str, str], reading: Reading) -> None:
        self._source, self._descriptions, self._reading = source, descriptions, reading
        self._boxes: dict[str, list[LabelledBox]] = {}
        self._heads: dict[str, tuple[str, ImageSize | None, Split | None, Place]] = {}

    def add_picture(self, row: Row, file: SourceFile) -> str | None:
        """Add a picture, unless it is known, and return its id; ``None``, with a fault, if it has no proper name."""
        image_id = safe_name(row["imageid"])
        if image_id is None:
            self._reading.fault(row.place, f"ImageID {row['imageid']!r} is not a relative path. Correct it.")
        elif image_id not in self._heads:
            path = self._source.picture(image_id, file.split, file.folder)
            size = self._source.size_of(path, row.place, image_id, self._reading)
            suffix = path.suffix if path and path.suffix != PurePosixPath(image_id).suffix else ""
            self._heads[image_id] = (f"{image_id}{suffix}", size, file.split, row.place)
            self._boxes[image_id] = []
        return image_id

    def add_box(self, row: Row, file: SourceFile) -> None:
        image_id = self.add_picture(row, file)
        sides = {name: parse_number(row[name]) for name in _BOX_COLUMNS[2:]}
        for name in (name for name, side in sides.items() if side is None):
            self._reading.fault(row.place, f"{name} is {row[name]!r}, not a number. Correct the row.")
        if not row["labelname"]:
            self._reading.fault(row.place, "LabelName is empty. Correct the row.")
        known = [side for side in sides.values() if side is not None]
        size = self._heads[image_id][1] if image_id else None
        if image_id is None or size is None or len(known) < len(sides) or not row["labelname"]:
            return
        if row["isgroupof"] == "1":
            if not self._source.choices.with_crowds:
                name, _, _, place = self._heads[image_id]
                self._reading.lose("groups", name, place)
                return
            self._reading.boxed["groups"] += 1
        for flag in _LOST_FLAGS:
            self._reading.left_out[flag] += row[flag] == "1"
        xmin, xmax, ymin, ymax = known
        name = self._descriptions.get(row["labelname"], row["labelname"])
        box = box_of_fractions(xmin, ymin, xmax, ymax, size)
        self._boxes[image_id].append(LabelledBox(name, box, row.place.line))

    def annotations(self) -> AnnotationSet:
        """Return what was added."""
        used = {box.class_name for boxes in self._boxes.values() for box in boxes}
        classes = tuple(dict.fromkeys(name for name in self._descriptions.values() if name in used))
        pictures = (
            Picture(name, size, tuple(self._boxes[image_id]), split, place)
            for image_id, (name, size, split, place) in self._heads.items()
        )
        return AnnotationSet(tuple(pictures), classes, self._reading.counts())


def render_boxes(pictures: Iterable[Picture]) -> str:
    """Return the table of the boxes of pictures, whose sizes must be known; classes go by their own names."""
    rows: list[tuple[object, ...]] = [_HEADER]
    for picture in pictures:
        for labelled in picture.boxes:
            if picture.size is None:
                raise ValueError(f"{picture.name} has no size")
            box = labelled.box.normalize(picture.size)
            sides = tuple(f"{side:.10f}" for side in (box.xmin, box.xmax, box.ymin, box.ymax))
            head = (image_id(picture), "xclick", labelled.class_name, 1)
            rows.append((*head, *sides, *[_UNKNOWN] * 2, 0, *[_UNKNOWN] * 2))
    return render_rows(rows)


def render_pictures(pictures: Iterable[Picture]) -> str:
    """Return the list of pictures, negatives included."""
    return render_rows([("ImageID",), *((image_id(picture),) for picture in pictures)])


def render_descriptions(classes: Iterable[str]) -> str:
    """Return the descriptions of the classes, each its own label."""
    return render_rows((name, name) for name in classes)


def image_id(picture: Picture) -> str:
    """Return a picture's name without suffix."""
    return Path(picture.name).with_suffix("").as_posix()
