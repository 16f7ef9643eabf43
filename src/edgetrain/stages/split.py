"""Divide the dataset into train, validation and test: three lists of annotations.

A division that the dataset brings along is kept. Otherwise each picture's place depends on its annotation's name and
the seed only, and identical pictures stay together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from edgetrain.core.errors import DatasetError
from edgetrain.core.files import file_digest, replacing_dir
from edgetrain.core.findings import counted
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split, SplitFractions, assign_splits
from edgetrain.core.workspace import Workspace
from edgetrain.formats.dataset_folder import DatasetFolder, LabelledImage, find_dataset
from edgetrain.formats.image_file import quick_key
from edgetrain.formats.split_list import write_split_list
from edgetrain.formats.workspace_claim import claim_workspace

_MUST_HAVE = (Split.TRAIN, Split.TEST)


def run(settings: Settings, workspace: Workspace) -> Report:
    """Write the lists of the three splits; one without pictures is an empty file.

    Raises:
        DatasetError: an annotation or the dataset's own division has a fault, a split that is needed has no pictures,
            or the workspace belongs to another dataset.
    """
    folder = find_dataset(settings.dataset.root)
    images = [folder.read(item) for item in folder.items]
    digests = {image.image_name: file_digest(image.image_path) for image in images}
    claim_workspace(folder.root, {image.image_name: quick_key(image.image_path) for image in images}, workspace)
    groups = _groups(images, digests)
    if folder.division:
        splits, notes = _existing(folder, groups)
    else:
        fractions = SplitFractions(settings.split.validation, settings.split.test)
        splits, notes = assign_splits(groups, fractions=fractions, seed=settings.split.seed)
    members = {split: [image for image in images if splits.get(image.name) is split] for split in Split}
    with replacing_dir(workspace.splits_dir) as temporary:
        for split, chosen in members.items():
            write_split_list(temporary / workspace.split_path(split).name, [image.name for image in chosen])
    results = {
        "division": folder.division or "made",
        "groups": len(groups),
        "splits": {split.value: _figures(chosen) for split, chosen in members.items()},
    }
    sizes = ", ".join(f"{split.value} {len(chosen)}" for split, chosen in members.items())
    return Report(f"{counted(len(splits), 'picture')}: {sizes}", results, (*notes, *_missing_classes(members)))


def _groups(images: Sequence[LabelledImage], digests: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the annotations of identical pictures together, by the first one's name."""
    by_digest: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_digest[digests[image.image_name]].append(image.name)
    return {min(names): names for names in by_digest.values()}


def _existing(folder: DatasetFolder, groups: Mapping[str, Sequence[str]]) -> tuple[dict[str, Split], list[str]]:
    """Return the dataset's own division and what is unusual about it."""
    if folder.findings:
        lines = [str(finding) for finding in folder.findings]
        raise DatasetError("\n".join([f"{folder.division}: the lists of the splits have faults.", *lines]))
    splits = {item.name: item.split for item in folder.items if item.split is not None}
    for split in _MUST_HAVE:
        if split not in splits.values():
            raise DatasetError(
                f"{folder.root}: the dataset's own division ({folder.division}) has no picture for {split.value}. "
                "Add some, or remove the division to have one made."
            )
    notes = [f"the dataset's own division is kept ({folder.division})"]
    if Split.VALIDATION not in splits.values():
        notes.append("the dataset's own division has no validation split; that list is empty")
    if len(splits) < len(folder.items):
        notes.append(f"{len(folder.items) - len(splits)} annotations stand in no list of the division and are not used")
    for names in groups.values():
        places = sorted({splits[name].value for name in names if name in splits})
        if len(places) > 1:
            notes.append(f"identical pictures stand in {' and '.join(places)}: {', '.join(names)}")
    return splits, notes


def _figures(images: Sequence[LabelledImage]) -> dict[str, object]:
    classes = Counter(box.class_name for image in images for box in image.annotation.boxes)
    return {
        "images": len(images),
        "boxes": sum(classes.values()),
        "negatives": sum(not image.annotation.boxes for image in images),
        "classes": dict(sorted(classes.items())),
    }


def _missing_classes(members: Mapping[Split, Sequence[LabelledImage]]) -> list[str]:
    """Return a note for each split that lacks classes which others have."""
    classes = {
        split: {box.class_name for image in images for box in image.annotation.boxes}
        for split, images in members.items()
        if images
    }
    known = set().union(*classes.values())
    return [
        f"{split.value} has no box of {', '.join(sorted(known - present))}"
        for split, present in classes.items()
        if known - present
    ]
