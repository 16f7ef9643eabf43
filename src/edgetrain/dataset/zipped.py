"""A dataset that is given as the zip that a tool exported: unpacked into the workspace, once for each state of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgetrain.annotations.archive import is_archive, unpack
from edgetrain.annotations.recognition import recognise
from edgetrain.core.errors import DatasetError
from edgetrain.core.settings import Settings
from edgetrain.core.settings.exchange import SourceFormat
from edgetrain.core.system.files import changed_at, replacing_dir
from edgetrain.core.workspace import Workspace


def with_unzipped_dataset(settings: Settings) -> Settings:
    """Return settings whose dataset is a folder: as they are, or that of the unpacked zip.

    Raises:
        DatasetError: the archive is refused.
        StorageError: there is no room for it.
    """
    root = settings.dataset.root
    if not is_archive(root):
        return settings
    state = root.stat()
    unzipped = Workspace(settings.workspace.root).unzipped_dir
    folder = unzipped / f"{state.st_size:x}-{changed_at(state):x}" / root.stem
    if not folder.is_dir():
        with replacing_dir(unzipped) as temporary:
            target = temporary / folder.relative_to(unzipped)
            target.mkdir(parents=True)
            unpack(root, target)
    inner = _inner(folder)
    found = recognise(inner)
    if found is not None and found.source_format is not SourceFormat.VOC:
        raise DatasetError(f"{root}: this archive has no Pascal VOC annotation. {found.way(root)}")
    return replace(settings, dataset=replace(settings.dataset, root=inner))


def _inner(folder: Path) -> Path:
    """Return the folder that alone lies in a folder, if that is so: many tools pack one around all."""
    inside = list(folder.iterdir())
    return _inner(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder
