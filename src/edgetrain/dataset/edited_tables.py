"""Tables of boxes that somebody edited: their rows stand in place of what the annotations of the same pictures say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.dataset.folder import LabelledImage
from edgetrain.dataset.table_rows import TableRow, read_rows

_PATTERN = "*_labels.csv"


@dataclass(frozen=True)
class TableEntry:
    """All rows of one picture: the table, the line of the first row, the size stated there, and the boxes."""

    table_path: Path
    line: int
    size: ImageSize
    boxes: tuple[LabelledBox, ...]


class EditedTables:
    """The boxes of pictures by the pictures' names, relative to the dataset."""

    def __init__(self, entries: dict[str, TableEntry]) -> None:
        """Hold the entries."""
        self._entries = entries

    def __len__(self) -> int:
        """Return the number of pictures that stand in the tables."""
        return len(self._entries)

    def __contains__(self, image_name: object) -> bool:
        """Return whether a picture stands in the tables."""
        return image_name in self._entries

    def applied(self, image: LabelledImage) -> LabelledImage:
        """Return a picture with the boxes of its rows; without rows, as it is.

        A table has no column for difficult objects: a box that was not changed stays what it is in the annotation.
        """
        entry = self._entries.get(image.image_name)
        if entry is None:
            return image
        difficult = {(one.class_name, one.box) for one in image.annotation.boxes if one.is_difficult}
        boxes = tuple(replace(one, is_difficult=(one.class_name, one.box) in difficult) for one in entry.boxes)
        annotation = replace(
            image.annotation, size=entry.size, size_line=entry.line, filename_line=entry.line, boxes=boxes
        )
        return LabelledImage(image.root, str(entry.table_path), annotation, image.image_name)


def table_paths(source: Path) -> list[Path]:
    """Return the tables that a file or folder (all ``*_labels.csv`` in it) holds, sorted; a file need not exist."""
    return sorted(source.glob(_PATTERN)) if source.is_dir() else [source]


def read_tables(source: Path, image_names: Iterable[str]) -> EditedTables:
    """Return the tables of a file, or of a folder as ``tabulate`` leaves it.

    Args:
        source: the file or folder.
        image_names: all pictures of the dataset; a row names one by its path or, where that is enough, its file name.

    Raises:
        MissingInputError: there is no table.
        DatasetError: a row has a fault or names no picture, or more than one; names the line.
    """
    paths = table_paths(source)
    if not paths:
        raise MissingInputError(f'{source}: no {_PATTERN} in it. Run "ci/inv tabulate" first, or name a file.')
    known = _by_name(image_names)
    entries: dict[str, TableEntry] = {}
    for path in paths:
        for line, row in read_rows(path):
            image_name = _image_name(row, f"{path}:{line}", known)
            entries[image_name] = _joined(entries.get(image_name), path, line, row)
    return EditedTables(entries)


def _by_name(image_names: Iterable[str]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for image_name in image_names:
        for name in {image_name, image_name.rpartition("/")[2]}:
            known.setdefault(name, []).append(image_name)
    return known


def _image_name(row: TableRow, place: str, known: dict[str, list[str]]) -> str:
    found = known.get(row.filename, [])
    if len(found) > 1:
        raise DatasetError(
            f"{place}: {row.filename} may be {' or '.join(found[:3])}. Write the path inside the dataset as filename."
        )
    if not found:
        raise DatasetError(f"{place}: the picture {row.filename} is not in the dataset. Correct or remove the row.")
    return found[0]


def _joined(entry: TableEntry | None, path: Path, line: int, row: TableRow) -> TableEntry:
    """Return what is known of a picture with one more row."""
    boxes = tuple(_boxes(row, line))
    if entry is None:
        return TableEntry(path, line, row.size, boxes)
    place = f"{path}:{line}: {row.filename}"
    first = f"{entry.table_path}:{entry.line}"
    if entry.table_path != path:
        raise DatasetError(f"{place} is already in {first}. Keep the rows of a picture in one table.")
    if row.size != entry.size:
        raise DatasetError(f"{place} is {row.size} here, but {entry.size} in {first}. Correct one of the two.")
    if not boxes or not entry.boxes:
        raise DatasetError(f"{place} has a row without a box as well as another row. Remove one of the two.")
    return replace(entry, boxes=entry.boxes + boxes)


def _boxes(row: TableRow, line: int) -> Iterator[LabelledBox]:
    if row.class_name is not None and row.box is not None:
        yield LabelledBox(row.class_name, row.box, line)
