"""Where the annotations and pictures of a dataset's folder lie: the layouts that ``dataset_folder`` accepts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from edgetrain.core.annotation import Annotation
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split

_ANNOTATION_SUFFIX = ".xml"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_ANNOTATIONS_NAMES = ("annotations",)
_IMAGES_NAMES = ("jpegimages", "images")
SPLIT_NAMES = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "test": Split.TEST,
}


@dataclass(frozen=True)
class ImageIndex:
    """The pictures of some folders, found by name or stem in a subfolder (``.``: the folder itself)."""

    paths: tuple[Path, ...]
    by_name: dict[tuple[str, str], Path] = field(default_factory=dict)
    by_stem: dict[tuple[str, str], Path] = field(default_factory=dict)

    def find(self, name: str, stem: str, subfolders: Iterable[str]) -> Path | None:
        """Return the picture called ``name``, else the one whose name without suffix, or whole name, is ``stem``.

        Upper and lower case are told apart only where both exist.
        """
        places = list(dict.fromkeys(subfolders))
        for index, wanted in ((self.by_name, name), (self.by_stem, stem), (self.by_name, stem)):
            for place in places:
                found = index.get((place, wanted)) or index.get((place, wanted.casefold()))
                if found is not None:
                    return found
        return None


@dataclass(frozen=True)
class DatasetPart:
    """Annotations and the folders in which their pictures are; ``split`` if the folder's name is that of a split."""

    annotations_dir: Path
    annotation_paths: tuple[Path, ...]
    image_dirs: tuple[Path, ...]
    images: ImageIndex
    split: Split | None

    def image_of(self, annotation: Annotation) -> Path | None:
        """Return an annotation's picture: by ``<filename>`` first, by the annotation's own name second.

        Only the last part of ``<filename>`` counts; a picture outside the image folders is never found.
        """
        subfolder = annotation.path.parent.relative_to(self.annotations_dir).as_posix()
        filename = base_name(annotation.filename or "")
        return self.images.find(filename, annotation.path.stem, (subfolder, "."))


def base_name(filename: str) -> str:
    """Return what stands behind the last slash or backslash."""
    return re.split(r"[\\/]", filename)[-1]


def find_parts(root: Path) -> list[DatasetPart]:
    """Return the parts of a dataset: one for each split folder, else one for the whole.

    Raises:
        DatasetError: there are annotations both in the dataset's own folder and in split folders.
    """
    whole = _find_part(root, None)
    divided = [_find_part(folder, SPLIT_NAMES[folder.name.lower()]) for folder in _folders(root, SPLIT_NAMES)]
    divided = [part for part in divided if part.annotation_paths]
    if divided and whole.annotation_paths:
        raise DatasetError(
            f"{root}: annotations are both in {whole.annotations_dir} and in {divided[0].annotations_dir}. "
            "Keep one of the two layouts."
        )
    return divided or [whole]


def _find_part(folder: Path, split: Split | None) -> DatasetPart:
    own = _folders(folder, _ANNOTATIONS_NAMES)
    if len(own) > 1:
        raise DatasetError(f"{folder}: there are both {own[0].name}/ and {own[1].name}/. Put the annotations into one.")
    annotations_dir, is_deep = (own[0], True) if own else (folder, False)
    annotations = [path for path in _files(annotations_dir, is_deep) if path.suffix.lower() == _ANNOTATION_SUFFIX]
    image_dirs = _folders(folder, _IMAGES_NAMES)
    are_deep = bool(image_dirs)
    image_dirs = image_dirs or list(dict.fromkeys((annotations_dir, folder)))
    images = _index(image_dirs, are_deep) if annotations else ImageIndex(())
    return DatasetPart(annotations_dir, tuple(annotations), tuple(image_dirs), images, split)


def _folders(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the folders with one of the names in any case, in the order of the names."""
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for name in names for path in found if path.name.lower() == name]


def _files(folder: Path, is_deep: bool) -> Iterator[Path]:
    """Yield the visible files of a folder, sorted; if ``is_deep``, of its subfolders too, each once however linked."""
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = Path(place).resolve()
        is_new = real not in seen
        seen.add(real)
        folders[:] = sorted(name for name in folders if is_deep and is_new and not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if is_new and not name.startswith("."))


def _refuse(error: OSError) -> NoReturn:
    """Raise instead of leaving out a folder that cannot be listed."""
    raise error


def _index(folders: Iterable[Path], are_deep: bool) -> ImageIndex:
    files = [
        (path.parent.relative_to(folder).as_posix(), path) for folder in folders for path in _files(folder, are_deep)
    ]
    pictures = [(place, path) for place, path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    index = ImageIndex(tuple(path for _, path in pictures))
    for fold in (str, str.casefold):
        for place, path in files:
            if path.suffix.lower() != _ANNOTATION_SUFFIX:
                index.by_name.setdefault((place, fold(path.name)), path)
        for place, path in pictures:
            index.by_stem.setdefault((place, fold(path.stem)), path)
    return index
