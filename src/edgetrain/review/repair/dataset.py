"""All repairs of a dataset's folder: planned by reading, made by writing each file whole or not at all."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.annotations.voc import HARMLESS, parse_annotation
from edgetrain.annotations.voc_text import UneditableError, VocText, parse_text
from edgetrain.core.annotation import Annotation
from edgetrain.core.system import progress
from edgetrain.core.system.files import file_content, replacing_file, storage_error
from edgetrain.dataset.folder import DatasetFolder, DatasetItem
from edgetrain.images.encoding import turned_upright
from edgetrain.images.image_file import ImageInfo, UnreadableImageError, probe, read_image
from edgetrain.review.repair.annotation import Change, Repair, Subject, repair_of

# Where the repairs belong is the dataset itself.
_ELSEWHERE = "copy the dataset and give --dataset of the copy"


@dataclass(frozen=True)
class FileRepair:
    """One annotation, its picture and what is to be done; names are relative to the dataset."""

    name: str
    image_name: str
    image_format: str
    text: VocText
    repair: Repair

    def touched(self) -> list[str]:
        """Return the files that change, under their present names."""
        names = [self.name] if self.repair.edits else []
        return [*names, self.image_name] if self.repair.is_turned or self.repair.new_image_name else names

    def diff(self) -> list[str]:
        """Return the change of the annotation as lines of a unified diff, that of the picture as a line before it."""
        repair = self.repair
        lines = [f"turn {self.image_name}"] if repair.is_turned else []
        if repair.new_image_name:
            lines.append(f"rename {self.image_name} to {repair.new_image_name}")
        new = VocText(self.text.edited(repair.edits), self.text.encoding, self.text.root)
        sides = (f"a/{self.name}", f"b/{self.name}")
        return [*lines, *difflib.unified_diff(self.text.lines(), new.lines(), *sides, lineterm="", n=1)]


def plan_repairs(folder: DatasetFolder) -> tuple[list[FileRepair], list[Change]]:
    """Return the repairs of a dataset, by annotation, and what is left to a person; nothing is written."""
    planner = _Planner(folder)
    read = [planner.read(item) for item in folder.items]
    names = [item.image_name_of(one.filename or "") if one else None for item, (one, _) in zip(folder.items, read)]
    images = [folder.root / name if name else None for name in names]
    owners = Counter(image for image in images if image)
    for done, (item, (annotation, text), image) in enumerate(zip(folder.items, read, images), start=1):
        progress.listener().advanced(done, len(folder.items), "annotations")
        if annotation is None or text is None or image is None:
            continue
        if owners[image] > 1:
            reason = f"{folder.relative_name(image)} belongs to several annotations"
            planner.left.append(Change(item.name, annotation.filename_line, "image-shared", reason))
        elif item.annotation_path.is_symlink() or image.is_symlink():
            planner.left.append(Change(item.name, 1, "link", "it or its picture is a symbolic link"))
        else:
            planner.plan(item, annotation, text, image)
    return planner.repairs, planner.left


class _Planner:
    """Collects the repairs, and the names that they will have taken."""

    def __init__(self, folder: DatasetFolder) -> None:
        self.repairs: list[FileRepair] = []
        self.left: list[Change] = []
        self._folder = folder
        self._names: dict[Path, set[str]] = {}

    def read(self, item: DatasetItem) -> tuple[Annotation | None, VocText | None]:
        """Return an annotation and its text, if it has no fault of form and can be edited."""
        try:
            data = file_content(item.annotation_path, within=self._folder.fence.within)
        except OSError as error:
            self.left.append(Change(item.name, 1, "xml-malformed", f"cannot be read ({error.strerror})"))
            return None, None
        annotation, problems = parse_annotation(data, item.annotation_path)
        problems = [problem for problem in problems if problem.rule not in HARMLESS]
        if annotation is None or problems:
            first = problems[0]
            self.left.append(Change(item.name, first.line, first.rule, f"not checked, because {first.message}"))
            return None, None
        try:
            return annotation, parse_text(data)
        except UneditableError as error:
            self.left.append(Change(item.name, 1, "xml-encoding", f"not checked, because {error}"))
            return annotation, None

    def plan(self, item: DatasetItem, annotation: Annotation, text: VocText, image: Path) -> None:
        """Add the repair of an annotation that has a picture of its own."""
        name = self._folder.relative_name(image)
        info: ImageInfo | None
        try:
            info = probe(image)
        except UnreadableImageError:
            info = None
        repair = repair_of(Subject(item.name, text, annotation, name, info, lambda new: self._is_taken(image, new)))
        self.left += repair.left
        if repair.changes:
            self.repairs.append(FileRepair(item.name, name, info.format if info else "", text, repair))
            self._names_beside(image).add(Path(repair.new_image_name).name.casefold())

    def _names_beside(self, image: Path) -> set[str]:
        """Return all names in a picture's folder in lower case: file systems may not tell upper from lower."""
        if image.parent not in self._names:
            self._names[image.parent] = {path.name.casefold() for path in image.parent.iterdir()}
        return self._names[image.parent]

    def _is_taken(self, image: Path, new: str) -> bool:
        path = self._folder.root / new
        # A rename that was cut leaves the same file under both names.
        is_leftover = path.exists() and path.samefile(image)
        return path.name.casefold() in self._names_beside(image) and not is_leftover


def apply_repairs(root: Path, repairs: Sequence[FileRepair]) -> list[Change]:
    """Make repairs, and return what turned out to be left; cut at any place, planning and applying again completes it.

    Args:
        root: the dataset's folder.
        repairs: planned for its files as they are.

    Raises:
        StorageError: a file cannot be written, or a picture's new name was taken meanwhile.
    """
    left = []
    for done, one in enumerate(repairs, start=1):
        try:
            _apply(root, one)
        except UnreadableImageError as error:
            left.append(Change(one.image_name, 1, "image-unreadable", f"not turned, because {error.reason}"))
        progress.listener().advanced(done, len(repairs), "repairs")
    return left


def _apply(root: Path, one: FileRepair) -> None:
    image = root / one.image_name
    upright = turned_upright(read_image(image), one.image_format, one.image_name) if one.repair.is_turned else None
    # The picture first: an annotation finds its picture by the common name while <filename> is still the old one.
    if one.repair.new_image_name:
        image = _renamed(image, root / one.repair.new_image_name)
    if upright is not None:
        _write(image, upright)
    if one.repair.edits:
        _write(root / one.name, one.text.edited(one.repair.edits))


def _write(path: Path, data: bytes) -> None:
    with replacing_file(path, elsewhere=_ELSEWHERE) as temporary:
        temporary.write_bytes(data)


def _renamed(old: Path, new: Path) -> Path:
    """Give a file another name that is free; a plain rename would overwrite what has that name."""
    try:
        if new.exists() and new.samefile(old):
            old.unlink()
        else:
            _move(old, new)
    except OSError as error:
        raise storage_error(new, error, elsewhere=_ELSEWHERE) from error
    return new


def _move(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if new.exists():
            raise
        old.rename(new)
        return
    old.unlink()
