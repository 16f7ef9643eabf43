"""Folders of labelled pictures: which annotations there are, where their pictures lie, how they are divided already.

Accepted (names of the folders in any case)::

    Annotations/*.xml  JPEGImages/*  [ImageSets/Main/{train,val,test}.txt]      Pascal VOC
    annotations/*.xml  images/*                                                 two folders, with subfolders alike
    *.xml beside their pictures                                                 one folder
    train/ test/ [validation/ or valid/ or val/], each in one of the forms above

A committed ``splits/{train,validation,test}.txt`` divides any of them and wins over the other divisions.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edgetrain.annotations.recognition import recognise
from edgetrain.annotations.voc import read_annotation
from edgetrain.core.annotation import Annotation
from edgetrain.core.errors import DatasetError, MissingInputError, UnfetchedError
from edgetrain.core.findings import Finding
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.core.settings.exchange import SourceFormat
from edgetrain.core.splits import Split
from edgetrain.core.system.folders import visible_files
from edgetrain.core.wording import clipped
from edgetrain.dataset.division import find_division, read_split_list
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.layout import DatasetPart, FoundFile, find_parts
from edgetrain.dataset.unfetched import UnfetchedPath, find_unfetched, is_of_pictures, unfetched_message

LABEL_MAP_NAME = "label_map.pbtxt"
_MOST_FOLDERS = 100
_MOST_LETTERS = 300
_FEW = 3
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

    def image_name_of(self, filename: str) -> str | None:
        """Return the picture that belongs to the annotation, relative to the dataset; ``None`` if there is none.

        Args:
            filename: what the annotation says in ``<filename>``.
        """
        return self.part.image_name_of(filename, self.found)


@dataclass(frozen=True)
class LabelledImage:
    """A picture of the dataset in ``root`` with its ground truth; names are relative to that, with forward slashes.

    ``annotation`` has the boxes of the chosen classes, ``read_classes`` the classes of all boxes in the file.
    """

    root: Path
    name: str
    annotation: Annotation
    image_name: str
    read_classes: tuple[str, ...] = ()

    @property
    def is_emptied(self) -> bool:
        """Whether it has objects, but none of a chosen class."""
        return bool(self.read_classes) and not self.annotation.boxes

    @property
    def image_path(self) -> Path:
        """The picture's file."""
        return self.root / self.image_name


@dataclass(frozen=True)
class DatasetFolder:
    """What a dataset's folder holds.

    ``items`` are sorted by name. ``division`` says what divides them already (empty: nothing), ``divided`` which splits
    that knows, ``findings`` what is wrong with it. ``image_names`` are all pictures in the image folders, relative to
    the dataset and sorted. ``fence`` says which links are followed. ``unread`` is why the list of a split cannot be
    read.
    """

    root: Path
    items: tuple[DatasetItem, ...]
    division: str
    divided: frozenset[Split]
    findings: tuple[Finding, ...]
    image_names: tuple[str, ...]
    parts: tuple[DatasetPart, ...]
    fence: Fence
    classes: ClassChoice = field(default_factory=ClassChoice)
    unread: DatasetError | None = None

    @property
    def label_map_path(self) -> Path:
        """Where a committed label map stands; need not exist."""
        return self.root / LABEL_MAP_NAME

    def relative_name(self, path: Path) -> str:
        """Return a path below the dataset relative to it, with forward slashes."""
        return path.relative_to(self.root).as_posix()

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
        image_name = item.image_name_of(annotation.filename or "")
        if image_name is None:
            absent = tuple(one for one in find_unfetched(self.root) if is_of_pictures(one.path))
            if absent:
                raise UnfetchedError(unfetched_message(self.root, absent))
            raise DatasetError(
                f"{item.name}:{annotation.filename_line}: its picture {annotation.filename or item.name!r} is not in "
                f'{self.places_of(item.part)}. Run "ci/inv validate" to see every problem.'
            )
        require_inside(self.root / image_name, self.fence)
        return labelled(self.root, item.name, annotation, image_name, self.classes)

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


def labelled(root: Path, name: str, annotation: Annotation, image_name: str, classes: ClassChoice) -> LabelledImage:
    """Return a picture with the boxes of the chosen classes."""
    names = tuple(box.class_name for box in annotation.boxes)
    return LabelledImage(root, name, classes.of(annotation), image_name, names)


def require_inside(path: Path, fence: Fence) -> None:
    """Refuse a picture that is a link out of the dataset.

    Args:
        path: the picture.
        fence: of the dataset.

    Raises:
        DatasetError: it is one, and may not be followed.
    """
    if path.is_symlink() and not fence.admits(path):
        fence.require_closed()


def find_dataset(root: Path, classes: ClassChoice | None = None, *, follow_links: bool = False) -> DatasetFolder:
    """Return what is in a dataset's folder, without opening annotations or pictures.

    Args:
        root: the dataset.
        classes: which classes are read from its annotations (default: all).
        follow_links: whether links may lead out of it.

    Raises:
        DatasetError: this folder does not exist, no annotation in it, annotations in two layouts at once, a link leads
            out of it, or a list of a split cannot be read.
        UnfetchedError: there is no annotation, and what the repository says is not in this clone.
    """
    folder = survey_dataset(root, classes, follow_links=follow_links)
    folder.fence.require_closed()
    if folder.unread is not None:
        raise folder.unread
    return folder


def survey_dataset(root: Path, classes: ClassChoice | None = None, *, follow_links: bool = False) -> DatasetFolder:
    """Return what :func:`find_dataset` does, links that lead out among its findings: what they lead to is left out."""
    fence = Fence(root, follow_links=follow_links)
    parts = _parts(fence)
    names = sorted(file.path for part in parts for file in part.annotations)
    if not names:
        fence.require_closed()
        _require_fetched(root)
    if not names or (len(names) <= _FEW and _are_foreign(root / name for name in names)):
        raise DatasetError(f"{root}: there is no annotation (expected: {_LOOKED_FOR}). {_way(root)}")
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
        classes=classes or ClassChoice(),
        unread=division.unread,
    )


def _are_foreign(paths: Iterable[Path]) -> bool:
    """Return whether all of a few XML files are of another format: CVAT's one file for a whole set."""
    known = [recognise(path) for path in paths]
    return all(one is not None and one.source_format is not SourceFormat.VOC for one in known)


def _way(root: Path) -> str:
    """Return what to do with a folder that holds no dataset: people who have labels are told where they lie."""
    found = recognise(root)
    if found is None:
        return "Label the pictures in Pascal VOC format, or choose another folder with --dataset."
    deeper = _deeper(root) if found.source_format is SourceFormat.VOC else None
    if deeper is None:
        return found.way(root)
    folder, count, total = deeper
    rest = f" of {total}" if count < total else ""
    text = f"{count}{rest} annotations are deeper inside. Name that folder: --dataset {shlex.quote(str(folder))}"
    return f"{text}." if count == total else f"{text}, or all of them: {found.way(root)}"


def _deeper(root: Path) -> tuple[Path, int, int] | None:
    """Return the folder below in whose layout the most annotations lie, how many these are, and how many all are."""
    xml = [path for path in visible_files(root) if path.suffix.lower() == ".xml"]
    folders = {parent for path in xml for parent in path.parents if root in parent.parents}
    best: tuple[int, Path] | None = None
    for folder in sorted(folders, key=lambda path: (len(path.parts), path))[:_MOST_FOLDERS]:
        try:
            count = sum(len(part.annotations) for part in find_parts(Fence(folder, follow_links=False)))
        except (DatasetError, OSError):
            continue
        if count and (best is None or count > best[0]):
            best = (count, folder)
    return None if best is None else (best[1], best[0], len(xml))


def _require_fetched(root: Path) -> None:
    """Raise if the repository around a folder names files in it, or all of it, that are not in this clone."""
    absent: tuple[UnfetchedPath, ...] = find_unfetched(root)
    if absent:
        raise UnfetchedError(unfetched_message(root, absent))


def _parts(fence: Fence) -> list[DatasetPart]:
    root = fence.root
    if not root.is_dir():
        _require_fetched(root)
        found = "this is a file" if root.is_file() else "this folder does not exist"
        raise DatasetError(f"{root}: {found}. Name the folder of the dataset with --dataset.")
    try:
        if not any(root.iterdir()):
            _require_fetched(root)
            raise DatasetError(
                f"{root}: the folder is empty. Put labelled pictures there, or name another with --dataset."
            )
        return find_parts(fence)
    except OSError as error:
        fix = "Fix its permissions." if isinstance(error, PermissionError) else "Remove it, or correct what is there."
        name = clipped(str(error.filename), _MOST_LETTERS)
        raise DatasetError(f"{name}: cannot be read ({error.strerror}). {fix}") from error
