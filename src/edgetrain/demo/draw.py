"""Draw the demo's dataset."""

from __future__ import annotations

from edgetrain.core.errors import DatasetError
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import replacing_dir, write_json
from edgetrain.core.system.progress import listener
from edgetrain.core.workspace.reports import read_report
from edgetrain.demo.drawing import draw_dataset

_MARKER = "drawn.json"


def run(settings: Settings) -> None:
    """Draw the pictures of the settings into the dataset folder, unless they are there.

    Raises:
        DatasetError: the folder holds something that was not drawn by this project.
    """
    root, demo = settings.dataset.root, settings.demo
    wanted = {"pictures": demo.pictures, "seed": demo.seed}
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        drawn = read_report(root / _MARKER)
        if drawn is None:
            raise DatasetError(f"{root}: there is something here that the demo did not draw. Give another --dataset.")
        if drawn == wanted:
            return
    with replacing_dir(root) as temporary:
        draw_dataset(temporary, pictures=demo.pictures, seed=demo.seed)
        write_json(temporary / _MARKER, wanted)
    listener().noted(f"{demo.pictures} pictures drawn into {root}")
