"""Where imported pictures and annotations go in a dataset, and which of them are there already.

A picture ``sub/0001.jpg`` becomes ``images/sub/0001.jpg`` with ``annotations/sub/0001.xml``; folders that the dataset
has (``Annotations/``, ``JPEGImages/``) are used. Two pictures that differ only by their suffix keep it:
``annotations/0001.jpg.xml``.
"""

from __future__ import annotations

import filecmp
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Reading
from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGE_SUFFIXES, IMAGES_NAMES
from edgetrain.annotations.import_source import ImportSource, without_images_folder
from edgetrain.annotations.voc import parse_annotation, render_annotation
from edgetrain.core.annotation import Annotation
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_content
from edgetrain.core.wording import counted
from edgetrain.core.workspace.label_map_file import render_label_map
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.folder import LABEL_MAP_NAME
from edgetrain.dataset.layout import base_name, find_parts
from edgetrain.images.encoding import marked_upright, turned_upright
from edgetrain.images.header import UPRIGHT
from edgetrain.images.image_file import JPEG, PNG, ImageInfo, glance, read_image

_MOST_PICTURE_BYTES = 256 << 20
_QUARTER_TURNS = range(5, 9)
_SHOWN = 5


@dataclass(frozen=True)
class PlannedFile:
    """A file relative to the dataset, with its bytes or the picture that it is a copy of.

    A copied picture may be ``changed`` on its way: a function that gives other bytes for those of the picture.
    """

    name: str
    content: bytes | Path
    changed: Callable[[bytes], bytes] | None = None

    @property
    def is_picture(self) -> bool:
        """Whether this is a picture and no text."""
        return isinstance(self.content, Path)

    def made(self) -> bytes:
        """Return the bytes that are written.

        Raises:
            UnreadableImageError: the picture is damaged.
            OSError: it cannot be read.
        """
        if isinstance(self.content, bytes):
            return self.content
        data = read_image(self.content, self.name)
        return self.changed(data) if self.changed else data

    def differs_from(self, path: Path) -> bool:
        """Return whether an existing file says something else; XML that only looks different does not."""
        if isinstance(self.content, Path):
            if self.changed:
                return path.stat().st_size > _MOST_PICTURE_BYTES or path.read_bytes() != self.made()
            return not (path.samefile(self.content) or filecmp.cmp(path, self.content, shallow=False))
        found = file_content(path)
        if found == self.content:
            return False
        return path.suffix != ".xml" or _meaning(found) is None or _meaning(found) != _meaning(self.content)


def _meaning(data: bytes) -> tuple[object, ...] | None:
    """Return what an annotation says, without the lines where it says it; ``None`` if it has a fault."""
    annotation, problems = parse_annotation(data, Path())
    if annotation is None or problems:
        return None
    boxes = [replace(box, line=0) for box in annotation.boxes]
    return (base_name(annotation.filename or ""), annotation.size, boxes)


class ImportTarget:
    """The dataset that is imported into; need not exist."""

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        """Look for its folders.

        Raises:
            DatasetError: a link leads out of it, its annotations are beside the pictures or in split folders, or it
                cannot be read.
        """
        self.root = root
        self.annotations_dir, self.images_dir = ANNOTATIONS_NAMES[0], IMAGES_NAMES[-1]
        self.annotation_names: list[str] = []
        if not root.exists():
            return
        try:
            fence = Fence(root, follow_links=follow_links)
            parts = find_parts(fence)
            fence.require_closed()
            own = sorted(path.name for path in root.iterdir() if path.is_dir())
        except OSError as error:
            reason = error.strerror or str(error)
            raise DatasetError(f"{root}: cannot be read as a dataset ({reason}). Choose another --dataset.") from error
        self.annotation_names = [found.path for part in parts for found in part.annotations]
        if self.annotation_names and (parts[0].split or parts[0].annotations_dir == root):
            raise DatasetError(
                f"{root}: its annotations are next to the pictures or in split folders, so imported ones "
                "would not be found among them. Move them to annotations/ and images/, or choose another --dataset."
            )
        self.annotations_dir = next((name for name in own if name.lower() in ANNOTATIONS_NAMES), self.annotations_dir)
        self.images_dir = next((name for name in own if name.lower() in IMAGES_NAMES), self.images_dir)

    def picture(self, name: str) -> Path | None:
        """Return a picture that the dataset has; a name without suffix stands for any."""
        path = self.root / self.images_dir / without_images_folder(name)
        candidates = [path, *(path.with_name(path.name + suffix) for suffix in IMAGE_SUFFIXES)]
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def plan(self, annotations: AnnotationSet, source: ImportSource, reading: Reading) -> list[PlannedFile]:
        """Return the pictures and annotations to be written, pictures first; faults are noted."""
        paths = {id(picture): _sure_path_of(picture, source, reading) for picture in annotations.pictures}
        named = _distinct(annotations.pictures, paths, source.root, reading)
        names = [name for _, name in named]
        keys = Counter(_stem(name) for name in names)
        turned = _TurnedPictures(source, reading)
        copies, xml = [], []
        for picture, name in named:
            path = paths[id(picture)]
            upright, changed = turned.settled(picture, path, name)
            if path is not None:
                copies.append(PlannedFile(f"{self.images_dir}/{name}", path, changed))
            xml_name = name if keys[_stem(name)] > 1 else _stem(name)
            xml.append(self._annotation(f"{self.annotations_dir}/{xml_name}.xml", upright, name, reading))
        turned.report()
        return copies + xml

    def plan_splits(self, annotations: AnnotationSet, planned: Sequence[PlannedFile]) -> tuple[list[PlannedFile], str]:
        """Return the lists of the splits that the source brings along, and a note about them (empty: none).

        Args:
            annotations: the pictures, in the order of the planned annotations.
            planned: all planned files.
        """
        splits = [picture.split for picture in annotations.pictures]
        names = [file.name for file in planned if not file.is_picture]
        if len(set(splits)) == 1:
            return [], f"all pictures are in {splits[0].value}, so there is no division to keep" if splits[0] else ""
        if None in splits:
            return [], f"{splits.count(None)} pictures are in no split of the source, so its splits were not kept"
        if set(self.annotation_names) - set(names):
            return [], "the dataset has other annotations too, so the source's splits were not kept"
        listed = {split: sorted(name for name, own in zip(names, splits) if own is split) for split in Split}
        lists = [
            PlannedFile(f"splits/{split.value}.txt", "".join(f"{name}\n" for name in of_split).encode())
            for split, of_split in listed.items()
        ]
        text = ", ".join(f"{split.value} {len(of_split)}" for split, of_split in listed.items())
        there = [file for file in lists if (self.root / file.name).exists()]
        if any(file.differs_from(self.root / file.name) for file in there) or (self.root / "ImageSets").exists():
            return [], "the dataset already has splits, so the source's splits were not kept"
        missing = [split.value for split in (Split.TRAIN, Split.TEST) if not listed[split]]
        more = f": move some pictures to {' and '.join(missing)}, which must not be empty" if missing else ""
        return lists, f"the source's splits were kept in splits/ ({text}){more}"

    def plan_label_map(self, annotations: AnnotationSet) -> tuple[list[PlannedFile], str]:
        """Return the label map with the classes in the source's order, if the dataset has none, and a note about it.

        Raises:
            LabelMapError: the names would confuse two classes.
        """
        if not annotations.classes:
            return [], ""
        label_map = LabelMap(annotations.class_names())
        planned = PlannedFile(LABEL_MAP_NAME, render_label_map(label_map).encode())
        path = self.root / LABEL_MAP_NAME
        if path.exists():
            note = f"{LABEL_MAP_NAME} is the dataset's own; the source orders its classes differently"
            return [], note if planned.differs_from(path) else ""
        used = {box.class_name for picture in annotations.pictures for box in picture.boxes}
        unused = [name for name in label_map.names if name not in used]
        more = f"; without any box: {', '.join(unused)}" if unused else ""
        return [planned], f"{LABEL_MAP_NAME} has the source's classes in their order, ids from 1{more}"

    def _annotation(self, xml_name: str, picture: Picture, name: str, reading: Reading) -> PlannedFile:
        for box in picture.boxes:
            if not box.class_name.isprintable():
                place = replace(picture.place, line=box.line)
                reading.fault(place, f"the class name {box.class_name!r} is not one line of text. Correct it.")
        usable = tuple(box for box in picture.boxes if box.class_name.isprintable())
        annotation = Annotation(Path(xml_name), base_name(name), 1, picture.size, 1, usable)
        return PlannedFile(xml_name, render_annotation(annotation, folder=self.images_dir))


class _TurnedPictures:
    """Decides on pictures with an EXIF orientation, which training ignores, so that boxes and pixels agree.

    A size that the source states and that is the turned one shows that the boxes were drawn on the turned picture. The
    stored size shows nothing: tools write the one and draw on the other (HumanSignal/label-studio, issue 6608).
    """

    def __init__(self, source: ImportSource, reading: Reading) -> None:
        self._source, self._reading = source, reading
        self._unclear: list[tuple[Picture, str]] = []
        self._written: list[str] = []

    def settled(
        self, picture: Picture, path: Path | None, name: str
    ) -> tuple[Picture, Callable[[bytes], bytes] | None]:
        """Return a picture with the size that its boxes are of, and how its bytes are changed (``None``: not)."""
        info = _info(path)
        if path is None or info is None or info.exif_orientation == UPRIGHT:
            return picture, None
        is_quarter = info.exif_orientation in _QUARTER_TURNS and info.size.width != info.size.height
        turned = ImageSize(info.size.height, info.size.width) if is_quarter else info.size
        if path not in self._source.measured and is_quarter and picture.size == turned:
            return picture, None  # validate says so, and fix turns the pixels
        answer = self._source.choices.drawn_on
        if info.format not in (JPEG, PNG):
            text = f"{name}: {info.format.upper()} with an EXIF orientation, which training cannot read."
            fix = "Convert it to JPEG or PNG, turned as the labelling program shows it."
            self._reading.fault(picture.place, f"{text} {fix}")
            return picture, None
        if answer is None:
            self._unclear.append((picture, name))
            return picture, None
        self._written.append(name)
        if answer == "turned":
            return replace(picture, size=turned), partial(turned_upright, image_format=info.format, name=name)
        return replace(picture, size=info.size), partial(marked_upright, image_format=info.format, name=name)

    def report(self) -> None:
        """Note what was done, or as a fault that nobody knows what to do."""
        if self._written:
            how = "their pixels turned" if self._source.choices.drawn_on == "turned" else "their pixels as they were"
            count = counted(len(self._written), "picture")
            text = f"{count} with an EXIF orientation were made upright, {how}"
            self._reading.notes.append(f"{text}: {shown_names(self._written)}")
        if self._unclear:
            count = counted(len(self._unclear), "picture")
            text = f"{count} with an EXIF orientation: viewers turn such pictures, training does not, and nothing "
            text += "says which form the boxes were drawn on. Look at one of them in the program that drew the "
            text += 'boxes, then use "--boxes-drawn-on turned" or "--boxes-drawn-on stored"'
            names = shown_names([name for _, name in self._unclear])
            self._reading.fault(self._unclear[0][0].place, f"{text}: {names}.")


def _info(path: Path | None) -> ImageInfo | None:
    return None if path is None else glance(str(path)).info  # what cannot be read, validate tells


def shown_names(names: Sequence[str], most: int = _SHOWN) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()


def path_of(picture: Picture, source: ImportSource) -> Path | None:
    """Return where the picture that an annotation speaks of is; ``None`` if it is nowhere, or may be one of several."""
    folder = PurePosixPath(picture.place.file).parent.as_posix()
    return source.picture(picture.found_as or picture.name, picture.split, "" if folder == "." else folder)


def _sure_path_of(picture: Picture, source: ImportSource, reading: Reading) -> Path | None:
    path = path_of(picture, source)
    if path is None and picture.size is not None:
        text = (
            f"the picture {picture.name!r} is neither in {source.root} nor in the dataset, or its name is not unique."
        )
        reading.fault(picture.place, f"{text} Add it, or correct the name.")
    return path


def _distinct(
    pictures: Iterable[Picture], paths: dict[int, Path | None], root: Path, reading: Reading
) -> list[tuple[Picture, str]]:
    """Return each picture with its name in the dataset; equal names in different folders get the folder's name."""
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        groups[without_images_folder(picture.name)].append(picture)
    taken: dict[str, Picture] = {}
    named = {}
    for plain, group in groups.items():
        places = {paths[id(picture)] for picture in group}
        for picture in group:
            path = paths[id(picture)]
            is_apart = len(group) > 1 and len(places) == len(group) and path is not None and root in path.parents
            name = without_images_folder(path.relative_to(root).as_posix()) if is_apart and path else plain
            first = taken.setdefault(name.casefold(), picture)
            if first is not picture:
                reading.fault(picture.place, f"the picture {picture.name!r} is already in {first.place}. Remove one.")
            named[id(picture)] = (picture, name)
    return [named[id(picture)] for picture in pictures]
