"""CSV of boxes in pixels, the columns of the Object Detection API's tutorials in any order.

Accepted, in one file or one for each split; ``width`` and ``height`` may be missing where the picture is there::

    filename,width,height,class,xmin,ymin,xmax,ymax
    0001.jpg,640,480,boat,1,2.5,30,40
    0002.jpg,640,480,,,,,                                  a picture without objects

Columns may have other usual names (``image``, ``label``, ``x_min``, ``x1``, …). A table without a header is read by the
names that the user gives, else if its columns are those above, or keras-retinanet's ``path,x1,y1,x2,y2,class``. Values
are kept as they stand. A column ``split`` may say train, val, valid, validation or test. Other columns are left out and
counted. Refused: coordinates that are all between 0 and 1, which are fractions and not pixels. (``dataset/table.py``
reads the tables that ``tabulate`` writes.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.folder_names import SPLIT_NAMES
from edgetrain.annotations.import_source import ImportSource, SourceFile, parse_number, parse_size
from edgetrain.annotations.readers.csv_rows import Row, named_rows, read_lines, render_rows
from edgetrain.annotations.voc import format_coordinate
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.splits import Split

_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_SIDES = _COLUMNS[4:]
_OBJECT = _COLUMNS[3:]
_ALIASES = {
    "filename": ("image", "image_name", "image_path", "img_path", "path", "file", "file_name"),
    "class": ("label", "class_name", "category", "name"),
    "xmin": ("x_min", "x1", "left"),
    "ymin": ("y_min", "y1", "top"),
    "xmax": ("x_max", "x2", "right"),
    "ymax": ("y_max", "y2", "bottom"),
    "split": ("subset", "set"),
}
_RETINANET = ("filename", *_SIDES, "class")


def read_box_table(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all tables in the order of their first rows; the format states no order of classes."""
    pictures = [picture for file in source.files(".csv") for picture in _pictures(source, file, reading)]
    return AnnotationSet(tuple(pictures), (), reading.counts())


def _pictures(source: ImportSource, file: SourceFile, reading: Reading) -> list[Picture]:
    found: dict[str, _PictureRows] = {}
    names: dict[str, str | None] = {}
    owners: dict[str, str] = {}
    for row in _rows(source, file, reading):
        stated = row["filename"]
        if stated not in names:
            names[stated] = source.stated_picture(stated, reading, split=file.split, folder=file.folder)
        name = names[stated]
        if name is None:
            reading.fault(row.place, f"filename {stated!r} is not a relative path inside the source. Correct it.")
        elif stated != owners.setdefault(name, stated) and {stated, owners[name]} & set(reading.by_name):
            text = f"filename {stated!r} points elsewhere, but {owners[name]!r} already has the only such picture."
            reading.fault(row.place, f"{text} Correct one of the two.")
        else:
            (found.get(name) or found.setdefault(name, _PictureRows(row))).add(row, reading)
            _count_unknown(row, reading)
    drawn = [box.box for own in found.values() for box in own.boxes]
    if drawn and all(0 <= side <= 1 for box in drawn for side in vars(box).values()):
        place = next(iter(found.values())).first.place
        reading.fault(place, "all coordinates are between 0 and 1: fractions, not pixels. Multiply them by the size.")
    return [
        Picture(
            name,
            _size(source, file, name, own.first, reading),
            tuple(own.boxes),
            file.split or _split(own.splits, reading),
            own.first.place,
        )
        for name, own in found.items()
    ]


class _PictureRows:
    """What the rows of one picture say: of millions of rows no more is held than their boxes."""

    def __init__(self, first: Row) -> None:
        self.first = first
        self.boxes: list[LabelledBox] = []
        self.splits: dict[str, Place] = {}

    def add(self, row: Row, reading: Reading) -> None:
        """Take a row."""
        if row["split"]:
            self.splits[row["split"].lower()] = row.place
        first = self.first
        if (row["width"], row["height"]) != (first["width"], first["height"]):
            stated = f"{row['width']}x{row['height']}, but {first['width']}x{first['height']}"
            name = first["filename"]
            reading.fault(row.place, f"the size of {name} is {stated} in line {first.place.line}. Correct one.")
        box = _labelled_box(row, reading)
        if box is not None:
            self.boxes.append(box)


def _rows(source: ImportSource, file: SourceFile, reading: Reading) -> Iterator[Row]:
    lines = read_lines(file.path, file.name, reading)
    place, first = next(lines, (Place(file.name), []))
    if not first:
        if not reading.faults:
            reading.fault(place, "the table is empty. Correct or remove the file.")
        return
    columns, is_header = _columns(first, source.choices.columns)
    missing = [column for column in ("filename", *_OBJECT) if column not in columns]
    if missing:
        known = f"no column {', '.join(missing)}. The header must name filename, {', '.join(_OBJECT)}, in any order."
        reading.fault(place, f"{known} Or name the columns in their order: --columns filename,xmin,…")
        return
    if not is_header:
        yield from named_rows([(place, first)], columns, reading)
    yield from named_rows(lines, columns, reading)


def _columns(first: Sequence[str], given: Sequence[str]) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether the first row holds them."""
    is_header = not any(parse_number(cell) is not None for cell in first)
    is_object = len([cell for cell in first if cell]) > 1
    if given:
        return _canonical([name.strip().lower() for name in given]), is_header and is_object
    own = _canonical([cell.lower() for cell in first])
    if "filename" in own and "xmin" in own:
        return own, True
    for layout in (_COLUMNS, _RETINANET):
        numbers = [parse_number(first[layout.index(side)]) for side in _SIDES] if len(first) == len(layout) else [None]
        if None not in numbers:
            return list(layout), False
    return own, True


def _canonical(columns: Sequence[str]) -> list[str]:
    """Return the names of columns, other usual ones replaced by ours where these are absent."""
    named = {
        alias: name
        for name, aliases in _ALIASES.items()
        if name not in columns
        for alias in aliases
        if alias in columns
    }
    chosen = {name: alias for alias, name in reversed(named.items())}
    return [named[column] if chosen.get(named.get(column, "")) == column else column for column in columns]


def _split(stated: Mapping[str, Place], reading: Reading) -> Split | None:
    """Return the split that a picture's rows state in a column of that name."""
    if len(stated) > 1:
        text = (
            f"the picture is in the splits {' and '.join(map(repr, stated))} at the same time. Correct one of the rows."
        )
        reading.fault(next(reversed(list(stated.values()))), text)
    return next((SPLIT_NAMES.get(name) for name in stated), None)


def _count_unknown(row: Row, reading: Reading) -> None:
    for column in row.cells:
        is_split = column == "split" and row[column].lower() in SPLIT_NAMES
        if column not in _COLUMNS and row[column] and not is_split:
            reading.left_out[f'values of the column "{column}"'] += 1


def _size(source: ImportSource, file: SourceFile, name: str, first: Row, reading: Reading) -> ImageSize | None:
    if not first["width"] and not first["height"]:
        return source.size_of(source.picture(name, file.split, file.folder), first.place, name, reading)
    size = parse_size(first["width"], first["height"])
    if size is None:
        reading.fault(first.place, f"the size {first['width']!r} x {first['height']!r} must be two whole numbers.")
    return size


def _labelled_box(row: Row, reading: Reading) -> LabelledBox | None:
    empty = [column for column in _OBJECT if not row[column]]
    if len(empty) == len(_OBJECT):
        return None
    if empty:
        reading.fault(row.place, f"{', '.join(empty)} is empty. Fill in both class and box, or leave both empty.")
        return None
    sides = {column: parse_number(row[column]) for column in _SIDES}
    for column in (column for column, side in sides.items() if side is None):
        reading.fault(row.place, f"{column} is {row[column]!r}, not a number. Correct the row.")
    known = [side for side in sides.values() if side is not None]
    return (
        LabelledBox(sys.intern(row["class"]), BoundingBox(*known), row.place.line)
        if len(known) == len(_SIDES)
        else None
    )


def render_box_table(annotations: AnnotationSet) -> str:
    """Return an annotation set as CSV, a row for each box and one for each picture without boxes."""
    rows: list[tuple[object, ...]] = [_COLUMNS]
    for picture in annotations.pictures:
        size = ("", "") if picture.size is None else (picture.size.width, picture.size.height)
        rows += [(picture.name, *size, "", "", "", "", "")] if not picture.boxes else []
        for labelled in picture.boxes:
            sides = (format_coordinate(getattr(labelled.box, side)) for side in _SIDES)
            rows.append((picture.name, *size, labelled.class_name, *sides))
    return render_rows(rows)
