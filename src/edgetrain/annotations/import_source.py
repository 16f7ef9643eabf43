"""The file or folder that annotations are imported from: its files, its pictures, and the splits that its names tell.

A split is told by a whole word of a file's or folder's name: ``train_labels.csv``, ``instances_val2017.json``,
``valid/_annotations.coco.json``. Names of pictures never lead out of the folder.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGE_SUFFIXES, IMAGES_NAMES, SPLIT_NAMES
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_content, visible_files
from edgetrain.images.image_file import UnreadableImageError, probe

_WORD = re.compile(r"[a-z]+")
_DRIVE = re.compile(r"[A-Za-z]:")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Formats of fractions are written with six digits: a side that ends at the edge may come out beyond it by so much.
_EDGE_TOLERANCE = 1.5e-6
MOST_SOURCE_BYTES = 2048 << 20


def safe_name(text: str, folder: str = "") -> str | None:
    """Return a picture's name relative to the source with forward slashes; ``None`` if it leads out or is no name.

    Args:
        text: the name as it stands, with slashes or backslashes.
        folder: what it is relative to, itself relative to the source.
    """
    plain = text.strip().replace("\\", "/")
    if not plain or plain.startswith("/") or _DRIVE.match(plain) or any(letter < " " for letter in plain):
        return None
    name = posixpath.normpath(posixpath.join(folder, plain))
    return None if name in {".", ".."} or name.startswith("../") else name


def without_images_folder(name: str) -> str:
    """Return a picture's name without the last folder ``images`` in it, which every dataset has."""
    parts = PurePosixPath(name).parts
    at = max((index for index, part in enumerate(parts[:-1]) if part.lower() in IMAGES_NAMES), default=len(parts))
    return "/".join(parts[:at] + parts[at + 1 :])


def split_of_name(name: str) -> Split | None:
    """Return the split that a relative path tells, the file's own name before the nearest folders."""
    for part in reversed(PurePosixPath(name).parts):
        for word in _WORD.findall(part.lower()):
            if word in SPLIT_NAMES:
                return SPLIT_NAMES[word]
    return None


def parse_number(value: object) -> float | None:
    """Return a finite number, given as such or as text; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def parse_size(width: object, height: object) -> ImageSize | None:
    """Return a size of two whole numbers above 0; ``None`` for anything else."""
    sides = [parse_number(side) for side in (width, height)]
    if any(side is None or side < 1 or not side.is_integer() for side in sides):
        return None
    return ImageSize(*(int(side) for side in sides if side is not None))


def enclosing_box(points: Iterable[tuple[float, float]]) -> BoundingBox:
    """Return the smallest rectangle around one or more points (x, y) in pixels."""
    columns, rows = zip(*points)
    return BoundingBox(min(columns), min(rows), max(columns), max(rows))


def box_of_fractions(xmin: float, ymin: float, xmax: float, ymax: float, size: ImageSize) -> BoundingBox:
    """Return a box in pixels, rounded to a thousandth of a pixel; what six digits put beyond the edge lies on it."""
    return BoundingBox(
        _to_pixels(xmin, size.width),
        _to_pixels(ymin, size.height),
        _to_pixels(xmax, size.width),
        _to_pixels(ymax, size.height),
    )


def _to_pixels(fraction: float, side: int) -> float:
    inside = min(max(fraction, 0.0), 1.0)
    return round((inside if abs(fraction - inside) <= _EDGE_TOLERANCE else fraction) * side, 3)


@dataclass(frozen=True)
class SourceFile:
    """A file of annotations: its name and folder relative to the source, and the split that its name tells."""

    path: Path
    name: str
    split: Split | None

    @property
    def folder(self) -> str:
        """Folder relative to the source, empty for the source itself."""
        folder = PurePosixPath(self.name).parent.as_posix()
        return "" if folder == "." else folder


class ImportSource:
    """A file, or a folder with all visible files below it.

    Raises:
        MissingInputError: there is no such file or folder.
        DatasetError: the folder cannot be listed.
    """

    def __init__(
        self, source: Path, *, with_polygons: bool = False, more_pictures: Callable[[str], Path | None] | None = None
    ) -> None:
        """List the files.

        Args:
            source: file or folder.
            with_polygons: other shapes than boxes count as the smallest box around them.
            more_pictures: finds a picture by its name elsewhere.
        """
        if not source.exists():
            raise MissingInputError(f"{source}: there is no such file or folder. Correct --source.")
        # In annotations/instances_train.json the pictures are beside that folder.
        is_apart = source.parent.name.lower() in ANNOTATIONS_NAMES
        self.root = source if source.is_dir() else source.parent.parent if is_apart else source.parent
        self.with_polygons = with_polygons
        self._more_pictures = more_pictures
        self._source = source
        try:
            paths = visible_files(self.root)
        except OSError as error:
            raise DatasetError(f"{source}: cannot be read ({error.strerror}). Mend its permissions.") from error
        self._paths = {path.relative_to(self.root).as_posix(): path for path in paths}
        self.picture_names = [name for name in self._paths if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES]
        self._by_end: dict[str, list[str]] = {}
        for name in self.picture_names:
            for key in {PurePosixPath(name).name, PurePosixPath(name).stem}:
                self._by_end.setdefault(key, []).append(name)

    def files(self, *suffixes: str) -> Iterator[SourceFile]:
        """Yield the annotation files: the source itself, or all files of its folder with one of the suffixes, sorted.

        Raises:
            DatasetError: the folder has none.
        """
        if not self._source.is_dir():
            name = self._source.relative_to(self.root).as_posix()
            yield SourceFile(self._source, name, split_of_name(name))
            return
        found = [name for name in self._paths if PurePosixPath(name).suffix.lower() in suffixes]
        if not found:
            raise DatasetError(
                f"{self._source}: no {' or '.join(suffixes)} file is in this folder. Correct --source or --from."
            )
        for name in found:
            yield SourceFile(self._paths[name], name, split_of_name(name))

    def path(self, name: str) -> Path | None:
        """Return the path of a visible file by its relative name."""
        return self._paths.get(name)

    def picture(self, name: str, split: Split | None = None, folder: str = "") -> Path | None:
        """Return a picture by a name that a file in ``folder`` uses; one without suffix stands for any.

        Looked for beside that file, then below the source, then elsewhere; of several with the same end of the path
        the one in a folder of the split is taken.
        """
        beside = self._paths.get(posixpath.join(folder, name)) or self._paths.get(name)
        if beside:
            return beside
        ends = (f"/{name}", f"/{name}.")
        own = PurePosixPath(name).name
        found = [
            other
            for other in self._by_end.get(own, ())
            if f"/{other}".endswith(ends[0]) or f"/{other[: other.rfind('.') + 1]}".endswith(ends[1])
        ]
        if len(found) > 1:
            found = [other for other in found if split_of_name(other) is split] or found
        if len(found) == 1:
            return self._paths[found[0]]
        return self._more_pictures(name) if self._more_pictures and not found else None

    def size_of(self, path: Path | None, place: Place, name: str, reading: Reading) -> ImageSize | None:
        """Return a picture's size as its header says it; a fault where that cannot be known."""
        if path is None:
            reading.fault(place, f"the picture {name!r} is not below {self.root}. Add it, or correct the name.")
            return None
        try:
            return probe(path, name).size
        except UnreadableImageError as error:
            reading.fault(place, f"{name}: {error.reason}. Replace the picture.")
            return None


def read_text(path: Path, name: str, reading: Reading) -> str | None:
    """Return the text of a file, its line ends as they are; ``None``, with a fault, where it cannot be read.

    Args:
        path: the file.
        name: what messages call it.
        reading: takes the fault.
    """
    try:
        return file_content(path, most_bytes=MOST_SOURCE_BYTES).decode("utf-8-sig")
    except OSError as error:
        reading.fault(Place(name), f"cannot be read ({error.strerror}). Mend its permissions.")
    except UnicodeDecodeError as error:
        reading.fault(Place(name), f"not UTF-8 text ({error.reason}). Save it as UTF-8.")
    return None
