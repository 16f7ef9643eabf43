"""Measure the dataset as the network will see it: counts by split and class, box sizes, and which anchors fit them.

Pictures are measured by their own header, never by ``<size>``. What cannot be measured is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.exchange import EmptiedPictures
from edgetrain.core.splits import Split
from edgetrain.core.system import progress
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.division import read_split_list
from edgetrain.dataset.folder import DatasetFolder, find_dataset
from edgetrain.dataset.stats.anchor_grid import read_anchor_shapes
from edgetrain.dataset.stats.figures import MeasuredBox, MeasuredPicture, anchor_stats, part_stats, size_map
from edgetrain.dataset.stats.text import render_stats
from edgetrain.images.image_file import probe


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Measure all pictures.

    Raises:
        DatasetError: there is no dataset, or nothing in it can be measured.
    """
    folder = find_dataset(settings.dataset.root, settings.dataset.classes, follow_links=settings.dataset.follow_links)
    splits = _splits(folder, workspace)
    pictures, faults, bad_boxes = _measure(folder, splits)
    if not pictures:
        raise DatasetError(f'{folder.root}: no picture can be measured ({faults[0]}). Run "ci/inv validate".')
    size, small_side = settings.network.image_size, settings.validate.min_box_side
    parts = _by_split(pictures) if splits else {}
    boxes = [one for picture in pictures for one in picture.boxes]
    stats: dict[str, object] = {
        "image_size": size,
        "small_side": small_side,
        "parts": {name: part_stats(part, size, small_side) for name, part in [*parts.items(), ("all", pictures)]},
        "anchors": anchor_stats(boxes, read_anchor_shapes(settings.network.type.value, size), size),
        "size_map": size_map(boxes),
        "left_out": {"annotations": len(faults), "boxes": bad_boxes},
    }
    notes = []
    if faults or bad_boxes:
        left = f"{counted(len(faults), 'annotation')} and {counted(bad_boxes, 'box')}"
        notes.append(f'{left} were skipped because of faults: "ci/inv validate" lists them')
    classes = len({one.class_name for one in boxes})
    figures = (counted(len(pictures), "picture"), counted(len(boxes), "box"), counted(classes, "class"))
    return Outcome(", ".join(figures), {**stats, "text": render_stats(stats)}, tuple(notes))


def _splits(folder: DatasetFolder, workspace: Workspace) -> Mapping[str, str]:
    """Return the split of each annotation: that of the workspace's lists, else the dataset's own."""
    lists = {split: workspace.split_path(split) for split in Split}
    if all(path.is_file() for path in lists.values()):
        return {one.name: split.value for split, path in lists.items() for one in read_split_list(path)}
    return {item.name: item.split.value for item in folder.items if item.split is not None}


def _by_split(pictures: Sequence[MeasuredPicture]) -> dict[str, list[MeasuredPicture]]:
    """Return the pictures of each split, and of none where there are such."""
    parts = {split.value: [one for one in pictures if one.split == split.value] for split in Split}
    rest = [one for one in pictures if not one.split]
    return {**parts, "no split": rest} if rest else parts


def _measure(folder: DatasetFolder, splits: Mapping[str, str]) -> tuple[list[MeasuredPicture], list[str], int]:
    """Return the measured pictures, why others could not be measured, and the number of boxes without an area."""
    pictures, faults, bad_boxes = [], [], 0
    for done, item in enumerate(folder.items, start=1):
        try:
            labelled = folder.read(item)
            size = probe(labelled.image_path, labelled.image_name).size
        except DatasetError as error:
            faults.append(str(error))
        else:
            boxes = tuple(_measured(item.name, labelled.annotation, size))
            bad_boxes += len(labelled.annotation.boxes) - len(boxes)
            # What dataset.classes leaves out is no picture that is learnt from.
            if not (labelled.is_emptied and folder.classes.emptied is EmptiedPictures.LEAVE_OUT):
                pictures.append(MeasuredPicture(splits.get(item.name, ""), boxes))
        progress.listener().advanced(done, len(folder.items), "pictures")
    return pictures, faults, bad_boxes


def _measured(name: str, annotation: Annotation, size: ImageSize) -> Iterator[MeasuredBox]:
    for labelled in annotation.boxes:
        box = _as_fractions(labelled, size)
        if box.area > 0:
            yield MeasuredBox(labelled.class_name, box, f"{name}:{labelled.line}")


def _as_fractions(labelled: LabelledBox, size: ImageSize) -> BoundingBox:
    """Return the part of a box that lies in its picture, as fractions of that."""
    box = labelled.box.normalize(size)
    return BoundingBox(max(0.0, box.xmin), max(0.0, box.ymin), min(1.0, box.xmax), min(1.0, box.ymax))
