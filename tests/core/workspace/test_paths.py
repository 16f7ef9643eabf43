"""Every path, below one folder, with the names that others rely on."""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace

ROOT = Path("build")


def test_all_paths_are_below_the_root_and_differ():
    names = [name for name, value in vars(Workspace).items() if isinstance(value, property)]
    paths = [getattr(Workspace(ROOT), name) for name in names]

    assert all(ROOT in path.parents for path in paths)
    assert len(set(paths)) == len(paths)


def test_the_names_that_others_rely_on():
    workspace = Workspace(ROOT)

    assert workspace.relative(workspace.split_path(Split.VALIDATION)) == "splits/validation.txt"
    assert workspace.relative(workspace.table_path(Split.TEST)) == "annotations/test_labels.csv"
    assert workspace.relative(workspace.report_path("validate")) == "reports/validate.json"
    assert workspace.relative(workspace.shard_path(Split.TRAIN, 1, 2)) == "records/train.record-00001-of-00002"
    assert workspace.relative(workspace.shard_pattern(Split.TRAIN)) == "records/train.record-?????-of-?????"


def test_existing_shards_are_found_sorted(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.records_dir.mkdir()
    for shard in (1, 0):
        workspace.shard_path(Split.TRAIN, shard, 2).touch()
    workspace.shard_path(Split.TEST, 0, 1).touch()

    assert workspace.shard_paths(Split.TRAIN) == [workspace.shard_path(Split.TRAIN, shard, 2) for shard in (0, 1)]
    assert workspace.shard_paths(Split.VALIDATION) == []
