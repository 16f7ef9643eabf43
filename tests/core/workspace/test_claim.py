"""A workspace belongs to one dataset, wherever that moves, until it shares no picture with it."""

from __future__ import annotations

import json
import re

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.workspace.claim import claim_workspace

OURS = {"images/a.jpg": "1", "images/b.jpg": "2"}
THEIRS = {"images/a.jpg": "3"}


@pytest.mark.parametrize(
    ("place", "digests"),
    [
        pytest.param("ours", OURS, id="unchanged"),
        pytest.param("ours", THEIRS, id="same place, all pictures new"),
        pytest.param("theirs", {"images/c.jpg": "2"}, id="moved and renamed, one picture kept"),
        pytest.param("theirs", {}, id="no picture could be read"),
    ],
)
def test_a_dataset_that_changes_or_moves_keeps_its_workspace(tmp_path, workspace, place, digests):
    claim_workspace(tmp_path / "ours", OURS, workspace)

    claim_workspace(tmp_path / place, digests, workspace)

    claim = json.loads(workspace.dataset_path.read_text())
    assert claim == {"root": str(tmp_path / place), "images": digests}


def test_a_claim_that_says_the_same_is_left_alone(tmp_path, workspace):
    claim_workspace(tmp_path, OURS, workspace)
    before = workspace.dataset_path.stat()

    claim_workspace(tmp_path, OURS, workspace)

    assert workspace.dataset_path.stat().st_ino == before.st_ino


def test_another_dataset_is_refused_and_the_claim_stays(tmp_path, workspace):
    claim_workspace(tmp_path / "ours", OURS, workspace)
    before = workspace.dataset_path.read_bytes()

    expected = (
        f"{workspace.root}: this workspace holds the results of the dataset {tmp_path}/ours; {tmp_path}/theirs shares "
        "no picture with it. Give another --workspace."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(expected)}$"):
        claim_workspace(tmp_path / "theirs", THEIRS, workspace)
    assert workspace.dataset_path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"root": "x", "images": 3}', "\xff"])
def test_a_damaged_claim_is_written_anew(tmp_path, workspace, text):
    workspace.root.mkdir()
    workspace.dataset_path.write_text(text, encoding="latin-1")

    claim_workspace(tmp_path, OURS, workspace)

    assert json.loads(workspace.dataset_path.read_text())["images"] == OURS
