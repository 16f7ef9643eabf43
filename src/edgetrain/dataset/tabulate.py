"""Write the boxes of each split as a CSV table, the form that the Object Detection API's tutorials know."""

from __future__ import annotations

from collections.abc import Iterator

from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.folder import LabelledImage, find_dataset
from edgetrain.dataset.table import write_table
from edgetrain.dataset.table_rows import TableRow
from edgetrain.images.image_file import probe


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write one table for each split, rows in the order of its list.

    Raises:
        MissingInputError: the dataset was not divided yet.
        DatasetError: an annotation has a fault, or a picture is missing.
    """
    folder = find_dataset(settings.dataset.root, settings.dataset.classes, follow_links=settings.dataset.follow_links)
    rows = {
        split: [row for image in folder.read_listed(workspace.split_path(split)) for row in _rows(image)]
        for split in Split
    }
    for split, of_split in rows.items():
        write_table(workspace.table_path(split), of_split)
    counts = {split.value: len(of_split) for split, of_split in rows.items()}
    text = ", ".join(f"{split} {count}" for split, count in counts.items())
    return Outcome(f"rows: {text}", {"rows": counts})


def _rows(image: LabelledImage) -> Iterator[TableRow]:
    """Yield a row for each box, or one without a box for a picture without objects."""
    filename = image.image_path.name
    size = image.annotation.size or probe(image.image_path, image.image_name).size
    if not image.annotation.boxes:
        yield TableRow(filename, size, None, None)
    for labelled in image.annotation.boxes:
        yield TableRow(filename, size, labelled.class_name, labelled.box)
