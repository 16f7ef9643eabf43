"""The pictures of listed annotations, found one by one: no list of a dataset's files is held in memory.

Gives the same pictures as ``dataset.folder``. Where a name alone does not tell (upper and lower case, no
``<filename>``, another suffix), the dataset's files are listed after all, once.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from edgetrain.annotations.voc import read_annotation
from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.dataset.folder import DatasetFolder, DatasetItem, LabelledImage, find_dataset, labelled
from edgetrain.dataset.layout import ImagePlaces, base_name, image_places


class PictureFinder:
    """Finds the ground truth and picture of annotations by their names relative to a dataset."""

    def __init__(self, root: Path, classes: ClassChoice | None = None) -> None:
        """Look for a dataset.

        Args:
            root: its folder.
            classes: which classes are read from its annotations (default: all).

        Raises:
            DatasetError: there is no such folder.
        """
        if not root.is_dir():
            raise DatasetError(f"{root}: there is no such folder. Name the folder of the dataset with --dataset.")
        self._root, self._classes = root, classes or ClassChoice()
        self._places = functools.lru_cache(maxsize=None)(lambda folder: image_places(root, folder))

    def read(self, name: str, list_path: Path) -> LabelledImage:
        """Return an annotation's ground truth and picture.

        Args:
            name: the annotation relative to the dataset, with forward slashes.
            list_path: the list that names it.

        Raises:
            MissingInputError: there is no such annotation.
            DatasetError: the annotation has a fault, or there is no picture.
        """
        path = self._root / name
        try:
            annotation = read_annotation(path, name, within=self._root)
        except DatasetError as error:
            if path.is_file():
                raise
            raise self._gone(name, list_path) from error
        found = self._near(name, base_name(annotation.filename or ""))
        if found is None:
            if name not in self._items:
                raise self._gone(name, list_path)
            return self._folder.read(self._items[name])
        return labelled(self._root, name, annotation, found, self._classes)

    def _gone(self, name: str, list_path: Path) -> MissingInputError:
        return MissingInputError(f'{list_path}: names {name}, which is not in {self._root}. Run "ci/inv split" again.')

    def _near(self, name: str, filename: str) -> str | None:
        """Return the picture that is called as ``<filename>`` says and lies where the annotation's pictures do."""
        if not filename or filename.startswith(".") or filename.lower().endswith(".xml"):
            return None  # the list of files leaves such out
        folder, _, own_name = name.rpartition("/")
        places: ImagePlaces = self._places(folder) if own_name.lower().endswith(".xml") else ()
        for place in places:
            found = f"{place}{filename}"
            if os.path.isfile(f"{self._root}{os.sep}{found}"):  # noqa: PTH113 - a Path costs more than the question
                return found
        return None

    @functools.cached_property
    def _folder(self) -> DatasetFolder:
        return find_dataset(self._root, self._classes)

    @functools.cached_property
    def _items(self) -> dict[str, DatasetItem]:
        return {item.name: item for item in self._folder.items}
