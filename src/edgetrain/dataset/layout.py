"""Where the annotations and pictures of a dataset's folder lie: the layouts that ``dataset.folder`` accepts."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from edgetrain.annotations.folder_names import ANNOTATIONS_NAMES, IMAGE_SUFFIXES, IMAGES_NAMES, SPLIT_NAMES, same_form
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.dataset.fence import Fence

_ANNOTATION_SUFFIX = ".xml"
_MOST_DEEP = 100


ImagePlaces = Sequence[str]


class FoundFile(NamedTuple):
    """A file of a dataset: its path relative to the dataset, the subfolder it is in (``.``: none), its own name."""

    path: str
    place: str
    name: str


class Listing(NamedTuple):
    """The visible files of one folder, sorted: its subfolder (``.``: none), how paths in it begin, their own names."""

    place: str
    start: str
    names: list[str]


class ImageIndex:
    """The pictures of some folders, relative to the dataset, found by name or stem in a subfolder (``.``: none)."""

    def __init__(self, listings: Sequence[Listing] = ()) -> None:
        """Index what is in the folders; of two files with the same place and name, the first one counts."""
        others = [(one, [name for name in one.names if name[-4:].lower() != _ANNOTATION_SUFFIX]) for one in listings]
        self._pictures = [(one, [name for name in names if _suffix(name) in IMAGE_SUFFIXES]) for one, names in others]
        self.names = tuple(one.start + name for one, names in self._pictures for name in names)
        self.by_name: dict[str, dict[str, str]] = {}
        for one, names in others:
            earlier = self.by_name.get(one.place, {})
            self.by_name[one.place] = {**earlier, **{name: one.start + name for name in names}, **earlier}

    @functools.cached_property
    def _by_stem(self) -> dict[str, dict[str, str]]:
        """Pictures by their names without suffix; most datasets never ask."""
        found: dict[str, dict[str, str]] = {}
        for one, names in self._pictures:
            index = found.setdefault(one.place, {})
            for name in names:
                index.setdefault(name[: -len(_suffix(name))], one.start + name)
        return _with_folded(found)

    @functools.cached_property
    def _by_folded_name(self) -> dict[str, dict[str, str]]:
        return _with_folded(self.by_name)

    @functools.cached_property
    def _by_form(self) -> dict[str, dict[str, str]]:
        """Pictures by the composed form of their names without percent codes, whole and without suffix."""
        found: dict[str, dict[str, str]] = {}
        for one, names in self._pictures:
            index = found.setdefault(one.place, {})
            for name in names:
                index.setdefault(same_form(name), one.start + name)
                index.setdefault(same_form(name[: -len(_suffix(name))]), one.start + name)
        return _with_folded(found)

    def find(self, name: str, stem: str, place: str) -> str | None:
        """Return the picture called ``name``, else the one whose name without suffix, or whole name, is ``stem``.

        Upper and lower case are told apart only where both exist; Unicode's forms and percent codes likewise.
        """
        found = self.by_name.get(place, {}).get(name)
        if found is not None:
            return found
        places = (place,) if place == "." else (place, ".")
        indices = [(self._by_folded_name, name), (self._by_stem, stem), (self._by_folded_name, stem)]
        # Of the other forms most datasets have none: their index is made where all else has failed.
        for own_index, wanted in (*indices, (None, same_form(name)), (None, same_form(stem))):
            index = self._by_form if own_index is None else own_index
            for subfolder in places:
                known = index.get(subfolder, {})
                found = known.get(wanted) or known.get(wanted.casefold())
                if found is not None:
                    return found
        return None


def _with_folded(places: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return paths by their names, and by their names without case where these are free; the first path stays."""
    return {
        place: {**{name.casefold(): known[name] for name in reversed(known)}, **known}
        for place, known in places.items()
    }


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

        Only the last part of ``filename`` counts; a picture outside the image folders is never found. What
        :func:`picture_near` answers without a list of the files is the same.
        """
        wanted = base_name(filename)
        # Most pictures have the very name that the annotation states: one look-up tells.
        named = self.images.by_name.get(found.place, {}).get(wanted)
        return named or self.images.find(wanted, stem_of(found.name), found.place)


def base_name(filename: str) -> str:
    """Return what stands behind the last slash or backslash."""
    return filename.replace("\\", "/").rpartition("/")[2]


def stem_of(path: str) -> str:
    """Return the last part of a path with forward slashes, without its suffix."""
    name = path.rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def find_parts(fence: Fence) -> list[DatasetPart]:
    """Return the parts of a dataset: one for each split folder, else one for the whole.

    Args:
        fence: that of the dataset; it notes the folders that are left out, since links lead out of it.

    Raises:
        DatasetError: there are annotations both in the dataset's own folder and in split folders.
    """
    root = fence.root
    whole = _find_part(fence, root, None)
    divided = [
        _find_part(fence, folder, SPLIT_NAMES[folder.name.lower()]) for folder in _folders(fence, root, SPLIT_NAMES)
    ]
    divided = [part for part in divided if part.annotations]
    if divided and whole.annotations:
        raise DatasetError(
            f"{root}: annotations are both in {whole.annotations_dir} and in {divided[0].annotations_dir}. "
            "Keep one of the two layouts."
        )
    return divided or [whole]


def find_only_part(root: Path, need: str, *, follow_links: bool = False) -> DatasetPart:
    """Return the one part of a dataset whose splits have no folders of their own.

    Args:
        root: the dataset.
        need: what for, as the message ends: "new pictures need one".
        follow_links: whether links may lead out of it.

    Raises:
        DatasetError: this folder does not exist, a link leads out of it, or each split has one of its own.
    """
    if not root.is_dir():
        fault = "this is a file" if root.exists() else "this folder does not exist"
        raise DatasetError(f"{root}: {fault}. Name the folder of the dataset with --dataset.")
    fence = Fence(root, follow_links=follow_links)
    parts = find_parts(fence)
    fence.require_closed()
    if len(parts) > 1:
        name = parts[0].annotations_dir.relative_to(root).parts[0]
        raise DatasetError(
            f"{root}: each split has its own folder, and {need}. Name it: --dataset {name} below this folder."
        )
    return parts[0]


def image_places(fence: Fence, folder: str) -> ImagePlaces:
    """Return where the pictures of the annotations in a folder lie, without listing any file of it.

    Args:
        fence: that of the dataset.
        folder: that of annotations, relative to the dataset with forward slashes (empty: the dataset itself).

    Returns:
        The beginnings of the pictures' paths relative to the dataset, empty or ending in a slash, the likeliest first.
        Empty if other places have to be looked at too.
    """
    root = fence.root
    steps = folder.split("/") if folder else []
    part = steps.pop(0) if steps and steps[0].lower() in SPLIT_NAMES else ""
    is_own = bool(steps) and steps[0].lower() in ANNOTATIONS_NAMES
    subfolder = "/".join(steps[1:] if is_own else steps)
    image_dirs = _folders(fence, root / part, IMAGES_NAMES)
    is_plain = is_own or not _folders(fence, root / part, ANNOTATIONS_NAMES)
    if not is_plain or (subfolder and not (is_own and image_dirs)):
        return ()
    dirs = image_dirs or dict.fromkeys((root / folder, root / part))
    starts = (path.relative_to(root).as_posix() for path in dirs)
    end = f"{subfolder}/" if subfolder else ""
    return [f"{'' if start == '.' else f'{start}/'}{end}" for start in starts]


def picture_near(root: Path, name: str, filename: str, places: ImagePlaces) -> str | None:
    """Return what :meth:`DatasetPart.image_name_of` does where the name alone tells; ``None``: list the files.

    Args:
        root: the dataset.
        name: the annotation, relative to the dataset with forward slashes.
        filename: what the annotation says in ``<filename>``.
        places: those of its folder, see :func:`image_places`.
    """
    wanted = base_name(filename)
    if not wanted or wanted.startswith(".") or wanted.lower().endswith(_ANNOTATION_SUFFIX):
        return None  # the list of files leaves such out
    for place in places if name.lower().endswith(_ANNOTATION_SUFFIX) else ():
        found = f"{place}{wanted}"
        if os.path.isfile(f"{root}{os.sep}{found}"):  # noqa: PTH113 - a Path costs more than the question
            return found
    return None


def _find_part(fence: Fence, folder: Path, split: Split | None) -> DatasetPart:
    own = _folders(fence, folder, ANNOTATIONS_NAMES)
    if len(own) > 1:
        raise DatasetError(
            f"{folder}: there are both {own[0].name}/ and {own[1].name}/. Put all annotations into one of them."
        )
    annotations_dir, is_deep = (own[0], True) if own else (folder, False)
    annotations: list[FoundFile] = []
    for one in _listings(fence, annotations_dir, is_deep):
        names = [name for name in one.names if name[-4:].lower() == _ANNOTATION_SUFFIX]
        annotations += map(FoundFile, [one.start + name for name in names], repeat(one.place), names)
    image_dirs = _folders(fence, folder, IMAGES_NAMES)
    are_deep = bool(image_dirs)
    image_dirs = image_dirs or list(dict.fromkeys((annotations_dir, folder)))
    listings = [one for place in image_dirs for one in _listings(fence, place, are_deep)] if annotations else []
    return DatasetPart(annotations_dir, tuple(annotations), tuple(image_dirs), ImageIndex(listings), split)


def _folders(fence: Fence, folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the folders with one of the names in any case, in the order of the names."""
    with os.scandir(folder) as entries:
        found = sorted(folder / entry.name for entry in entries if entry.name.lower() in names and entry.is_dir())
    found = [path for path in found if fence.admits(path)]
    return [path for name in names for path in found if path.name.lower() == name]


def _listings(fence: Fence, folder: Path, is_deep: bool) -> Iterator[Listing]:
    """Yield what is in a folder; if ``is_deep``, in its subfolders too, each once however linked."""
    seen: set[Path] = set()
    places = [folder]
    while places:
        place = places.pop()
        if len(place.parts) - len(folder.parts) > _MOST_DEEP:
            # The cost of resolving links grows with the cube of the depth, which a stranger chooses.
            raise DatasetError(f"{folder}: folders lie more than {_MOST_DEEP} deep in it. Move up what they hold.")
        real = place.resolve()
        if real in seen or not fence.admits(place, real):
            continue
        seen.add(real)
        with os.scandir(place) as entries:
            found = list(entries)
        # Of a plain file the listing itself tells what it is; a link that leads to itself is no folder.
        folders = {entry.name for entry in found if not entry.is_file(follow_symlinks=False) and Path(entry).is_dir()}
        names = sorted([entry.name for entry in found if not entry.name.startswith(".")])
        if is_deep:
            places += [place / name for name in reversed(names) if name in folders]
        start = place.relative_to(fence.root).as_posix()
        files = [name for name in names if name not in folders] if folders else names
        yield Listing(place.relative_to(folder).as_posix(), "" if start == "." else f"{start}/", files)


def _suffix(name: str) -> str:
    """Return the end of a visible file's name from its last dot, in lower case; a Path takes ten times as long."""
    start = name.rfind(".")
    return name[start:].lower() if start > 0 else ""
