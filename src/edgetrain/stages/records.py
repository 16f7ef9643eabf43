"""Write pictures and boxes as TFRecords, the form that training reads; no TensorFlow is needed for it.

Pictures are stored byte for byte. All splits are written to a temporary folder that replaces the earlier one at the
end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgetrain.core import progress
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError, LabelMapError
from edgetrain.core.files import replacing_dir
from edgetrain.core.findings import Severity, counted
from edgetrain.core.label_map import LabelMap
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.formats.dataset_folder import LabelledImage, find_dataset
from edgetrain.formats.dataset_rules import picture_findings
from edgetrain.formats.detection_example import DetectionExample, ExampleBox, encode_example
from edgetrain.formats.image_file import probe_bytes, read_image
from edgetrain.formats.pbtxt import read_label_map
from edgetrain.formats.tfrecord import write_records


def run(settings: Settings, workspace: Workspace) -> Report:
    """Write the shards of each split.

    Raises:
        MissingInputError: the dataset was not divided yet, or there is no label map.
        DatasetError: an annotation or picture has a fault, or there is no picture to train on.
        LabelMapError: a class is not in the label map.
    """
    folder = find_dataset(settings.dataset.root)
    label_map = read_label_map(workspace.label_map_path)
    images = {split: list(folder.read_listed(workspace.split_path(split))) for split in Split}
    if not images[Split.TRAIN]:
        raise DatasetError(f'{workspace.split_path(Split.TRAIN)}: no picture to train on. Run "ci/inv split" again.')
    _refuse_shared([image for of_split in images.values() for image in of_split])
    total = sum(map(len, images.values()))
    results: dict[str, object] = {}
    with replacing_dir(workspace.records_dir) as temporary:
        done = 0
        for split, of_split in images.items():
            shards = min(settings.records.shards, len(of_split))
            paths = [temporary / workspace.shard_path(split, shard, shards).name for shard in range(shards)]
            _write_shards(paths, of_split, label_map)
            done += len(of_split)
            progress.listener().advanced(done, total, "pictures")
            results[split.value] = _figures(paths, of_split)
    sizes = ", ".join(f"{split.value} {len(of_split)}" for split, of_split in images.items())
    return Report(
        f"{counted(total, 'picture')}: {sizes}", {"splits": results}, tuple(_notes(images, settings.records.shards))
    )


def _write_shards(paths: Sequence[Path], images: Sequence[LabelledImage], label_map: LabelMap) -> None:
    """Write picture ``i`` to shard ``i`` modulo the number of shards, so that shards differ by one picture at most."""
    for shard, path in enumerate(paths):
        write_records(path, (encode_example(_example(image, label_map)) for image in images[shard :: len(paths)]))


def _example(image: LabelledImage, label_map: LabelMap) -> DetectionExample:
    """Return a picture as training reads it, after all checks on it."""
    data = read_image(image.image_path, image.image_name)
    info = probe_bytes(data, image.image_name)
    findings = picture_findings(image.name, image.annotation, image.image_name, info)
    errors = [finding for finding in findings if finding.severity == Severity.ERROR.value]
    if errors:
        more = f"{len(errors) - 1} more here; " if len(errors) > 1 else ""
        first = errors[0]
        raise DatasetError(
            f'{first.file}:{first.line}: {first.message} {first.fix} ({more}"ci/inv validate" lists all)'
        )
    return DetectionExample(
        filename=image.image_path.name,
        source_id=image.image_name,
        image_bytes=data,
        image_format=info.format,
        size=info.size,
        boxes=tuple(_example_box(image.name, labelled, info.size, label_map) for labelled in image.annotation.boxes),
    )


def _example_box(name: str, labelled: LabelledBox, size: ImageSize, label_map: LabelMap) -> ExampleBox:
    try:
        class_id = label_map.class_id(labelled.class_name)
    except LabelMapError as error:
        raise LabelMapError(f'{name}:{labelled.line}: {error} Correct it, or run "ci/inv label-map" again.') from error
    return ExampleBox(labelled.box.normalize(size), labelled.class_name, class_id, labelled.is_difficult)


def _refuse_shared(images: Sequence[LabelledImage]) -> None:
    """Raise if two annotations share a picture: evaluation would drop the boxes of one of them."""
    owners: dict[str, str] = {}
    for image in images:
        owner = owners.setdefault(image.image_name, image.name)
        if owner != image.name:
            raise DatasetError(
                f"{image.name}:{image.annotation.filename_line}: the picture {image.image_name} belongs to {owner} "
                "already. Put all boxes into one annotation, or correct <filename>."
            )


def _figures(paths: Sequence[Path], images: Sequence[LabelledImage]) -> dict[str, object]:
    return {
        "images": len(images),
        "boxes": sum(len(image.annotation.boxes) for image in images),
        "shards": len(paths),
        "size_bytes": sum(path.stat().st_size for path in paths),
    }


def _notes(images: dict[Split, list[LabelledImage]], shards: int) -> Iterator[str]:
    for split, of_split in images.items():
        if not of_split:
            yield f"{split.value} has no pictures, so no TFRecord"
        elif len(of_split) < shards:
            yield f"{split.value} has {len(of_split)} pictures, so as many shards instead of {shards}"
