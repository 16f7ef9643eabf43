"""Give each class its id: the committed label map with new classes appended, else the names in sorted order."""

from __future__ import annotations

from edgetrain.annotations.voc import read_annotation
from edgetrain.core.errors import DatasetError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import write_text
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map, write_label_map
from edgetrain.dataset.folder import find_dataset

_SHOWN = 10


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the label map, and the class names in the order of a model's output.

    Raises:
        DatasetError: an annotation has a fault, or no annotation has a box.
        LabelMapError: the committed label map is malformed.
    """
    folder = find_dataset(settings.dataset.root, settings.dataset.classes, follow_links=settings.dataset.follow_links)
    within = folder.fence.within
    annotations = [read_annotation(item.annotation_path, item.name, within=within) for item in folder.items]
    read_names = {box.class_name for annotation in annotations for box in annotation.boxes}
    names = {box.class_name for annotation in map(folder.classes.of, annotations) for box in annotation.boxes}
    if not names:
        raise DatasetError(
            f"{folder.root}: no annotation has a box, so there is no class to learn. Label some objects."
        )
    is_committed = folder.label_map_path.is_file()
    committed = (
        read_label_map(folder.label_map_path, within=folder.fence.within, used={*names, *read_names})
        if is_committed
        else LabelMap(())
    )
    label_map = committed.extended(names)
    write_label_map(workspace.label_map_path, label_map)
    write_text(workspace.labels_path, "".join(f"{name}\n" for name in label_map.names))
    notes = []
    name = workspace.relative(workspace.label_map_path)
    place = f"copy {name} of the workspace to {folder.label_map_path.name} of the dataset and commit it"
    added = label_map.names[len(committed) :]
    if not is_committed:
        notes.append(f"ids follow the sorted names, so they change when a class is added. To fix them, {place}")
    elif added:
        notes.append(f"new classes were appended ({', '.join(added)}). To keep their ids, {place}")
    unused = sorted(set(committed.names) - names)
    if unused:
        notes.append(f"the committed label map has classes without any box: {', '.join(unused)}")
    results = {"classes": list(label_map.names), "added": list(added), "is_committed": is_committed}
    shown = ", ".join(label_map.names[:_SHOWN]) + (", …" if len(label_map) > _SHOWN else "")
    return Outcome(f"{counted(len(label_map), 'class')}: {shown}", results, tuple(notes))
