"""The pictures of listed annotations, found one by one: no list of a dataset's files is held in memory.

Which picture belongs to an annotation is answered by ``dataset.layout``. Where a name alone does not tell (upper and
lower case, no ``<filename>``, another suffix), the dataset's files are listed after all, once.
"""

from __future__ import annotations

import functools
from pathlib import Path

from edgetrain.annotations.voc import read_annotation
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.folder import (
    DatasetFolder,
    DatasetItem,
    LabelledImage,
    find_dataset,
    labelled,
    require_inside,
)
from edgetrain.dataset.layout import ImagePlaces, image_places, picture_near


class PictureFinder:
    """Finds the ground truth and picture of annotations by their names relative to a dataset."""

    def __init__(self, root: Path, classes: ClassChoice | None = None, *, follow_links: bool = False) -> None:
        """Look for a dataset.

        Args:
            root: its folder.
            classes: which classes are read from its annotations (default: all).
            follow_links: whether links may lead out of it.

        Raises:
            DatasetError: this folder does not exist.
        """
        if not root.is_dir():
            raise DatasetError(f"{root}: this folder does not exist. Name the folder of the dataset with --dataset.")
        self._root, self._classes = root, classes or ClassChoice()
        self._fence = Fence(root, follow_links=follow_links)
        self._places = functools.lru_cache(maxsize=None)(self._admitted_places)

    def read(self, name: str, list_path: Path) -> LabelledImage:
        """Return an annotation's ground truth and picture.

        Args:
            name: the annotation relative to the dataset, with forward slashes.
            list_path: the list that names it.

        Raises:
            MissingInputError: there is no such annotation.
            DatasetError: the annotation has a fault, there is no picture, or a link leads out of the dataset.
        """
        path = self._root / name
        places: ImagePlaces = self._places(name.rpartition("/")[0])
        try:
            annotation = read_annotation(path, name, within=self._fence.within)
        except DatasetError as error:
            if path.is_file():
                raise
            raise self._gone(name, list_path) from error
        found = picture_near(self._root, name, annotation.filename or "", places)
        if found is None:
            if name not in self._items:
                raise self._gone(name, list_path)
            return self._folder.read(self._items[name])
        require_inside(self._root / found, self._fence)
        return labelled(self._root, name, annotation, found, self._classes)

    def _admitted_places(self, folder: str) -> ImagePlaces:
        """Return where the pictures of a folder's annotations lie; links out of the dataset are refused."""
        places = image_places(self._fence, folder)
        for place in (folder, *places):
            self._fence.admits(self._root / place)
        self._fence.require_closed()
        return places

    def _gone(self, name: str, list_path: Path) -> MissingInputError:
        return MissingInputError(f'{list_path}: names {name}, which is not in {self._root}. Run "ci/inv split" again.')

    @functools.cached_property
    def _folder(self) -> DatasetFolder:
        return find_dataset(self._root, self._classes, follow_links=self._fence.within is None)

    @functools.cached_property
    def _items(self) -> dict[str, DatasetItem]:
        return {item.name: item for item in self._folder.items}
