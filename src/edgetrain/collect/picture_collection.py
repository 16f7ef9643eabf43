"""The pictures of a dataset and their ``attribution.csv``, always in step.

A picture is added in three steps: its bytes under a hidden name, its row (the whole file replaced), its own name. A run
that was cut in between is completed by the next one that opens the collection: a hidden picture whose row is there gets
its name, any other is removed. A row whose picture is gone stays: somebody did not want that picture, and it is not
fetched again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from edgetrain.collect.attribution import NAME, Attribution, read_attributions, write_attributions
from edgetrain.collect.candidates import Candidate
from edgetrain.collect.picture_intake import Picture
from edgetrain.core.system.files import storage_error
from edgetrain.core.system.folders import visible_files
from edgetrain.dataset.layout import find_only_part

_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_HIDDEN_END = ".collecting"
_NEW_DIR = "images"


class PictureCollection:
    """The pictures below a dataset's folder, the folder where new ones go, and whose they are."""

    def __init__(self, root: Path, *, left_out: Path) -> None:
        """Open a dataset, which need not exist, and complete what a cut run left.

        Args:
            root: the dataset.
            left_out: a folder that does not belong to it even if it lies inside: the workspace.

        Raises:
            DatasetError: it has a folder for each split, or its ``attribution.csv`` has a fault.
            StorageError: it cannot be read or written.
        """
        self._root, self._left_out = root, left_out
        self._csv_path = root / NAME
        try:
            self.images_dir = _images_dir(root)
            self.rows = read_attributions(self._csv_path)
            self._complete()
        except OSError as error:
            raise storage_error(Path(error.filename or root), error) from error
        self._urls = {row.image_url for row in self.rows}
        self._stems = {Path(row.file).stem for row in self.rows}

    def pictures(self) -> list[Path]:
        """Return all visible pictures, sorted."""
        found = (path for path in visible_files(self._root) if path.suffix.lower() in _SUFFIXES)
        return [path for path in found if self._left_out not in path.parents]

    def count(self, query: str, providers: Collection[str]) -> int:
        """Return how many pictures of a query are there."""
        return sum(row.query == query and row.provider in providers and self._is_there(row) for row in self.rows)

    def gone(self) -> int:
        """Return how many rows have no picture any more."""
        return sum(not self._is_there(row) for row in self.rows)

    def has(self, candidate: Candidate) -> bool:
        """Return whether a candidate has a row, with or without its picture."""
        end = f"-{candidate.key}"
        return candidate.image_url in self._urls or any(stem.endswith(end) for stem in self._stems)

    def is_taken(self, stem: str) -> bool:
        """Return whether a file in the folder of the pictures has a name with that stem."""
        return any(path.stem == stem for path in self.images_dir.glob(f"{stem}.*"))

    def add(self, candidate: Candidate, picture: Picture, *, query: str, retrieved: str) -> Path:
        """Add a picture with its row and return its path.

        Raises:
            StorageError: the disk is full or the folder cannot be written; row and picture stay in step.
        """
        path = self.images_dir / f"{candidate.stem(query)}{picture.suffix}"
        row = Attribution(
            file=path.relative_to(self._root).as_posix(),
            title=candidate.title,
            creator=candidate.creator,
            licence=candidate.licence,
            licence_url=candidate.licence_url,
            source_page=candidate.source_page,
            image_url=candidate.image_url,
            provider=candidate.provider,
            query=query,
            retrieved=retrieved,
            sha256=picture.sha256,
        )
        hidden = path.with_name(f".{path.name}{_HIDDEN_END}")
        try:
            self.images_dir.mkdir(parents=True, exist_ok=True)
            hidden.write_bytes(picture.data)
            write_attributions(self._csv_path, [*self.rows, row])
            hidden.replace(path)
        except OSError as error:
            raise storage_error(path, error) from error
        self.rows.append(row)
        self._urls.add(row.image_url)
        self._stems.add(path.stem)
        return path

    def _is_there(self, row: Attribution) -> bool:
        return (self._root / row.file).is_file()

    def _complete(self) -> None:
        """Finish or remove what a run that was cut has left."""
        digests = {row.file: row.sha256 for row in self.rows}
        for hidden in sorted(self.images_dir.glob(f".*{_HIDDEN_END}")):
            path = hidden.with_name(hidden.name[1 : -len(_HIDDEN_END)])
            wanted = digests.get(path.relative_to(self._root).as_posix())
            if not path.exists() and hashlib.sha256(hidden.read_bytes()).hexdigest() == wanted:
                hidden.replace(path)
            else:
                hidden.unlink()
        for left in _left_tables(self._csv_path):
            left.unlink()


def _left_tables(csv_path: Path) -> Iterator[Path]:
    """Yield the temporary files of tables that were being written when a run was cut."""
    yield from csv_path.parent.glob(f".{csv_path.name}.*.part")


def _images_dir(root: Path) -> Path:
    """Return where new pictures go: where the dataset has its own, else a folder for them."""
    if not root.exists():
        return root / _NEW_DIR
    part = find_only_part(root, "new pictures need one", follow_links=True)
    found = part.image_dirs[0]
    is_own = found != root or part.annotations or any(path.suffix.lower() in _SUFFIXES for path in root.iterdir())
    return found if is_own else root / _NEW_DIR
