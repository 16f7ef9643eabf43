"""Train the detector: start, or continue, the run of this workspace."""

from __future__ import annotations

import shutil
from pathlib import Path

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.core.files import replacing_dir, tree_digest, write_json
from edgetrain.core.progress import listener
from edgetrain.core.reports import Report, read_report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.formats.pipeline_config import read_pipeline_config
from edgetrain.training.loop import Pace, RunPaths, Trainer

_IDENTITY_NAME = "run.json"


def run(settings: Settings, workspace: Workspace) -> Report:
    """Train up to the configured number of steps; a run that was cut continues from its last checkpoint.

    A run made from other inputs is kept as ``train.previous``, and taken up again when its inputs return.

    Raises:
        SettingsError: the number of steps given is not that of ``pipeline.config``.
        TrainingError: the checkpoint does not fit the network, or the loss is not a number.
        StorageError: the disk is full.
    """
    config = read_pipeline_config(workspace)
    steps = config.train_config.num_steps
    _refuse_other_steps(settings, steps)
    _claim_run_dir(settings, workspace)
    listener().advanced(0, steps, "building the network")
    paths = RunPaths(
        workspace.train_dir,
        workspace.history_path,
        Path(config.train_config.fine_tune_checkpoint),
        workspace.shard_paths(Split.VALIDATION),
    )
    trainer = Trainer(config, paths, seed=settings.training.seed)
    if trainer.first_step:
        listener().noted(f"continuing from step {trainer.first_step}")
    training = settings.training
    outcome = trainer.run(Pace(training.checkpoint_every_steps, training.validate_every_steps, training.patience))
    kept = outcome.best if training.keep_best else None
    if kept:
        trainer.best.load()
    with replacing_dir(workspace.trained_dir) as temporary:
        trainer.save_weights(temporary)
    judged = f", validation AP {kept.average_precision:.3f} at step {kept.step}, which is kept" if kept else ""
    return Report(
        f"{outcome.last.step} steps, loss {outcome.last.loss:.3f}{judged}",
        {
            "kept_step": kept.step if kept else outcome.last.step,
            "validation_ap": kept.average_precision if kept else None,
            "steps": outcome.last.step,
            "first_step": outcome.first_step,
            "loss": outcome.last.loss,
            "trained_variables": outcome.trained_variables,
            "frozen_variables": outcome.frozen_variables,
        },
    )


def _refuse_other_steps(settings: Settings, steps: int) -> None:
    """Raise if a number of steps was asked for that the schedule of ``pipeline.config`` does not have."""
    wanted = settings.training.steps
    if "training.steps" in settings.flags and wanted != steps:
        raise SettingsError(
            f"pipeline.config is made for {steps} steps, not {wanted}: the learning rate depends on it. "
            f'Run "ci/inv configure --steps {wanted}" first, or "ci/inv pipeline --steps {wanted}".'
        )


def _claim_run_dir(settings: Settings, workspace: Workspace) -> None:
    """Make sure that the run directory belongs to these inputs; a run that does not continue is kept aside.

    Raises:
        TrainingError: only a continuation is allowed, and there is nothing to continue.
    """
    identity = _identity(settings, workspace)
    current, previous = workspace.train_dir, workspace.previous_train_dir
    known = _read_identity(current)
    if known == identity and not settings.training.restart:
        return
    if _read_identity(previous) == identity and not settings.training.restart:
        _exchange(current, previous)
        listener().noted(f"the run in {previous.name} was made from these inputs and is taken up again")
        return
    if settings.training.resume:
        changed = [name for name in identity if known and known.get(name) != identity[name]]
        reason = f"these inputs changed: {', '.join(changed)}" if changed else "there is no run"
        raise TrainingError(f"{current}: cannot continue, {reason}. Train without --resume.")
    if _has_checkpoint(current):
        shutil.rmtree(previous, ignore_errors=True)
        current.rename(previous)
        listener().noted(f"the earlier run is kept in {previous}")
    shutil.rmtree(current, ignore_errors=True)
    write_json(current / _IDENTITY_NAME, identity)


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
    """Return what a run was made from, or ``None`` if that cannot be told."""
    return read_report(run_dir / _IDENTITY_NAME)


def _identity(settings: Settings, workspace: Workspace) -> dict[str, object]:
    """Return what a run is made from; a run continues only if all of it is the same."""
    return {
        "pipeline_config": tree_digest(workspace.pipeline_config_path),
        "records": tree_digest(workspace.records_dir),
        "label_map": tree_digest(workspace.label_map_path),
        "checkpoint": tree_digest(workspace.checkpoint_dir),
        "seed": settings.training.seed,
    }
