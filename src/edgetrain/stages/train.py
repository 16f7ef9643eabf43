"""Train the detector: start, or continue, the run of this workspace."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edgetrain.core.errors import TrainingError
from edgetrain.core.files import replacing_dir, tree_digest, write_json
from edgetrain.core.progress import listener
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.formats.pipeline_config import read_pipeline_config
from edgetrain.training.loop import RunPaths, Trainer


def run(settings: Settings, workspace: Workspace) -> Report:
    """Train up to the configured number of steps; a run that was cut continues from its last checkpoint.

    A run made from other inputs is kept as ``train.previous``.

    Raises:
        TrainingError: the checkpoint does not fit the network, or the loss is not a number.
    """
    _claim_run_dir(settings, workspace)
    config = read_pipeline_config(workspace)
    paths = RunPaths(workspace.train_dir, workspace.history_path, Path(config.train_config.fine_tune_checkpoint))
    trainer = Trainer(config, paths, seed=settings.training.seed)
    if trainer.first_step:
        listener().noted(f"continuing from step {trainer.first_step}")
    outcome = trainer.run(checkpoint_every_steps=settings.training.checkpoint_every_steps)
    with replacing_dir(workspace.trained_dir) as temporary:
        trainer.save_weights(temporary)
    return Report(
        f"{outcome.last.step} steps, loss {outcome.last.loss:.3f}",
        {
            "steps": outcome.last.step,
            "first_step": outcome.first_step,
            "loss": outcome.last.loss,
            "trained_variables": outcome.trained_variables,
            "frozen_variables": outcome.frozen_variables,
        },
    )


def _claim_run_dir(settings: Settings, workspace: Workspace) -> None:
    """Make sure that the run directory belongs to these inputs; a run that does not continue is kept aside.

    Raises:
        TrainingError: only a continuation is allowed, and there is nothing to continue.
    """
    identity = _identity(settings, workspace)
    path = workspace.train_dir / "run.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if known == identity and not settings.training.restart:
        return
    if settings.training.resume:
        changed = [name for name in identity if known and known.get(name) != identity[name]]
        reason = f"these inputs changed: {', '.join(changed)}" if changed else "there is no run"
        raise TrainingError(f"{workspace.train_dir}: cannot continue, {reason}. Train without --resume.")
    if workspace.train_dir.exists():
        shutil.rmtree(workspace.previous_train_dir, ignore_errors=True)
        workspace.train_dir.rename(workspace.previous_train_dir)
        listener().noted(f"the earlier run is kept in {workspace.previous_train_dir}")
    write_json(path, identity)


def _identity(settings: Settings, workspace: Workspace) -> dict[str, object]:
    """Return what a run is made from; a run continues only if all of it is the same."""
    return {
        "pipeline_config": tree_digest(workspace.pipeline_config_path),
        "records": tree_digest(workspace.records_dir),
        "label_map": tree_digest(workspace.label_map_path),
        "checkpoint": tree_digest(workspace.checkpoint_dir),
        "seed": settings.training.seed,
    }
