"""Any tree of Pascal VOC XML: the VOC devkit, exports of several tools, several sets at once.

Accepted: each ``.xml`` below the source with ``<annotation>`` as its root; ``<object>`` as in
:mod:`edgetrain.annotations.voc`, and with the shapes of :mod:`edgetrain.annotations.readers.voc_shapes`, which become
the smallest box around them unless that is declined. A picture is looked for by ``<filename>``, then by the
annotation's own name: beside it, in ``images/`` or ``JPEGImages/`` where it is in ``annotations/`` or ``labels/``, then
anywhere::

    VOCdevkit/VOC2012/Annotations/0001.xml  JPEGImages/0001.jpg  ImageSets/Main/{train,val,test}.txt
    labels/train/0001.xml                   images/train/0001.jpg
    sets/a/0001.xml                         sets/a/0001.jpg

The splits are those of ``ImageSets/Main``, else those that names of folders tell. An annotation without objects is a
negative example. Left out and counted: parts, polygons beside a box, and objects with ``<deleted>1</deleted>``, which
LabelMe of MIT keeps.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGES_NAMES, SPLIT_NAMES
from edgetrain.annotations.import_source import ImportSource, SourceFile, read_text, split_of_name
from edgetrain.annotations.readers.voc_shapes import Shapes
from edgetrain.annotations.voc import HARMLESS, parse_annotation
from edgetrain.core.annotation import Annotation
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_content
from edgetrain.core.wording import counted

_LABELS_NAMES = (*ANNOTATIONS_NAMES, "labels", "xml", "xmls", "labels_xml")
_LISTS = ("imagesets", "main")


def read_voc_tree(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all annotations, sorted by the annotations' names; no order of classes is stated."""
    tree = _Tree(source, reading)
    pictures = [picture for file in source.files(".xml") if (picture := tree.picture(file))]
    return AnnotationSet(tuple(pictures), (), reading.counts())


class _Tree:
    """Reads annotations one by one."""

    def __init__(self, source: ImportSource, reading: Reading) -> None:
        self._source, self._reading = source, reading
        self._splits = _listed_splits(source, reading)
        self.used: set[str] = set()

    def picture(self, file: SourceFile) -> Picture | None:
        place = Place(file.name)
        shapes = Shapes(are_boxed=self._source.choices.with_polygons)
        annotation = self._annotation(file, shapes)
        if annotation is None:
            return None
        found = self._find(file, annotation.filename or "")
        if found is None:
            stated = annotation.filename or PurePosixPath(file.name).stem
            text = f"the picture {stated!r} is not next to the annotation, nor the only source picture of that name."
            self._reading.fault(Place(file.name, annotation.filename_line), f"{text} Add it, or correct <filename>.")
            return None
        self.used.add(found)
        size = annotation.size
        if size is None or 0 in (size.width, size.height):
            size = self._source.size_of(self._source.path(found), place, found, self._reading)
        for kind, count in shapes.lost.items():
            for _ in range(count):
                self._reading.lose(kind, found, place)
        self._reading.boxed.update(shapes.boxed)
        self._reading.left_out.update(shapes.beside)
        return Picture(found, size, annotation.boxes, self._split(file), place, found_as=found)

    def _annotation(self, file: SourceFile, shapes: Shapes) -> Annotation | None:
        try:
            data = file_content(file.path)
        except OSError as error:
            self._reading.fault(Place(file.name), f"cannot be read ({error.strerror}). Fix its permissions.")
            return None
        annotation, problems = parse_annotation(data, Path(), shapes)
        for problem in problems:
            if problem.rule not in HARMLESS:
                self._reading.fault(Place(file.name, problem.line), f"{problem.message} {problem.fix}")
        return annotation

    def _find(self, file: SourceFile, filename: str) -> str | None:
        """Return the name of an annotation's picture relative to the source."""
        own = filename.replace("\\", "/").rpartition("/")[2]
        stem = PurePosixPath(file.name).stem
        for folder in _folders(file.folder):
            for name in (own, stem):
                found = self._in_folder(folder, name) if name else None
                if found:
                    return found
        for name in (filename, stem):
            stated = self._source.stated_picture(name, self._reading, split=file.split, folder=file.folder)
            path = self._source.picture(stated, file.split, file.folder) if stated else None
            if path is not None and self._source.root in path.parents:
                return path.relative_to(self._source.root).as_posix()
        return None

    def _in_folder(self, folder: str, name: str) -> str | None:
        spelled = self._source.spelled(f"{folder}/{name}".lstrip("/"))
        if spelled in self._source.picture_set:
            return spelled
        suffixed = (f"{folder}/{PurePosixPath(name).stem}{suffix}".lstrip("/") for suffix in self._source.suffixes)
        return next(
            (found for one in suffixed if (found := self._source.spelled(one)) in self._source.picture_set), None
        )

    def _split(self, file: SourceFile) -> Split | None:
        folder, stem = PurePosixPath(file.name).parent, PurePosixPath(file.name).stem
        listed = self._splits.get((folder.parent.as_posix(), stem))
        return listed or split_of_name(folder.as_posix())


def _folders(folder: str) -> list[str]:
    """Return the folders where the pictures of annotations in a folder may be, likeliest first."""
    parts = PurePosixPath(folder).parts if folder else ()
    at = max((index for index, part in enumerate(parts) if part.lower() in _LABELS_NAMES), default=None)
    if at is None:
        return [folder, *(f"{folder}/{images}".lstrip("/") for images in IMAGES_NAMES)]
    swapped = ["/".join((*parts[:at], images, *parts[at + 1 :])) for images in IMAGES_NAMES]
    return [*swapped, folder, "/".join((*parts[:at], *parts[at + 1 :]))]


def _listed_splits(source: ImportSource, reading: Reading) -> dict[tuple[str, str], Split]:
    """Return the splits in ``ImageSets/Main`` by the set's folder and the annotation's name without suffix."""
    found: dict[tuple[str, str], Split] = {}
    torn: set[tuple[str, str]] = set()
    for name in source.names(".txt"):
        path = PurePosixPath(name)
        split = SPLIT_NAMES.get(path.stem.lower())
        if split is None or tuple(part.lower() for part in path.parts[-3:-1]) != _LISTS:
            continue
        real = source.path(name)
        text = (read_text(real, name, reading) if real else None) or ""
        for line in text.splitlines():
            words = line.split()
            key = (PurePosixPath(*path.parts[:-3]).as_posix(), words[0]) if words else ("", "")
            if words and found.setdefault(key, split) is not split:
                torn.add(key)
    if torn:
        text = (
            f"{counted(len(torn), 'annotation')} in several ImageSets/Main lists: no split taken (first {min(torn)[1]})"
        )
        reading.notes.append(text)
    return {key: split for key, split in found.items() if key not in torn}
