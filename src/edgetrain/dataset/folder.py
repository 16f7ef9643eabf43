"""Folders of labelled pictures: which annotations there are, where their pictures lie, how they are divided already.

Accepted (names of the folders in any case)::

    Annotations/*.xml  JPEGImages/*  [ImageSets/Main/{train,val,test}.txt]      Pascal VOC
    annotations/*.xml  images/*                                                 two folders, with subfolders alike
    *.xml beside their pictures                                                 one folder
    train/ test/ [validation/ or valid/ or val/], each in one of the forms above

A committed ``splits/{train,validation,test}.txt`` divides any of them and wins over the other divisions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgetrain.annotations.voc import read_annotation
from edgetrain.core.annotation import Annotation
from edgetrain.core.errors import DatasetError, MissingInputError, UnfetchedError
from edgetrain.core.findings import Finding
from edgetrain.core.splits import Split
from edgetrain.dataset.division import find_division, read_split_list
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.layout import DatasetPart, FoundFile, find_parts
from edgetrain.dataset.unfetched import UnfetchedPath, find_unfetched, is_of_pictures, unfetched_message

LABEL_MAP_NAME = "label_map.pbtxt"
_LOOKED_FOR = "annotations/*.xml, *.xml beside the pictures, and train/ and test/ with either"


class DatasetItem(NamedTuple):
    """One annotation file, where it was found, and the split that the dataset itself puts it in."""

    root: Path
    found: FoundFile
    part: DatasetPart
    split: Split | None

    @property
    def name(self) -> str:
        """The annotation's name relative to the dataset, with forward slashes."""
        return self.found.path

    @property
    def annotation_path(self) -> Path:
        """The annotation file."""
        return self.root / self.found.path


@dataclass(frozen=True)
class LabelledImage:
    """A picture of the dataset in ``root`` with its ground truth; names are relative to that, with forward slashes."""

    root: Path
    name: str
    annotation: Annotation
    image_name: str

    @property
    def image_path(self) -> Path:
        """The picture's file."""
        return self.root / self.image_name


@dataclass(frozen=True)
class DatasetFolder:
    """What a dataset's folder holds.

    ``items`` are sorted by name. ``division`` says what divides them already (empty: nothing), ``divided`` which splits
    that knows, ``findings`` what is wrong with it. ``image_names`` are all pictures in the image folders, relative to
    the dataset and sorted. ``fence`` says which links are followed.
    """

    root: Path
    items: tuple[DatasetItem, ...]
    division: str
    divided: frozenset[Split]
    findings: tuple[Finding, ...]
    image_names: tuple[str, ...]
    parts: tuple[DatasetPart, ...]
    fence: Fence

    @property
    def label_map_path(self) -> Path:
        """Where a committed label map stands; need not exist."""
        return self.root / LABEL_MAP_NAME

    def relative_name(self, path: Path) -> str:
        """Return a path below the dataset relative to it, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def image_of(self, annotation: Annotation) -> Path | None:
        """Return an annotation's picture: by ``<filename>`` first, by the annotation's own name second."""
        part = self._part_of(annotation)
        path = annotation.path
        place = path.parent.relative_to(part.annotations_dir).as_posix()
        name = part.image_name_of(annotation.filename or "", FoundFile(self.relative_name(path), place, path.name))
        return None if name is None else self.root / name

    def image_dirs_of(self, annotation: Annotation) -> str:
        """Return the folders in which an annotation's picture is looked for, as text for a message."""
        return self.places_of(self._part_of(annotation))

    def places_of(self, part: DatasetPart) -> str:
        """Return the folders with the pictures of a part, as text for a message."""
        return " or ".join(f"{self.relative_name(folder)}/" for folder in part.image_dirs)

    def read(self, item: DatasetItem) -> LabelledImage:
        """Return an item's ground truth and picture.

        Raises:
            DatasetError: the annotation has a fault, or there is no picture.
            UnfetchedError: nor are all pictures in this clone.
        """
        annotation = read_annotation(item.annotation_path, item.name, within=self.fence.within)
        image_path = self.image_of(annotation)
        if image_path is None:
            absent = tuple(one for one in find_unfetched(self.root) if is_of_pictures(one.path))
            if absent:
                raise UnfetchedError(unfetched_message(self.root, absent))
            raise DatasetError(
                f"{item.name}:{annotation.filename_line}: its picture {annotation.filename or item.name!r} is not in "
                f'{self.image_dirs_of(annotation)}. Run "ci/inv validate" to see every problem.'
            )
        require_inside(image_path, self.fence)
        return LabelledImage(self.root, item.name, annotation, self.relative_name(image_path))

    def read_listed(self, list_path: Path) -> Iterator[LabelledImage]:
        """Yield the labelled pictures of a list that ``split`` wrote, in its order.

        Raises:
            MissingInputError: there is no list, or it names an annotation that is gone.
            DatasetError: an annotation has a fault, or a picture is missing.
        """
        by_name = {item.name: item for item in self.items}
        for listed in read_split_list(list_path):
            if listed.name not in by_name:
                raise MissingInputError(
                    f'{list_path}:{listed.line}: {listed.name} is not in {self.root}. Run "ci/inv split" again.'
                )
            yield self.read(by_name[listed.name])

    def _part_of(self, annotation: Annotation) -> DatasetPart:
        return next(part for part in self.parts if part.annotations_dir in annotation.path.parents)


def require_inside(path: Path, fence: Fence) -> None:
    """Refuse a picture that is a link out of the dataset.

    Raises:
        DatasetError: it is one, and may not be followed.
    """
    if path.is_symlink() and not fence.admits(path):
        fence.require_closed()


def find_dataset(root: Path, *, follow_links: bool = False) -> DatasetFolder:
    """Return what is in a dataset's folder, without opening annotations or pictures.

    Args:
        root: the dataset.
        follow_links: whether links may lead out of it.

    Raises:
        DatasetError: there is no such folder, no annotation in it, annotations in two layouts at once, a link leads
            out of it, or a list of a split cannot be read.
        UnfetchedError: there is no annotation, and what the repository says is not in this clone.
    """
    folder = survey_dataset(root, follow_links=follow_links)
    folder.fence.require_closed()
    return folder


def survey_dataset(root: Path, *, follow_links: bool = False) -> DatasetFolder:
    """Return what :func:`find_dataset` does, links that lead out among its findings: what they lead to is left out."""
    fence = Fence(root, follow_links=follow_links)
    parts = _parts(fence)
    names = sorted(file.path for part in parts for file in part.annotations)
    if not names:
        fence.require_closed()
        _require_fetched(root)
        raise DatasetError(
            f"{root}: no annotation found (looked for {_LOOKED_FOR}). "
            "Label the pictures in Pascal VOC format, or name another folder with --dataset."
        )
    division = find_division(fence, parts, names)
    splits = division.splits
    items = [DatasetItem(root, file, part, splits.get(file.path)) for part in parts for file in part.annotations]
    return DatasetFolder(
        root=root,
        items=tuple(sorted(items, key=lambda item: item.found.path)),
        division=division.source,
        divided=division.present,
        findings=tuple(sorted([*division.findings, *fence.findings()])),
        image_names=tuple(sorted(name for part in parts for name in part.images.names)),
        parts=tuple(parts),
        fence=fence,
    )


def _require_fetched(root: Path) -> None:
    """Raise if the repository around a folder names files in it, or all of it, that are not in this clone."""
    absent: tuple[UnfetchedPath, ...] = find_unfetched(root)
    if absent:
        raise UnfetchedError(unfetched_message(root, absent))


def _parts(fence: Fence) -> list[DatasetPart]:
    root = fence.root
    if not root.is_dir():
        _require_fetched(root)
        found = "this is a file" if root.is_file() else "there is no such folder"
        raise DatasetError(f"{root}: {found}. Name the folder of the dataset with --dataset.")
    try:
        if not any(root.iterdir()):
            _require_fetched(root)
            raise DatasetError(
                f"{root}: the folder is empty. Put labelled pictures there, or name another with --dataset."
            )
        return find_parts(fence)
    except OSError as error:
        raise DatasetError(f"{error.filename}: cannot be read ({error.strerror}). Mend its permissions.") from error
