"""Where the annotations and pictures of a dataset's folder lie: the layouts that ``dataset_folder`` accepts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split

_ANNOTATION_SUFFIX = ".xml"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
ANNOTATIONS_NAMES = ("annotations",)
IMAGES_NAMES = ("jpegimages", "images")
SPLIT_NAMES = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "test": Split.TEST,
}


ImagePlaces = Sequence[str]


class FoundFile(NamedTuple):
    """A file of a dataset: its path relative to the dataset, the subfolder it is in (``.``: none), its own name."""

    path: str
    place: str
    name: str


@dataclass(frozen=True)
class ImageIndex:
    """The pictures of some folders, relative to the dataset, found by name or stem in a subfolder (``.``: none)."""

    names: tuple[str, ...]
    by_name: dict[tuple[str, str], str] = field(default_factory=dict)
    by_stem: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, name: str, stem: str, place: str) -> str | None:
        """Return the picture called ``name``, else the one whose name without suffix, or whole name, is ``stem``.

        Upper and lower case are told apart only where both exist.
        """
        places = (place,) if place == "." else (place, ".")
        for index, wanted in ((self.by_name, name), (self.by_stem, stem), (self.by_name, stem)):
            for subfolder in places:
                found = index.get((subfolder, wanted)) or index.get((subfolder, wanted.casefold()))
                if found is not None:
                    return found
        return None


@dataclass(frozen=True)
class DatasetPart:
    """Annotations and the folders in which their pictures are; ``split`` if the folder's name is that of a split."""

    annotations_dir: Path
    annotations: tuple[FoundFile, ...]
    image_dirs: tuple[Path, ...]
    images: ImageIndex
    split: Split | None

    def image_name_of(self, filename: str, found: FoundFile) -> str | None:
        """Return an annotation's picture: by ``<filename>`` first, by the annotation's own name second.

        Only the last part of ``filename`` counts; a picture outside the image folders is never found.
        """
        return self.images.find(base_name(filename), stem_of(found.name), found.place)


def base_name(filename: str) -> str:
    """Return what stands behind the last slash or backslash."""
    return filename.replace("\\", "/").rpartition("/")[2]


def stem_of(path: str) -> str:
    """Return the last part of a path with forward slashes, without its suffix."""
    name = path.rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def find_parts(root: Path) -> list[DatasetPart]:
    """Return the parts of a dataset: one for each split folder, else one for the whole.

    Raises:
        DatasetError: there are annotations both in the dataset's own folder and in split folders.
    """
    whole = _find_part(root, root, None)
    divided = [_find_part(root, folder, SPLIT_NAMES[folder.name.lower()]) for folder in _folders(root, SPLIT_NAMES)]
    divided = [part for part in divided if part.annotations]
    if divided and whole.annotations:
        raise DatasetError(
            f"{root}: annotations are both in {whole.annotations_dir} and in {divided[0].annotations_dir}. "
            "Keep one of the two layouts."
        )
    return divided or [whole]


def find_only_part(root: Path, need: str) -> DatasetPart:
    """Return the one part of a dataset whose splits have no folders of their own.

    Args:
        root: the dataset.
        need: what for, as the message ends: "new pictures need one".

    Raises:
        DatasetError: there is no such folder, or each split has one of its own.
    """
    if not root.is_dir():
        fault = "this is a file" if root.exists() else "there is no such folder"
        raise DatasetError(f"{root}: {fault}. Name the folder of the dataset with --dataset.")
    parts = find_parts(root)
    if len(parts) > 1:
        name = parts[0].annotations_dir.relative_to(root).parts[0]
        raise DatasetError(
            f"{root}: each split has a folder of its own, and {need}. Name it: --dataset {name} below this folder."
        )
    return parts[0]


def image_places(root: Path, folder: str) -> ImagePlaces:
    """Return where the pictures of the annotations in a folder lie, without listing any file of it.

    Args:
        root: the dataset.
        folder: that of annotations, relative to the dataset with forward slashes (empty: the dataset itself).

    Returns:
        The beginnings of the pictures' paths relative to the dataset, empty or ending in a slash, the likeliest first.
        Empty if other places have to be looked at too.
    """
    steps = folder.split("/") if folder else []
    part = steps.pop(0) if steps and steps[0].lower() in SPLIT_NAMES else ""
    is_own = bool(steps) and steps[0].lower() in ANNOTATIONS_NAMES
    subfolder = "/".join(steps[1:] if is_own else steps)
    image_dirs = _folders(root / part, IMAGES_NAMES)
    is_plain = is_own or not _folders(root / part, ANNOTATIONS_NAMES)
    if not is_plain or (subfolder and not (is_own and image_dirs)):
        return ()
    dirs = image_dirs or dict.fromkeys((root / folder, root / part))
    starts = (path.relative_to(root).as_posix() for path in dirs)
    end = f"{subfolder}/" if subfolder else ""
    return [f"{'' if start == '.' else f'{start}/'}{end}" for start in starts]


def _find_part(root: Path, folder: Path, split: Split | None) -> DatasetPart:
    own = _folders(folder, ANNOTATIONS_NAMES)
    if len(own) > 1:
        raise DatasetError(f"{folder}: there are both {own[0].name}/ and {own[1].name}/. Put the annotations into one.")
    annotations_dir, is_deep = (own[0], True) if own else (folder, False)
    annotations = [file for file in _files(root, annotations_dir, is_deep) if _suffix(file.name) == _ANNOTATION_SUFFIX]
    image_dirs = _folders(folder, IMAGES_NAMES)
    are_deep = bool(image_dirs)
    image_dirs = image_dirs or list(dict.fromkeys((annotations_dir, folder)))
    images = _index(root, image_dirs, are_deep) if annotations else ImageIndex(())
    return DatasetPart(annotations_dir, tuple(annotations), tuple(image_dirs), images, split)


def _folders(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the folders with one of the names in any case, in the order of the names."""
    with os.scandir(folder) as entries:
        found = sorted(folder / entry.name for entry in entries if entry.name.lower() in names and entry.is_dir())
    return [path for name in names for path in found if path.name.lower() == name]


def _files(root: Path, folder: Path, is_deep: bool) -> Iterator[FoundFile]:
    """Yield the visible files of a folder, sorted; if ``is_deep``, of its subfolders too, each once however linked."""
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = Path(place).resolve()
        is_new = real not in seen
        seen.add(real)
        folders[:] = sorted(name for name in folders if is_deep and is_new and not name.startswith("."))
        if is_new:
            subfolder, start = Path(place).relative_to(folder).as_posix(), Path(place).relative_to(root).as_posix()
            start = "" if start == "." else f"{start}/"
            yield from (FoundFile(start + name, subfolder, name) for name in sorted(names) if not name.startswith("."))


def _refuse(error: OSError) -> NoReturn:
    """Raise instead of leaving out a folder that cannot be listed."""
    raise error


def _suffix(name: str) -> str:
    """Return the end of a visible file's name from its last dot, in lower case; a Path takes ten times as long."""
    start = name.rfind(".")
    return name[start:].lower() if start > 0 else ""


def _index(root: Path, folders: Iterable[Path], are_deep: bool) -> ImageIndex:
    files = [file for folder in folders for file in _files(root, folder, are_deep)]
    others = [(file, suffix) for file in files if (suffix := _suffix(file.name)) != _ANNOTATION_SUFFIX]
    pictures = [(file, suffix) for file, suffix in others if suffix in IMAGE_SUFFIXES]
    index = ImageIndex(tuple(file.path for file, _ in pictures))
    _enter(index.by_name, [((file.place, file.name), file.path) for file, _ in others])
    _enter(index.by_stem, [((file.place, file.name[: -len(suffix)]), file.path) for file, suffix in pictures])
    return index


def _enter(index: dict[tuple[str, str], str], found: Sequence[tuple[tuple[str, str], str]]) -> None:
    """Enter paths by their names, then by their names without case where these are free; the first path stays."""
    for key, path in found:
        index.setdefault(key, path)
    for (place, name), path in found:
        folded = name.casefold()
        if folded != name:
            index.setdefault((place, folded), path)
