"""Bring annotations of another format into the dataset as Pascal VOC XML, together with their pictures."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgetrain.annotations.annotation_set import AnnotationSet, PictureKey, Place, Reading
from edgetrain.annotations.archive import opened
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource, ReadingChoices
from edgetrain.annotations.recognition import recognise
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.exchange import EmptiedPictures, SourceFormat
from edgetrain.core.system.files import storage_error
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.fence import LINK_FIX
from edgetrain.dataset.import_plan import ImportTarget, PlannedFile, path_of, shown_names

_STAGED = ".import-annotations.part"
_SHOWN = 20
_ELSEWHERE = "give another --dataset"
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
    if wanted.source is None:
        raise SettingsError("import-annotations needs a format and a source. Give --from and --source.")
    with opened(wanted.source) as source:
        found = recognise(source) if source.exists() else None
        if wanted.format is None:
            way = f" {found.way(wanted.source)}" if found else " Give --from and --source."
            raise SettingsError(f"import-annotations needs a format and a source.{way}")
        try:
            return _Import(settings, wanted.format, source).run()
        except DatasetError as error:
            # A zip lies unpacked in a folder that is gone when the message is read.
            text = str(error).replace(str(source), str(wanted.source))
            is_other = found is not None and found.source_format is not wanted.format
            more = f"\n{wanted.source}: {found.way(wanted.source)}" if found and is_other else ""
            raise DatasetError(f"{text}{more}") from error


class _Import:
    """One import: read, decide, plan, write, report."""

    def __init__(self, settings: Settings, source_format: SourceFormat, source: Path) -> None:
        self._wanted, self._format, self._path = settings.import_annotations, source_format, source
        self._target = ImportTarget(settings.dataset.root, follow_links=settings.dataset.follow_links)
        self._follows_links = settings.dataset.follow_links
        self._reading = Reading(most_bytes=self._wanted.max_megabytes << 20)

    def run(self) -> Outcome:
        wanted, target, reading = self._wanted, self._target, self._reading
        choices = ReadingChoices(
            with_polygons=wanted.boxes_from_polygons,
            with_crowds=wanted.boxes_from_crowds,
            drawn_on=wanted.boxes_drawn_on.value if wanted.boxes_drawn_on else None,
            columns=wanted.columns,
            class_name=wanted.class_name.strip(),
        )
        source = ImportSource(
            self._path, choices=choices, more_pictures=target.picture, follow_links=self._follows_links
        )
        self._refuse_links(source)
        found = read_annotations(self._format, source, reading)
        annotations = self._settled(found)
        planned = target.plan(annotations, source, reading)
        reading.raise_faults("Nothing was written.")
        if not annotations.pictures:
            reasons = f" ({'; '.join(reading.notes)})" if reading.notes else ""
            way = "Nothing was written." if found.pictures else "Correct --source or --from."
            raise DatasetError(f"{self._path}: it contains no usable picture{reasons}. {way}")
        self._note_unused(source, found)
        lists, split_note = target.plan_splits(annotations, planned)
        label_map, map_note = target.plan_label_map(annotations)
        new = _new_files([*planned, *lists, *label_map], target.root, replace=wanted.replace)
        _write(new, target.root)
        return self._report(annotations, new, [note for note in (split_note, map_note) if note])

    def _refuse_links(self, source: ImportSource) -> None:
        """Note a fault for each link that leads out of the folder that is imported: it may lead to anything."""
        for path, target in source.outside.items() if self._path.is_dir() else ():
            text = f"a link points outside the source, to {target}. {LINK_FIX}"
            self._reading.fault(Place(path.relative_to(source.root).as_posix()), text)

    def _settled(self, annotations: AnnotationSet) -> AnnotationSet:
        """Return the pictures that are imported: those that lost all their objects are not silently negatives."""
        emptied = self._reading.emptied(annotations.pictures)
        if not emptied or self._wanted.emptied_pictures is EmptiedPictures.NEGATIVES:
            return annotations
        kinds = sorted({kind for lost in emptied.values() for kind in lost})
        names = [name for name, _ in emptied]
        if self._wanted.emptied_pictures is EmptiedPictures.LEAVE_OUT:
            note = (
                f"{counted(len(names), 'picture')} skipped, because they lost all their objects: {shown_names(names)}"
            )
            self._reading.notes.append(note)
            kept = (one for one in annotations.pictures if (one.name, one.place) not in emptied)
            return replace(annotations, pictures=tuple(kept))
        place = next(place for _, place in emptied)
        text = f"of {counted(len(names), 'picture')} no object remains, because {' and '.join(kinds)} are skipped"
        self._reading.fault(
            place,
            f"{text}: {shown_names(names)}. As negatives they would teach that they show nothing. {self._way(kinds)}",
        )
        return annotations

    def _note_unused(self, source: ImportSource, annotations: AnnotationSet) -> None:
        """Note the pictures below the source of which no annotation speaks: they may show anything."""
        used = {path_of(picture, source) for picture in annotations.pictures}
        unused = [name for name in source.picture_names if source.path(name) not in used]
        if unused:
            count = counted(len(unused), "picture")
            self._reading.notes.append(f"{count} in the source without an annotation, not imported (first {unused[0]})")

    def _way(self, kinds: Sequence[str]) -> str:
        ways = [] if self._wanted.boxes_from_polygons else ["run without --no-boxes-from-polygons"]
        if not self._wanted.boxes_from_crowds and {"crowds", "groups"} & set(kinds):
            ways.append("use their boxes with --boxes-from-crowds")
        ways += [
            "skip the pictures with --emptied-pictures leave-out",
            "or keep them with --emptied-pictures negatives",
        ]
        sentence = ", ".join(ways)
        return f"{sentence[0].upper()}{sentence[1:]}."

    def _report(self, annotations: AnnotationSet, new: Sequence[PlannedFile], notes: Sequence[str]) -> Outcome:
        boxes = sum(len(picture.boxes) for picture in annotations.pictures)
        written = sum(file.name.endswith(".xml") for file in new)
        copied = sum(file.is_picture for file in new)
        results = {
            "pictures": len(annotations.pictures),
            "boxes": boxes,
            "written": written,
            "copied": copied,
            "left_out": dict(sorted(self._reading.counts().items())),
            "lost": {kind: _by_name(pictures) for kind, pictures in sorted(self._reading.lost.items())},
            "boxed": {kind: count for kind, count in sorted(self._reading.boxed.items()) if count},
            "found_by_name": dict(sorted(self._reading.by_name.items())),
            "classes": list(annotations.class_names()),
        }
        text = f"{counted(len(annotations.pictures), 'picture')}, {counted(boxes, 'box')}"
        summary = f"{text}: {counted(written, 'annotation')} written, {counted(copied, 'picture')} copied"
        return Outcome(summary, results, (*self._notes(), *notes))

    def _notes(self) -> Iterator[str]:
        reading = self._reading
        for kind, count in sorted(reading.boxed.items()):
            if count:
                way = "" if kind in {"crowds", "groups"} else " (--no-boxes-from-polygons skips them)"
                yield f"{kind}: {count} became the box around them{way}"
        for kind, count in sorted(reading.counts().items()):
            names = sorted({name for name, _ in reading.lost.get(kind, ())})
            where = f", in {shown_names(names, _SHOWN)}" if names else ""
            yield f"{kind}: {count} skipped, because Pascal VOC boxes have no field for it{where}"
        if reading.lost and not self._wanted.boxes_from_polygons:
            yield "--boxes-from-polygons uses the box around such shapes"
        if reading.by_name:
            stated, name = next(iter(reading.by_name.items()))
            found = counted(len(reading.by_name), "picture")
            yield f"{found} found by name, because the given path does not match (first {stated!r}: {name})"
        yield from reading.notes


def _by_name(pictures: Mapping[PictureKey, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (name, _), count in pictures.items():
        counts[name] += count
    return dict(sorted(counts.items()))


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
            raise storage_error(path, error, elsewhere=_ELSEWHERE) from error
    if different and not replace:
        shown = [f"{root / file.name}: differs from the source." for file in different[:_SHOWN]]
        more = f" (the first {_SHOWN} are shown)" if len(different) > _SHOWN else ""
        count = f"{counted(len(different), 'file')} of the dataset would be overwritten{more}."
        raise DatasetError("\n".join([*shown, f"{count} Nothing was written. Use --replace to overwrite."]))
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
            if isinstance(file.content, Path) and not file.changed:
                shutil.copyfile(file.content, path)
            else:
                path.write_bytes(file.made())
            if done % _EVERY == 0:
                listener().advanced(done, len(files), "files written")
        for file in files:
            path = root / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            (staged / file.name).replace(path)
    except OSError as error:
        raise storage_error(path, error, elsewhere=_ELSEWHERE) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
