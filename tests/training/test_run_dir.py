"""Whose run is in the run directory, and what outlives a workspace; a mistake costs nothing."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from edgetrain.core.errors import StorageError, TrainingError
from edgetrain.core.system.files import write_json, write_text
from edgetrain.core.system.progress import Listener, listening
from edgetrain.training.recipe import Recipe
from edgetrain.training.run_dir import claim_run_dir, hand_over, kept_home

DAY = 86_400
NAMES = ("seed", "weight_average", "augmented_versions", "precision")


class Told(Listener):
    """Remembers what was noted."""

    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


@pytest.fixture
def claim(workspace):
    """Return a function that claims the run directory for a seed, as the stage does before it trains."""

    def claim(seed, *, reaches_checkpoint=True, resume=False, restart=False):
        claim_run_dir(workspace, {"seed": seed}, resume=resume, restart=restart)
        if reaches_checkpoint:
            write_text(workspace.train_dir / "checkpoints" / "ckpt-1.index", f"of seed {seed}")

    return claim


def _owner(run_dir):
    return (run_dir / "checkpoints" / "ckpt-1.index").read_text()


def test_the_same_inputs_continue_the_run(claim, workspace):
    claim(1)

    claim(1, reaches_checkpoint=False)

    assert _owner(workspace.train_dir) == "of seed 1"
    assert not workspace.previous_train_dir.exists()


def test_a_run_of_version_0_1_continues(workspace):
    former = {"seed": 1, "average_decay": 0.0, "versions": None, "is_bfloat16": False}
    write_json(workspace.train_dir / "run.json", former)
    write_text(workspace.train_dir / "checkpoints" / "ckpt-1.index", "of version 0.1")
    now = {"seed": 1, **{name: value for name, value in Recipe(1).to_json().items() if name in NAMES}}

    claim_run_dir(workspace, now, resume=True, restart=False)

    assert _owner(workspace.train_dir) == "of version 0.1"


def test_a_run_of_other_inputs_is_kept_aside_and_says_which(claim, workspace):
    claim(1)
    told = Told()

    with listening(told):
        claim(2)

    assert told.texts[0] == "the run begins anew, since these inputs changed: seed"


def test_a_run_of_other_inputs_is_kept_aside(claim, workspace):
    claim(1)

    claim(2)

    assert (_owner(workspace.train_dir), _owner(workspace.previous_train_dir)) == ("of seed 2", "of seed 1")


def test_a_mistaken_attempt_does_not_cost_the_run_before_it(claim, workspace):
    """It fails before its first checkpoint; the next correct command takes the good run up again."""
    claim(1)
    claim(2, reaches_checkpoint=False)
    claim(3, reaches_checkpoint=False)
    kept = _owner(workspace.previous_train_dir)

    claim(1, reaches_checkpoint=False)

    assert (kept, _owner(workspace.train_dir)) == ("of seed 1", "of seed 1")
    assert not workspace.previous_train_dir.exists()


def test_going_back_and_forth_keeps_both_runs(claim, workspace):
    claim(1)
    claim(2)

    claim(1, reaches_checkpoint=False)

    assert (_owner(workspace.train_dir), _owner(workspace.previous_train_dir)) == ("of seed 1", "of seed 2")


def test_a_restart_keeps_the_run_of_the_same_inputs_aside(claim, workspace):
    claim(1)

    claim(1, reaches_checkpoint=False, restart=True)

    assert _owner(workspace.previous_train_dir) == "of seed 1"
    assert not (workspace.train_dir / "checkpoints").exists()


@pytest.mark.parametrize(
    ("first", "reason"), [(None, "there is no run"), (2, "these inputs changed: seed")], ids=["no run", "another run"]
)
def test_resuming_what_is_not_there_is_refused(claim, first, reason):
    if first:
        claim(first)

    with pytest.raises(TrainingError, match=f"cannot continue, {reason}. Train without --resume"):
        claim(1, resume=True)


class Notes(Listener):
    """Remembers what was noted."""

    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


@pytest.fixture
def leave(tmp_path):
    """Return a function that leaves a run in the state directory, with a checkpoint, and returns its home."""

    def leave(identity, *, days_ago=0.0, now=1000 * DAY):
        with kept_home(tmp_path / "state", identity, days=14, now=0) as home:
            claim_run_dir(home, identity, resume=False, restart=False)
            write_text(home.train_dir / "checkpoints" / "ckpt-1.index", str(identity["seed"]))
        for path in (home.root, *home.root.rglob("*")):
            os.utime(path, (now - days_ago * DAY,) * 2)
        return home

    return leave


def _next_run(tmp_path, *, days=14.0):
    """Claim another run's home at day 1000 and return what was noted."""
    notes = Notes()
    with listening(notes), kept_home(tmp_path / "state", {"seed": 0}, days=days, now=1000 * DAY):
        return notes.texts


def test_the_same_inputs_have_the_same_home_and_others_another(leave):
    homes = [leave({"records": "a", "seed": 1}), leave({"seed": 1, "records": "a"}), leave({"records": "b", "seed": 1})]

    assert homes[0] == homes[1] != homes[2]
    assert _owner(homes[0].train_dir) == "1"


def test_two_jobs_do_not_train_the_same_run(tmp_path, leave):
    leave({"seed": 1})

    with (
        kept_home(tmp_path / "state", {"seed": 1}, days=14, now=0),
        kept_home(tmp_path / "state", {"seed": 2}, days=14, now=0),
        pytest.raises(
            StorageError, match=rf"process {os.getpid()} trains this very run. Wait .* set another training.state_dir"
        ),
        kept_home(tmp_path / "state", {"seed": 1}, days=14, now=0),
    ):
        pass


def test_a_state_dir_that_cannot_be_one_is_refused(tmp_path):
    (tmp_path / "state").write_text("a file")

    with (
        pytest.raises(StorageError, match=r"state.*: Not a directory.*move it away, or set another training.state_dir"),
        kept_home(tmp_path / "state", {"seed": 1}, days=14, now=0),
    ):
        pass


def test_runs_that_nobody_touched_are_removed_and_named(tmp_path, leave):
    old, recent = leave({"seed": 1}, days_ago=15), leave({"seed": 2}, days_ago=13)
    notes = _next_run(tmp_path)

    assert (old.root.exists(), _owner(recent.train_dir)) == (False, "2")
    assert f"{tmp_path / 'state'}: 1 run not touched for 14 days removed: {old.root.name}" in notes


def test_what_is_held_is_never_removed(tmp_path, leave):
    """Its newest checkpoint may be old: steps can take long."""
    home = leave({"seed": 1}, days_ago=15)
    with kept_home(tmp_path / "state", {"seed": 1}, days=14, now=0):
        os.utime(home.root / ".lock", (0, 0))
        notes = _next_run(tmp_path)

    assert _owner(home.train_dir) == "1"
    assert not any("removed" in text for text in notes)


def test_what_is_no_run_is_never_removed(tmp_path):
    """The folder may hold other things."""
    write_text(tmp_path / "state" / "notes" / "train" / "a.txt", "mine")
    os.utime(tmp_path / "state" / "notes" / "train" / "a.txt", (0, 0))

    _next_run(tmp_path)

    assert (tmp_path / "state" / "notes" / "train" / "a.txt").read_text() == "mine"


def test_a_run_that_cannot_be_removed_does_not_stop_the_next(tmp_path, leave, monkeypatch):
    home = leave({"seed": 1}, days_ago=15)

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)

    assert not any("removed" in text for text in _next_run(tmp_path))
    assert home.train_dir.exists()


def test_a_finished_run_comes_to_the_workspace_from_another_disk(leave, workspace, monkeypatch):
    """Between two file systems nothing can be renamed."""
    home = leave({"seed": 1})
    rename = Path.rename

    def rename_on_one_disk(path, target):
        if home.root in path.parents:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_on_one_disk)
    hand_over(home, workspace)

    assert _owner(workspace.train_dir) == _owner(home.train_dir) == "1"
    assert (workspace.train_dir / "run.json").read_bytes() == (home.train_dir / "run.json").read_bytes()


def test_a_full_disk_leaves_the_workspace_as_it_was(leave, workspace, claim, monkeypatch):
    """One message; the run is safe in its home."""
    claim(2)
    home = leave({"seed": 1})

    def fill(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fill)

    with pytest.raises(StorageError, match=r"train: No space left on device. Free space"):
        hand_over(home, workspace)

    assert (_owner(workspace.train_dir), _owner(home.train_dir)) == ("of seed 2", "1")
    assert [path.name for path in workspace.root.iterdir()] == ["train"]


@pytest.mark.parametrize(("seed", "kept"), [pytest.param(1, False, id="same"), pytest.param(2, True, id="other")])
def test_a_run_of_other_inputs_in_the_workspace_is_kept_aside(leave, workspace, claim, seed, kept):
    claim(seed)
    hand_over(leave({"seed": 1}), workspace)

    assert _owner(workspace.train_dir) == "1"
    assert workspace.previous_train_dir.exists() == kept
