"""The directory of a training run: whose run is in it, and where it lies if it is to outlive the workspace.

With ``training.state_dir`` a run lies in ``STATE_DIR/<key>/train``, where the key is a digest of what the run is made
from: an agent whose job folder was emptied, or another one that sees the same folder, goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from edgetrain.core.errors import StorageError, TrainingError
from edgetrain.core.settings.choices import Precision
from edgetrain.core.system.files import replacing_dir, write_json
from edgetrain.core.system.folders import visible_files
from edgetrain.core.system.lock import LOCK_NAME, sole_user
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import read_report

_FORMER_NAMES = {"average_decay": "weight_average", "versions": "augmented_versions"}
_IDENTITY_NAME = "run.json"
_KEY_DIGITS = 16
_DAY_SECONDS = 86_400


@contextmanager
def kept_home(state_dir: Path, identity: Mapping[str, object], *, days: float, now: float) -> Iterator[Workspace]:
    """Hold the place of a run outside of any workspace; runs that nobody touched for some days are removed first.

    Args:
        state_dir: is made if it does not exist.
        identity: what the run is made from, as JSON values.
        days: how long a run is kept that nobody continues.
        now: seconds since the epoch.

    Raises:
        StorageError: another process trains this run, or the folder cannot be written.
    """
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]
    home = Workspace(state_dir / key)
    with sole_user(home.root, work="trains this very run", elsewhere="set another training.state_dir"):
        _remove_old_runs(state_dir, before=now - days * _DAY_SECONDS, days=days)
        listener().noted(f"the run lies in {home.train_dir}, where it outlives this workspace")
        yield home


def _remove_old_runs(state_dir: Path, *, before: float, days: float) -> None:
    """Remove the runs last touched before a time, except those that a process holds; tell which."""
    removed = []
    for home in sorted(state_dir.iterdir()):
        # One that is held, belongs to another user or is being removed by somebody else stays as it is.
        with suppress(OSError, StorageError):
            if re.fullmatch(f"[0-9a-f]{{{_KEY_DIGITS}}}", home.name) and _last_touched(home) < before:
                _remove(home)
                removed.append(home.name)
    if removed:
        listener().noted(
            f"{state_dir}: {counted(len(removed), 'run')} not touched for {days:g} days removed: {', '.join(removed)}"
        )


def _remove(home: Path) -> None:
    """Remove a run that nobody holds; its lock goes last, so that nobody claims what is half removed."""
    with sole_user(home):
        for run_dir in (Workspace(home).train_dir, Workspace(home).previous_train_dir):
            if run_dir.exists():
                shutil.rmtree(run_dir)
        (home / LOCK_NAME).unlink()
        home.rmdir()


def _last_touched(home: Path) -> float:
    """Return when the newest file of a run changed, in seconds since the epoch."""
    return max(path.lstat().st_mtime for path in (home, *home.rglob("*")))


def claim_run_dir(home: Workspace, identity: Mapping[str, object], *, resume: bool, restart: bool) -> None:
    """Make sure that the run directory belongs to these inputs; a run that does not continue is kept aside.

    Raises:
        TrainingError: only a continuation is allowed, and there is nothing to continue.
    """
    current, previous = home.train_dir, home.previous_train_dir
    known = _read_identity(current)
    if known == identity and not restart:
        return
    if _read_identity(previous) == identity and not restart:
        _exchange(current, previous)
        listener().noted(f"the run in {previous.name} was made from these inputs and is taken up again")
        return
    if resume:
        reason = f"these inputs changed: {_changed(known, identity)}" if known else "there is no run"
        raise TrainingError(f"{current}: cannot continue, {reason}. Train without --resume.")
    if known and not restart and _has_checkpoint(current):
        listener().noted(f"the run begins anew, since these inputs changed: {_changed(known, identity)}")
    _keep_aside(current, previous)
    write_json(current / _IDENTITY_NAME, identity)


def _changed(known: Mapping[str, object], identity: Mapping[str, object]) -> str:
    """Return the names of the inputs that are not those of a run, or that it does not have."""
    names = [name for name in identity if name not in known or known[name] != identity[name]]
    return ", ".join(names) or "the names of the inputs themselves"


def hand_over(home: Workspace, workspace: Workspace) -> None:
    """Copy a finished run into the workspace, whole or not at all; a run of other inputs there is kept aside.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    current = workspace.train_dir
    with replacing_dir(current) as temporary:
        for path in visible_files(home.train_dir):
            target = temporary / path.relative_to(home.train_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        if _read_identity(current) != _read_identity(home.train_dir):
            _keep_aside(current, workspace.previous_train_dir)


def _keep_aside(current: Path, previous: Path) -> None:
    """Move a run out of the way; one without a checkpoint is dropped."""
    if _has_checkpoint(current):
        shutil.rmtree(previous, ignore_errors=True)
        current.rename(previous)
        listener().noted(f"the earlier run is kept in {previous}")
    shutil.rmtree(current, ignore_errors=True)


def _has_checkpoint(run_dir: Path) -> bool:
    """Return whether a run got as far as its first checkpoint; without one there is nothing to keep."""
    return any(run_dir.glob("checkpoints/*.index"))


def _exchange(one: Path, other: Path) -> None:
    """Let two run directories change places; one without a checkpoint is dropped."""
    aside = one.with_name(f"{one.name}.aside")
    if _has_checkpoint(one):
        one.rename(aside)
    shutil.rmtree(one, ignore_errors=True)
    other.rename(one)
    if aside.exists():
        aside.rename(other)


def _read_identity(run_dir: Path) -> dict[str, object] | None:
    """Return what a run was made from, or ``None`` if that cannot be told; runs of version 0.1 had other names."""
    known = read_report(run_dir / _IDENTITY_NAME)
    if known is None or "is_bfloat16" not in known:
        return known
    precision = Precision.BFLOAT16 if known.pop("is_bfloat16") else Precision.FLOAT32
    return {**{_FORMER_NAMES.get(name, name): value for name, value in known.items()}, "precision": precision.value}
