"""Bring annotations of another format into the dataset as Pascal VOC XML, together with their pictures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import storage_error
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.import_plan import ImportTarget, PlannedFile

_STAGED = ".import-annotations.part"
_SHOWN = 20
_EVERY = 500


def run(settings: Settings, _workspace: Workspace) -> Outcome:
    """Write everything or nothing; what the dataset has already stays as it is.

    Raises:
        SettingsError: format or source is not given.
        MissingInputError: there is no such source.
        DatasetError: the source has faults, or the dataset has other annotations or pictures of the same names.
        StorageError: the dataset cannot be written.
    """
    wanted = settings.import_annotations
    if wanted.format is None or wanted.source is None:
        raise SettingsError("import-annotations needs a format and a source. Give --from and --source.")
    target = ImportTarget(settings.dataset.root, follow_links=settings.dataset.follow_links)
    reading = Reading()
    source = ImportSource(wanted.source, with_polygons=wanted.boxes_from_polygons, more_pictures=target.picture)
    annotations = read_annotations(wanted.format, source, reading)
    planned = target.plan(annotations, source, reading)
    reading.raise_faults("Nothing was written.")
    if not annotations.pictures:
        raise DatasetError(f"{wanted.source}: there is no picture in it. Correct --source or --from.")
    lists, split_note = target.plan_splits(annotations, planned)
    label_map, map_note = target.plan_label_map(annotations)
    new = _new_files([*planned, *lists, *label_map], target.root, replace=wanted.replace)
    _write(new, target.root)
    boxes = sum(len(picture.boxes) for picture in annotations.pictures)
    left_out = {name: count for name, count in sorted(annotations.left_out.items()) if count}
    notes = [f"left out, since Pascal VOC boxes cannot say it: {count} {name}" for name, count in left_out.items()]
    if any(name.startswith(("polygons", "shapes", "rotated")) for name in left_out):
        notes.append("--boxes-from-polygons takes the box around such shapes")
    notes += [note for note in (split_note, map_note) if note]
    written = sum(file.name.endswith(".xml") for file in new)
    copied = sum(isinstance(file.content, Path) for file in new)
    results = {
        "pictures": len(annotations.pictures),
        "boxes": boxes,
        "written": written,
        "copied": copied,
        "left_out": left_out,
        "classes": list(annotations.class_names()),
    }
    text = f"{counted(len(annotations.pictures), 'picture')}, {counted(boxes, 'box')}"
    return Outcome(f"{text}: {counted(written, 'annotation')} written, {copied} pictures copied", results, tuple(notes))


def _new_files(planned: Sequence[PlannedFile], root: Path, *, replace: bool) -> list[PlannedFile]:
    """Return the files that are not there as they should be.

    Raises:
        DatasetError: some are there and differ, and they may not be replaced.
        StorageError: one of them cannot be read.
    """
    new, different = [], []
    for done, file in enumerate(planned):
        path = root / file.name
        if done % _EVERY == 0:
            listener().advanced(done, len(planned), "files compared")
        try:
            if path.exists():
                different += [file] if file.differs_from(path) else []
            else:
                new.append(file)
        except OSError as error:
            raise storage_error(path, error) from error
    if different and not replace:
        shown = [f"{root / file.name}: differs from what the source says." for file in different[:_SHOWN]]
        more = f" (the first {_SHOWN} are shown)" if len(different) > _SHOWN else ""
        count = f"{counted(len(different), 'file')} of the dataset would be overwritten{more}."
        raise DatasetError("\n".join([*shown, f"{count} Nothing was written. --replace overwrites."]))
    return new + different


def _write(files: Sequence[PlannedFile], root: Path) -> None:
    """Write files beside their places first, then move all of them there, pictures before annotations.

    Raises:
        StorageError: the disk is full or the dataset cannot be written.
    """
    staged = root / _STAGED
    path = root
    try:
        for done, file in enumerate(files):
            path = staged / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file.content, Path):
                shutil.copyfile(file.content, path)
            else:
                path.write_bytes(file.content)
            if done % _EVERY == 0:
                listener().advanced(done, len(files), "files written")
        for file in files:
            path = root / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            (staged / file.name).replace(path)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
