"""Write the dataset's annotations in another format."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture
from edgetrain.annotations.exchange import ambiguous_names, file_suffix, losses, render_file, render_folder
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.exchange import EmptiedPictures, ExchangeFormat
from edgetrain.core.system.files import replacing_dir, storage_error, write_text
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset.folder import DatasetFolder, DatasetItem, find_dataset
from edgetrain.images.image_file import probe

_SHOWN = 20
_ELSEWHERE = "give another --out"


def run(settings: Settings, _workspace: Workspace) -> Outcome:
    """Write one file where ``--out`` has the format's suffix, else a folder.

    Raises:
        SettingsError: format or target is not given.
        DatasetError: an annotation has a fault, the target exists, or two pictures cannot be told apart in the format.
        LabelMapError: the committed label map is malformed.
        StorageError: the target cannot be written.
    """
    wanted = settings.export_annotations
    if wanted.format is None or wanted.out is None:
        raise SettingsError("export-annotations needs a format and a target. Give --to and --out.")
    out = wanted.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: this already exists. Remove it, or choose another --out.")
    folder = find_dataset(settings.dataset.root, settings.dataset.classes, follow_links=settings.dataset.follow_links)
    paths, annotations = _read(folder)
    ambiguous = ambiguous_names(wanted.format, annotations)
    if ambiguous:
        shown = ", ".join(ambiguous[:_SHOWN])
        raise DatasetError(
            f"{folder.root}: {wanted.format.value} cannot tell {counted(len(ambiguous), 'picture')} from others that "
            f"differ only by the suffix or folder: {shown}. Rename them."
        )
    is_file = bool(out.suffix) and out.suffix.lower() == file_suffix(wanted.format)
    if is_file:
        write_text(out, render_file(wanted.format, annotations), elsewhere=_ELSEWHERE)
    else:
        _write_folder(out, wanted.format, annotations, paths)
    lost = losses(wanted.format, annotations, is_file=is_file)
    notes = [
        f"{name}: {count} skipped, because {wanted.format.value} has no field for it" for name, count in lost.items()
    ]
    notes.append("pose, truncated and occluded of the XML are never exported")
    if wanted.format is ExchangeFormat.YOLO and all(picture.split is None for picture in annotations.pictures):
        text = "the dataset has no splits, so data.yaml names the same folder for train and val"
        notes.append(f"{text}: split it first, or validation uses the pictures that training has seen")
    boxes = sum(len(picture.boxes) for picture in annotations.pictures)
    results = {"pictures": len(annotations.pictures), "boxes": boxes, "left_out": lost}
    text = f"{counted(len(annotations.pictures), 'picture')}, {boxes} boxes as {wanted.format.value}: {out}"
    return Outcome(text, results, tuple(notes))


def _read(folder: DatasetFolder) -> tuple[dict[str, Path], AnnotationSet]:
    """Return the pictures' paths by the names that they have in the other format, and the annotations."""
    paths: dict[str, Path] = {}
    pictures, emptied = [], list[str]()
    for item in folder.items:
        image = folder.read(item)
        if image.is_emptied and folder.classes.emptied is EmptiedPictures.LEAVE_OUT:
            continue
        emptied += [image.name] if image.is_emptied else []
        name = _name_of(folder, item, image.image_path)
        size = image.annotation.size or probe(image.image_path, image.image_name).size
        pictures.append(Picture(name, size, image.annotation.boxes, item.split))
        paths[name] = image.image_path
    folder.classes.refuse_emptied(emptied)
    has_map = folder.label_map_path.is_file()
    used = {box.class_name for picture in pictures for box in picture.boxes}
    classes = read_label_map(folder.label_map_path, within=folder.fence.within, used=used).names if has_map else ()
    return paths, AnnotationSet(tuple(pictures), classes)


def _name_of(folder: DatasetFolder, item: DatasetItem, path: Path) -> str:
    """Return a picture's name below its image folder; in split folders the split's name comes before it."""
    image_dir = next(place for place in item.part.image_dirs if place in path.parents)
    name = path.relative_to(image_dir).as_posix()
    is_divided = len(folder.parts) > 1 and item.part.split is not None
    return f"{item.part.split.value}/{name}" if is_divided and item.part.split else name


def _write_folder(out: Path, target_format: ExchangeFormat, annotations: AnnotationSet, paths: dict[str, Path]) -> None:
    with replacing_dir(out, elsewhere=_ELSEWHERE) as temporary:
        for name, content in render_folder(target_format, annotations):
            path = temporary / PurePosixPath(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Picture):
                    shutil.copyfile(paths[content.name], path)
                else:
                    path.write_bytes(content.encode())
            except OSError as error:
                raise storage_error(path, error, elsewhere=_ELSEWHERE) from error
