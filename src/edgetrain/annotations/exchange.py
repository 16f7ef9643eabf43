"""The formats of annotations by name: who reads them, who writes them, and what each of them cannot say."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Reading
from edgetrain.annotations.box_table import read_box_table, render_box_table
from edgetrain.annotations.coco import read_coco, render_coco
from edgetrain.annotations.cvat import read_cvat, render_cvat
from edgetrain.annotations.import_source import ImportSource, split_of_name
from edgetrain.annotations.labelme import read_labelme, render_labelme
from edgetrain.annotations.open_images import read_open_images, render_boxes, render_descriptions, render_pictures
from edgetrain.annotations.readers.label_studio import read_label_studio
from edgetrain.annotations.readers.via import read_via
from edgetrain.annotations.readers.voc_tree import read_voc_tree
from edgetrain.annotations.shapes import BoxAround
from edgetrain.annotations.yolo import read_yolo, render_data_yaml, render_labels
from edgetrain.core.settings.exchange import ExchangeFormat, SourceFormat
from edgetrain.core.splits import Split
from edgetrain.core.wording import counted

_READERS: Mapping[SourceFormat, Callable[[ImportSource, Reading], AnnotationSet]] = {
    SourceFormat.CSV: read_box_table,
    SourceFormat.COCO: read_coco,
    SourceFormat.YOLO: read_yolo,
    SourceFormat.CVAT: read_cvat,
    SourceFormat.LABELME: read_labelme,
    SourceFormat.OPEN_IMAGES: read_open_images,
    SourceFormat.VOC: read_voc_tree,
    SourceFormat.VIA: read_via,
    SourceFormat.LABEL_STUDIO: read_label_studio,
}
_SINGLE: Mapping[ExchangeFormat, tuple[str, Callable[[AnnotationSet], str]]] = {
    ExchangeFormat.CSV: ("labels.csv", render_box_table),
    ExchangeFormat.COCO: ("annotations.json", render_coco),
    ExchangeFormat.CVAT: ("annotations.xml", render_cvat),
}
_WITHOUT_DIFFICULT = (ExchangeFormat.CSV, ExchangeFormat.YOLO, ExchangeFormat.OPEN_IMAGES)
_WITHOUT_CLASS_ORDER = (ExchangeFormat.CSV, ExchangeFormat.LABELME)
# In these a picture's file is named without its suffix, so two of one name cannot be told apart.
_WITHOUT_SUFFIX = (ExchangeFormat.YOLO, ExchangeFormat.LABELME, ExchangeFormat.OPEN_IMAGES)


def read_annotations(source_format: SourceFormat, source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of a source; what is wrong or left out is noted in ``reading``.

    Raises:
        DatasetError: there is nothing to read at all.
    """
    return _divided(_without_overhang(_READERS[source_format](source, reading), reading), source)


def _divided(annotations: AnnotationSet, source: ImportSource) -> AnnotationSet:
    """Return pictures of which those that no file puts into a split are in the one that their folders tell."""
    pictures = []
    for picture in annotations.pictures:
        split = picture.split or split_of_name(posixpath.dirname(_place_of(picture, source)))
        pictures.append(replace(picture, split=split) if split is not picture.split else picture)
    return replace(annotations, pictures=tuple(pictures))


def _place_of(picture: Picture, source: ImportSource) -> str:
    """Return where a picture is, relative to the source; its name if it is not there."""
    path = source.picture(picture.found_as or picture.name, None, posixpath.dirname(picture.place.file))
    return path.relative_to(source.root).as_posix() if path and source.root in path.parents else picture.name


def _without_overhang(annotations: AnnotationSet, reading: Reading) -> AnnotationSet:
    """Return pictures whose boxes around other shapes end at the picture's edge; drawn boxes stay as they are."""
    pictures, cut = [], 0
    for picture in annotations.pictures:
        boxes = []
        for labelled in picture.boxes:
            if isinstance(labelled.box, BoxAround):
                inside = labelled.box.cut(picture.size)
                cut += vars(inside) != vars(labelled.box)
                boxes.append(replace(labelled, box=inside))
            else:
                boxes.append(labelled)
        pictures.append(replace(picture, boxes=tuple(boxes)))
    if cut:
        reading.notes.append(
            f"{counted(cut, 'box')} around such shapes extended beyond the picture and were cut at its edge"
        )
    return replace(annotations, pictures=tuple(pictures))


def file_suffix(target_format: ExchangeFormat) -> str:
    """Return the suffix with which ``--out`` names one file; empty where the format is always a folder."""
    return PurePosixPath(_SINGLE[target_format][0]).suffix if target_format in _SINGLE else ""


def render_file(target_format: ExchangeFormat, annotations: AnnotationSet) -> str:
    """Return a whole annotation set as the text of one file, for a format that has a suffix."""
    return _SINGLE[target_format][1](annotations)


def render_folder(target_format: ExchangeFormat, annotations: AnnotationSet) -> Iterator[tuple[str, str | Picture]]:
    """Yield the files of a folder: relative name, and text or the picture that is copied there."""
    if target_format is ExchangeFormat.YOLO:
        yield from _yolo_files(annotations)
    elif target_format is ExchangeFormat.LABELME:
        for picture in annotations.pictures:
            path = PurePosixPath(picture.name)
            yield path.with_suffix(".json").as_posix(), render_labelme(picture, path.name)
            yield picture.name, picture
    elif target_format is ExchangeFormat.OPEN_IMAGES:
        yield "class-descriptions.csv", render_descriptions(annotations.class_names())
        for prefix, part in _parts(annotations):
            yield f"{prefix}annotations-bbox.csv".replace("_", "-"), render_boxes(part.pictures)
            yield f"{prefix}images.csv".replace("_", "-"), render_pictures(part.pictures)
    elif target_format is ExchangeFormat.CVAT:
        yield _SINGLE[target_format][0], render_cvat(annotations)
    else:
        name, render = _SINGLE[target_format]
        for prefix, part in _parts(annotations):
            yield prefix + name, render(part)


def losses(target_format: ExchangeFormat, annotations: AnnotationSet, *, is_file: bool) -> dict[str, int]:
    """Return what a format cannot say of an annotation set, counted; nothing else is lost."""
    lost = {}
    difficult = sum(box.is_difficult for picture in annotations.pictures for box in picture.boxes)
    if target_format in _WITHOUT_DIFFICULT:
        lost["difficult flags"] = difficult
    if target_format in _WITHOUT_CLASS_ORDER:
        lost["class ids"] = len(annotations.classes)
    if target_format is ExchangeFormat.LABELME or (is_file and target_format is not ExchangeFormat.CVAT):
        lost["places in a split"] = sum(picture.split is not None for picture in annotations.pictures)
    return {name: count for name, count in lost.items() if count}


def ambiguous_names(target_format: ExchangeFormat, annotations: AnnotationSet) -> list[str]:
    """Return the pictures whose names a format cannot tell from an earlier one's."""
    seen: set[str] = set()
    found = []
    for picture in annotations.pictures:
        path = PurePosixPath(picture.name)
        key = path.with_suffix("").as_posix() if target_format in _WITHOUT_SUFFIX else picture.name
        found += [picture.name] if key in seen else []
        seen.add(key)
    return found


def _parts(annotations: AnnotationSet) -> Iterator[tuple[str, AnnotationSet]]:
    """Yield the pictures of each split with the start of its files' names; those of no split have none."""
    for split in (None, *Split):
        pictures = tuple(picture for picture in annotations.pictures if picture.split is split)
        if pictures or (split is None and not annotations.pictures):
            prefix = f"{split.value}_" if split else ""
            yield prefix, AnnotationSet(pictures, annotations.class_names())


def _yolo_files(annotations: AnnotationSet) -> Iterator[tuple[str, str | Picture]]:
    classes = annotations.class_names()
    folders: dict[Split, str] = {}
    for picture in annotations.pictures:
        folder = ""
        if picture.split:
            folders[picture.split] = f"images/{picture.split.value}"
            # Pictures of a dataset in split folders have that folder in their names already.
            is_there = picture.name.startswith(f"{picture.split.value}/")
            folder = "" if is_there else f"{picture.split.value}/"
        name = f"{folder}{picture.name}"
        yield f"images/{name}", picture
        yield f"labels/{PurePosixPath(name).with_suffix('.txt').as_posix()}", render_labels(picture, classes)
    yield "data.yaml", render_data_yaml(classes, folders or {Split.TRAIN: "images", Split.VALIDATION: "images"})
