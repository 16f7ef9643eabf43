"""The note in a workspace that says which dataset its results were made from: ``dataset.json``.

``{"root": "/data/boats", "images": {"images/0001.jpg": "<SHA-256>", …}}``
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.files import write_json
from edgetrain.core.workspace import Workspace


def claim_workspace(root: Path, digests: Mapping[str, str], workspace: Workspace) -> None:
    """Write down that the workspace holds the results of this dataset.

    Args:
        root: the dataset's folder.
        digests: SHA-256 of each picture by its name relative to the dataset.
        workspace: where the note stands.

    Raises:
        DatasetError: it holds the results of another dataset, which shares no picture with this one.
    """
    place = str(root.resolve())
    earlier_place, earlier_digests = _read_claim(workspace.dataset_path)
    is_other = earlier_place != place and not earlier_digests & set(digests.values())
    if earlier_digests and digests and is_other:
        raise DatasetError(
            f"{workspace.root}: this workspace holds the results of the dataset {earlier_place}; {place} shares no "
            f"picture with it. Give another --workspace, or remove {workspace.root}."
        )
    write_json(workspace.dataset_path, {"root": place, "images": dict(digests)})


def _read_claim(path: Path) -> tuple[str, set[str]]:
    """Return place and digests of the earlier dataset; both empty where there is none or the note is damaged."""
    try:
        claim = json.loads(path.read_text(encoding="utf-8"))
        return str(claim["root"]), {str(digest) for digest in claim["images"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", set()
