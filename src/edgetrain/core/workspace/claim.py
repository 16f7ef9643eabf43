"""The note in a workspace that says which dataset its results were made from: ``dataset.json``.

``{"root": "/data/boats", "images": {"images/0001.jpg": "<key>", …}}``; the key is made of a picture's size, first and
last bytes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import write_text
from edgetrain.core.workspace import Workspace


def claim_workspace(root: Path, keys: Mapping[str, str], workspace: Workspace) -> None:
    """Write down that the workspace holds the results of this dataset, unless just that is written there.

    Args:
        root: the dataset's folder.
        keys: that of each picture (``image_file.quick_key``) by its name relative to the dataset.
        workspace: where the note stands.

    Raises:
        DatasetError: it holds the results of another dataset, which shares no picture with this one.
    """
    place = str(root.resolve())
    # Names that are no text, such as those of old disks, become escapes.
    text = json.dumps({"root": place, "images": dict(sorted(keys.items()))}) + "\n"
    try:
        note = workspace.dataset_path.read_bytes()
    except OSError:
        note = b""
    if note == text.encode():
        return
    earlier_place, earlier = _parse_claim(note)
    earlier_keys = set(earlier.values())
    is_other = earlier_place != place and not earlier_keys & set(keys.values())
    if earlier_keys and keys and is_other:
        raise DatasetError(
            f"{workspace.root}: this workspace holds the results of the dataset {earlier_place}; {place} shares no "
            "picture with it. Give another --workspace."
        )
    write_text(workspace.dataset_path, text)


def _parse_claim(note: bytes) -> tuple[str, dict[str, str]]:
    """Return place and keys of the earlier dataset; both empty where there is none or the note is damaged."""
    try:
        claim = json.loads(note)
        return str(claim["root"]), {name: str(key) for name, key in claim["images"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", {}
