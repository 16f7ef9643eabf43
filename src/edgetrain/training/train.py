"""Train the detector: start, or continue, the run of this workspace."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import edgetrain
from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.choices import DistributionKind
from edgetrain.core.splits import Split
from edgetrain.core.system.files import replacing_dir
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.system.progress import listener
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.networks.pipeline_config import read_pipeline_config
from edgetrain.training.best_weights import Judgement
from edgetrain.training.input.first_batch import write_first_batch
from edgetrain.training.loop import Pace, RunPaths, TrainedRun, Trainer, make_repeatable
from edgetrain.training.recipe import Recipe
from edgetrain.training.run_dir import claim_run_dir, hand_over, kept_home
from edgetrain.training.workers.cluster import VARIABLE, Cluster, meet, read_cluster
from edgetrain.training.workers.distribution import ALONE, Distribution, Gpus, Workers

_MEGABYTE = 10**6


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Train up to the configured number of steps; a run that was cut continues from its last checkpoint.

    A run made from other inputs is kept as ``train.previous``, and taken up again when its inputs return. With
    ``training.state_dir`` the run lies there, and the workspace gets a copy of it when it has ended.

    Raises:
        SettingsError: the number of steps given is not that of ``pipeline.config``.
        TrainingError: the checkpoint does not fit the network, the loss is not a number, or it diverged before any
            weights were good.
        StorageError: the disk is full, or another process trains the same in ``training.state_dir``.
    """
    config = read_pipeline_config(workspace)
    steps = config.train_config.num_steps
    _refuse_other_steps(settings, steps)
    training, identity = settings.training, _identity(settings, workspace)
    make_repeatable(_recipe(settings))
    cluster = _cluster(settings)
    if cluster and cluster.index:
        return _help(settings, workspace, cluster)
    with _home(settings, workspace, identity) as home:
        claim_run_dir(home, identity, resume=training.resume, restart=training.restart)
        distribution = _distribution(settings, cluster, identity)
        listener().advanced(0, steps, "building the network")
        trainer = _trainer(settings, workspace, home, distribution)
        _tell_start(trainer, workspace, home)
        outcome = trainer.run(_pace(settings))
        kept = _kept(outcome, is_wanted=training.keep_best)
        with replacing_dir(home.trained_dir) as temporary:
            trainer.save_weights(temporary, best=kept is not None)
            # A run that starts from these weights learns from it which classes they predict.
            shutil.copyfile(workspace.label_map_path, temporary / workspace.label_map_path.name)
        if home != workspace:
            hand_over(home, workspace)
    judged = f", validation AP {kept.average_precision:.3f} at step {kept.step}, which is kept" if kept else ""
    ended = ", ended early since the loss diverged" if outcome.divergence else ""
    return Outcome(
        f"{outcome.last.step} steps{ended}, loss {outcome.last.loss:.3f}{judged}",
        {
            "kept_step": kept.step if kept else outcome.last.step,
            "validation_ap": kept.average_precision if kept else None,
            "steps": outcome.last.step,
            "first_step": outcome.first_step,
            "loss": outcome.last.loss,
            "divergence": outcome.divergence,
            "trained_variables": outcome.trained_variables,
            "frozen_variables": outcome.frozen_variables,
        },
    )


def _tell_start(trainer: Trainer, workspace: Workspace, home: Workspace) -> None:
    """Tell where a run goes on, or keep the first batch of a new one."""
    if trainer.first_step:
        listener().noted(f"continuing from step {trainer.first_step}")
    else:
        write_first_batch(home.first_batch_path, trainer.batches, read_label_map(workspace.label_map_path).names)


def _kept(outcome: TrainedRun, *, is_wanted: bool) -> Judgement | None:
    """Return the judgement of the weights to keep, or nothing for the last ones; those of a diverged run are no use.

    Raises:
        TrainingError: the loss diverged before any weights were good.
    """
    if not outcome.divergence:
        return outcome.best if is_wanted else None
    if outcome.best is None or outcome.best.average_precision == 0:
        raise TrainingError(
            f"train: {outcome.divergence}, and no weights of this run find anything. Lower training.learning_rate."
        )
    return outcome.best


@contextmanager
def _home(settings: Settings, workspace: Workspace, identity: dict[str, object]) -> Iterator[Workspace]:
    """Yield where the run lies: in the workspace, or in ``training.state_dir``."""
    training = settings.training
    if training.state_dir is None:
        yield workspace
    else:
        with kept_home(training.state_dir, identity, days=training.state_days, now=time.time()) as home:
            yield home


def _help(settings: Settings, workspace: Workspace, cluster: Cluster) -> Outcome:
    """Train as another worker than the first, whose workspace has the run: nothing of it is left here."""
    distribution = _distribution(settings, cluster, _identity(settings, workspace))
    trainer = _trainer(settings, workspace, workspace, distribution)
    step = trainer.help(_pace(settings))
    summary = (
        f"worker {cluster.index} of {len(cluster)}: helped up to step {step}; worker 0's workspace has the weights"
    )
    return Outcome(summary, {"steps": step, "first_step": trainer.first_step, "worker": cluster.index})


def _trainer(settings: Settings, workspace: Workspace, home: Workspace, distribution: Distribution) -> Trainer:
    """Return a trainer of this workspace's inputs, whose run lies in another."""
    config = read_pipeline_config(workspace)
    start = Path(config.train_config.fine_tune_checkpoint)
    shards = (workspace.shard_paths(Split.TRAIN), workspace.shard_paths(Split.VALIDATION))
    paths = RunPaths(home.train_dir, home.history_path, start, *shards)
    cache_bytes = int(settings.training.cache_mb * _MEGABYTE)
    return Trainer(config, paths, _recipe(settings), cache_bytes=cache_bytes, distribution=distribution)


def _pace(settings: Settings) -> Pace:
    training = settings.training
    return Pace(training.checkpoint_every_steps, training.validate_every_steps, training.patience)


def _cluster(settings: Settings) -> Cluster | None:
    """Return who trains together, if several processes do."""
    if settings.training.distribution is DistributionKind.WORKERS:
        return read_cluster(settings.training.cluster)
    if settings.training.cluster:
        listener().noted(f"{VARIABLE} is set, but training.distribution is not workers: this process trains by itself")
    return None


def _distribution(settings: Settings, cluster: Cluster | None, identity: Mapping[str, object]) -> Distribution:
    """Return who works on a step; workers have met when it returns."""
    training = settings.training
    if cluster:
        inputs = {**identity, "training.patience": training.patience, "version of edgetrain": edgetrain.__version__}
        meet(cluster, inputs, timeout_seconds=training.meeting_seconds)
        return Workers(cluster)
    return Gpus() if training.distribution is DistributionKind.GPUS else ALONE


def _refuse_other_steps(settings: Settings, steps: int) -> None:
    """Raise if a number of steps was asked for that the schedule of ``pipeline.config`` does not have."""
    wanted = settings.training.steps
    if "training.steps" in settings.flags and wanted != steps:
        raise SettingsError(
            f"pipeline.config is made for {steps} steps, not {wanted}: the learning rate depends on it. "
            f'Run "ci/inv configure --steps {wanted}" first, or "ci/inv pipeline --steps {wanted}".'
        )


def _recipe(settings: Settings) -> Recipe:
    training = settings.training
    return Recipe(
        training.seed,
        weight_average=training.weight_average,
        rare_class_share=training.rare_class_share,
        augmented_versions=training.augmented_versions,
        precision=training.precision,
    )


def _identity(settings: Settings, workspace: Workspace) -> dict[str, object]:
    """Return what a run is made from; a run continues only if all of it is the same."""
    return {
        "pipeline_config": tree_digest(workspace.pipeline_config_path),
        "records": tree_digest(workspace.records_dir),
        "label_map": tree_digest(workspace.label_map_path),
        "checkpoint": tree_digest(workspace.checkpoint_dir),
        **_recipe(settings).to_json(),
    }
