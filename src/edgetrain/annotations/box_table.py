"""CSV of boxes in pixels, the columns of the Object Detection API's tutorials in any order.

Accepted, in one file or one for each split; ``width`` and ``height`` may be missing where the picture is there::

    filename,width,height,class,xmin,ymin,xmax,ymax
    0001.jpg,640,480,boat,1,2.5,30,40
    0002.jpg,640,480,,,,,                                  a picture without objects

Values are kept as they stand. Other columns are left out and counted. Refused: coordinates that are all between 0 and
1, which are fractions and not pixels. (``dataset/table.py`` reads the tables that ``tabulate`` writes.)
"""

from __future__ import annotations

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Reading
from edgetrain.annotations.csv_rows import Row, read_rows, render_rows
from edgetrain.annotations.import_source import ImportSource, SourceFile, parse_number, parse_size, safe_name
from edgetrain.annotations.voc import format_coordinate
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize

_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_SIDES = _COLUMNS[4:]
_OBJECT = _COLUMNS[3:]


def read_box_table(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all tables in the order of their first rows; the format states no order of classes."""
    pictures = [picture for file in source.files(".csv") for picture in _pictures(source, file, reading)]
    return AnnotationSet(tuple(pictures), (), dict(reading.left_out))


def _pictures(source: ImportSource, file: SourceFile, reading: Reading) -> list[Picture]:
    rows: dict[str, list[Row]] = {}
    for row in read_rows(file.path, file.name, ("filename", *_OBJECT), reading):
        name = safe_name(row["filename"])
        if name is None:
            reading.fault(row.place, f"filename {row['filename']!r} is no relative path below the source. Correct it.")
        else:
            rows.setdefault(name, []).append(row)
            _count_unknown(row, reading)
    boxes = {
        name: tuple(box for row in of_name if (box := _labelled_box(row, reading))) for name, of_name in rows.items()
    }
    drawn = [box for of_name in boxes.values() for box in of_name]
    if drawn and all(0 <= side <= 1 for box in drawn for side in vars(box.box).values()):
        place = next(row.place for of_name in rows.values() for row in of_name)
        reading.fault(place, "all coordinates are between 0 and 1: fractions, not pixels. Multiply them by the size.")
    return [
        Picture(name, _size(source, file, name, of_name, reading), boxes[name], file.split, of_name[0].place)
        for name, of_name in rows.items()
    ]


def _count_unknown(row: Row, reading: Reading) -> None:
    for column in row.cells:
        if column not in _COLUMNS and row[column]:
            reading.left_out[f'values of the column "{column}"'] += 1


def _size(source: ImportSource, file: SourceFile, name: str, rows: list[Row], reading: Reading) -> ImageSize | None:
    first = rows[0]
    if not any(row["width"] or row["height"] for row in rows):
        return source.size_of(source.picture(name, file.split, file.folder), first.place, name, reading)
    for row in rows:
        if (row["width"], row["height"]) != (first["width"], first["height"]):
            stated = f"{row['width']}x{row['height']}, but {first['width']}x{first['height']}"
            reading.fault(row.place, f"the size of {name} is {stated} in line {first.place.line}. Correct one.")
    size = parse_size(first["width"], first["height"])
    if size is None:
        reading.fault(first.place, f"the size {first['width']!r} x {first['height']!r} is not two whole numbers.")
    return size


def _labelled_box(row: Row, reading: Reading) -> LabelledBox | None:
    empty = [column for column in _OBJECT if not row[column]]
    if len(empty) == len(_OBJECT):
        return None
    if empty:
        reading.fault(row.place, f"{', '.join(empty)} is empty. Fill in class and box, or none of both.")
        return None
    sides = {column: parse_number(row[column]) for column in _SIDES}
    for column in (column for column, side in sides.items() if side is None):
        reading.fault(row.place, f"{column} is {row[column]!r}, not a number. Correct the row.")
    known = [side for side in sides.values() if side is not None]
    return LabelledBox(row["class"], BoundingBox(*known), row.place.line) if len(known) == len(_SIDES) else None


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
