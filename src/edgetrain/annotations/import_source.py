"""The file or folder that annotations are imported from: its files, its pictures, and the splits that its names tell.

A split is told by a whole word of a file's or folder's name: ``train_labels.csv``, ``instances_val2017.json``,
``valid/_annotations.coco.json``. Names of pictures never lead out of the folder.
"""

from __future__ import annotations

import errno
import math
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGE_SUFFIXES, IMAGES_NAMES, SPLIT_NAMES, same_form
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_content, leads_out
from edgetrain.core.system.folders import visible_files
from edgetrain.images.image_file import UnreadableImageError, probe, remedy_of

_WORD = re.compile(r"[a-z]+")
_DRIVE = re.compile(r"[A-Za-z]:")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Formats of fractions are written with six digits: a side that ends at the edge may come out beyond it by so much.
_EDGE_TOLERANCE = 1.5e-6
# Label Studio puts eight hexadecimal digits before the name of a file that is uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-")
_QUARTER_TURNS = range(5, 9)
# What Linux takes of a path and of a name in it, in bytes.
_LONGEST_PATH, _LONGEST_NAME = 4000, 255


def safe_name(text: str, folder: str = "") -> str | None:
    """Return a picture's name relative to the source with forward slashes; ``None`` if it leads out or is no name.

    Args:
        text: the name as it stands, with slashes or backslashes.
        folder: what it is relative to, itself relative to the source.
    """
    plain = text.strip().replace("\\", "/")
    if not plain or plain.startswith("/") or _DRIVE.match(plain) or any(letter < " " for letter in plain):
        return None
    if len(plain) > _LONGEST_PATH or not _may_exist(plain):
        return None
    name = posixpath.normpath(posixpath.join(folder, plain))
    return None if name in {".", ".."} or name.startswith("../") else name


def _may_exist(path: str) -> bool:
    """Return whether a file of that path can be asked for: halves of letters cannot be written, nor can long names."""
    try:
        return all(len(part.encode()) <= _LONGEST_NAME for part in path.split("/"))
    except UnicodeEncodeError:
        return False


def own_names(stated: str) -> list[str]:
    """Return the names that a picture may have whose path is one of another machine or an address, likeliest first."""
    plain = stated.strip().replace("\\", "/")
    plain = plain.partition("?d=")[2] or plain.partition("?")[0]
    names = [PurePosixPath(plain).name, PurePosixPath(unquote(plain)).name]
    names += [name[_UPLOADED.match(name).end() :] for name in names if _UPLOADED.match(name)]  # type: ignore[union-attr]
    return [name for name in dict.fromkeys(names) if name and _may_exist(name)]


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
class ReadingChoices:
    """What the user decided about things that a format cannot tell.

    ``with_polygons``: other shapes than boxes become the smallest box around them. ``with_crowds``: so do the boxes of
    crowds and groups. ``drawn_on``: ``turned`` or ``stored``, the form of a picture with an EXIF orientation on which
    its boxes were drawn (``None``: not known). ``columns`` name those of a table that has no header. ``class_name`` is
    that of objects for which the source states none (empty: that is a fault).
    """

    with_polygons: bool = True
    with_crowds: bool = False
    drawn_on: str | None = None
    columns: tuple[str, ...] = ()
    class_name: str = ""


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

    ``outside`` has where links lead that lead out of it, by their paths; these are not among the files.

    Raises:
        MissingInputError: there is no such file or folder.
        DatasetError: the folder cannot be listed.
    """

    def __init__(
        self,
        source: Path,
        *,
        choices: ReadingChoices | None = None,
        more_pictures: Callable[[str], Path | None] | None = None,
        follow_links: bool = False,
    ) -> None:
        """List the files.

        Args:
            source: file or folder.
            choices: what the user decided (default: nothing).
            more_pictures: finds a picture by its name elsewhere.
            follow_links: whether links may lead anywhere.
        """
        if not source.exists():
            raise MissingInputError(f"{source}: there is no such file or folder. Correct --source.")
        # In annotations/instances_train.json the pictures are beside that folder.
        is_apart = source.parent.name.lower() in ANNOTATIONS_NAMES
        self.root = source if source.is_dir() else source.parent.parent if is_apart else source.parent
        self.choices = choices or ReadingChoices()
        # Pictures whose sizes no annotation states: a turned one among them does not tell how it was seen.
        self.measured: set[Path] = set()
        self._more_pictures = more_pictures
        self._source = source
        try:
            paths = visible_files(self.root, within=None if follow_links else self.root)
        except OSError as error:
            path = error.filename or source
            raise DatasetError(f"{path}: cannot be read ({error.strerror}). Fix its permissions.") from error
        self.outside = {} if follow_links else _links_out(self.root, paths)
        self._paths = {path.relative_to(self.root).as_posix(): path for path in paths if path not in self.outside}
        self.picture_names = [name for name in self._paths if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES]
        self.picture_set = frozenset(self.picture_names)
        self.suffixes = sorted({PurePosixPath(name).suffix for name in self.picture_names})
        self._by_end: dict[str, list[str]] = {}
        for name in self.picture_names:
            own = same_form(PurePosixPath(name).name)
            for key in {own, PurePosixPath(own).stem}:
                self._by_end.setdefault(key, []).append(name)
        self._by_folded = {same_form(name).casefold(): name for name in reversed(self._paths)}

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
                f"{self._source}: this folder has no {' or '.join(suffixes)} file. Correct --source or --from."
            )
        for name in found:
            yield SourceFile(self._paths[name], name, split_of_name(name))

    def refuse_other_file(self, suffixes: Collection[str], advice: str) -> None:
        """Do nothing if the source is a folder, or a file with one of the suffixes (in lower case).

        Raises:
            DatasetError: it is another file; its folder would be read in its place.
        """
        if not self._source.is_dir() and self._source.suffix.lower() not in suffixes:
            raise DatasetError(f"{self._source}: this file does not describe a set of labels. {advice}")

    def path(self, name: str) -> Path | None:
        """Return the path of a visible file by its relative name."""
        return self._paths.get(name)

    def names(self, *suffixes: str) -> list[str]:
        """Return the names of all visible files with one of the suffixes (in lower case), sorted."""
        return [name for name in self._paths if PurePosixPath(name).suffix.lower() in suffixes]

    def spelled(self, name: str) -> str | None:
        """Return a visible file's name as it is really written: upper and lower case, Unicode forms do not count."""
        return name if name in self._paths else self._by_folded.get(same_form(name).casefold())

    def picture(self, name: str, split: Split | None = None, folder: str = "") -> Path | None:
        """Return a picture by a name that a file in ``folder`` uses; one without suffix stands for any.

        Looked for beside that file, then below the source, then elsewhere. Of several with the same end of the path
        those in a folder of the split are taken, and of these the one that shares most folders with that file. One in
        a folder of another split is another picture.
        """
        beside = self._paths.get(posixpath.join(folder, name)) or self._paths.get(name)
        if beside:
            return beside
        plain = same_form(name)
        ends = (f"/{plain}", f"/{plain}.")
        found = [
            other
            for other in self._by_end.get(PurePosixPath(plain).name, ())
            if (known := f"/{same_form(other)}").endswith(ends[0]) or known[: known.rfind(".") + 1].endswith(ends[1])
        ]
        found = self._likely(found, split, folder)
        if len(found) == 1:
            return self._paths[found[0]]
        return self._more_pictures(name) if self._more_pictures and not found else None

    def stated_picture(
        self, stated: object, reading: Reading, *, split: Split | None = None, folder: str = "", base: str = ""
    ) -> str | None:
        """Return a picture's name relative to the source, by what an annotation calls it.

        A path that leads nowhere here, such as one of another machine or an address, is followed by its last part
        where only one picture is called so, upper and lower case aside; that is counted. ``None`` if it leads out and
        no picture is called so.

        Args:
            stated: the path or address as it stands.
            reading: takes the count.
            split: that of the annotation file.
            folder: that file's folder, beside which the picture may be.
            base: what ``stated`` is relative to, itself relative to the source.
        """
        if not isinstance(stated, str) or not stated.strip():
            return None
        name = None if "://" in stated else safe_name(stated, base)
        if name is not None and self.picture(name, split, folder) is not None:
            return name
        for own in own_names(stated):
            plain = same_form(own)
            named = self._by_end.get(plain) or self._by_folded_end.get(plain.casefold(), [])
            found = self._likely(named, split, folder)
            path = self._more_pictures(own) if self._more_pictures and not found else None
            if len(found) == 1 or path:
                reading.by_name[stated] = found[0] if found else own
                return found[0] if found else own
        return name

    @cached_property
    def _by_folded_end(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.picture_names:
            found.setdefault(same_form(PurePosixPath(name).name).casefold(), []).append(name)
        return found

    @cached_property
    def _divided(self) -> set[Split | None]:
        """The splits that folders of pictures tell."""
        return {split_of_name(folder) for folder in {posixpath.dirname(name) for name in self.picture_names}}

    def _likely(self, names: Sequence[str], split: Split | None, folder: str) -> list[str]:
        """Return which of some pictures a file in a folder can mean: see :meth:`picture`."""
        splits = {name: split_of_name(posixpath.dirname(name)) for name in names}
        if split is not None and split in self._divided:
            splits = {name: own for name, own in splits.items() if own in {None, split}}
        chosen = [name for name, own in splits.items() if own is split] or list(splits)
        if len(chosen) < 2:  # noqa: PLR2004 - one or none
            return chosen
        shared = [_shared_folders(name, folder) for name in chosen]
        return [name for name, count in zip(chosen, shared) if count == max(shared)]

    def size_of(self, path: Path | None, place: Place, name: str, reading: Reading) -> ImageSize | None:
        """Return a picture's size as its header says it; a fault where that cannot be known."""
        if path is None:
            reading.fault(place, f"the picture {name!r} is not inside {self.root}. Add it, or correct the name.")
            return None
        try:
            info = probe(path, name)
            self.measured.add(path)
            is_turned = self.choices.drawn_on == "turned" and info.exif_orientation in _QUARTER_TURNS
            return ImageSize(info.size.height, info.size.width) if is_turned else info.size
        except UnreadableImageError as error:
            reading.fault(place, f"{name}: {error.reason}. {remedy_of(error.reason, name)}")
            return None


def _links_out(root: Path, paths: Iterable[Path]) -> dict[Path, Path]:
    """Return which of the paths below a folder are out of it when links are followed, and where they are."""
    home = root.resolve()
    folders: dict[Path, Path] = {}
    found = {}
    for path in paths:
        folder = folders.get(path.parent) or folders.setdefault(path.parent, path.parent.resolve())
        target = path.resolve() if path.is_symlink() else folder / path.name
        if leads_out(target, home):
            found[path] = target
    return found


def _shared_folders(name: str, folder: str) -> int:
    """Return how many folders, from the source on, a picture's name has in common with a folder."""
    pairs = zip(PurePosixPath(name).parts[:-1], PurePosixPath(folder).parts)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def not_read(error: OSError, reading: Reading) -> str:
    """Return what is wrong with a file that cannot be opened, and what to do."""
    if error.errno != errno.EFBIG:
        return f"cannot be read ({error.strerror}). Fix its permissions."
    limit = f"import_annotations.max_megabytes is {reading.most_bytes >> 20}"
    return f"{error.strerror} ({limit}), and reading a file needs several times its size in memory. Split the file."


def read_text(path: Path, name: str, reading: Reading) -> str | None:
    """Return the text of a file, its line ends as they are; ``None``, with a fault, where it cannot be read.

    Args:
        path: the file.
        name: what messages call it.
        reading: takes the fault.
    """
    try:
        return file_content(path, most_bytes=reading.most_bytes).decode("utf-8-sig")
    except OSError as error:
        reading.fault(Place(name), not_read(error, reading))
    except UnicodeDecodeError as error:
        reading.fault(Place(name), f"not UTF-8 text ({error.reason}). Save it as UTF-8.")
    return None
