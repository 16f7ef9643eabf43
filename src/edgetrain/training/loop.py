"""The training loop: one traced step, checkpoints that a killed run continues from, and figures on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from object_detection.protos.pipeline_pb2 import TrainEvalPipelineConfig

from edgetrain.core.errors import StorageError, TrainingError
from edgetrain.core.settings.choices import Precision
from edgetrain.core.system.progress import listener
from edgetrain.networks.start.weight_matches import summary_of, write_weight_matches
from edgetrain.training import object_detection_api as api
from edgetrain.training.best_weights import BestWeights, Judgement
from edgetrain.training.divergence import divergence_text, has_diverged
from edgetrain.training.history import HistoryRow, read_history, write_history
from edgetrain.training.input.batches import read_batches
from edgetrain.training.recipe import Recipe
from edgetrain.training.validation import Judged, Validation, interval, read_validation
from edgetrain.training.weight_average import WeightAverage
from edgetrain.training.workers.distribution import ALONE, Distribution

_LOG_EVERY_STEPS = 10
_CHECKPOINTS_KEPT = 2
_TIMES_SHOWN = 10


@dataclass(frozen=True)
class RunPaths:
    """Where a run writes its checkpoints, events and history, and what it starts from, learns and is judged on.

    ``start_checkpoint`` is a prefix; the shards are TFRecords, for validation there may be none.
    """

    run_dir: Path
    history_path: Path
    start_checkpoint: Path
    training_shards: Sequence[Path]
    validation_shards: Sequence[Path] = ()


@dataclass(frozen=True)
class Pace:
    """How often a run saves and judges itself, in steps; 0 lets it choose how often it judges.

    ``patience`` judgements without a better one end it; 0 never do.
    """

    checkpoint_every_steps: int
    validate_every_steps: int = 0
    patience: int = 0


@dataclass(frozen=True)
class TrainedRun:
    """What a run did: where it started, its last logged row, and its best judgement, if it was judged at all.

    ``divergence`` says how the loss left all bounds, or is empty.
    """

    first_step: int
    trained_variables: int
    frozen_variables: int
    last: HistoryRow
    best: Judgement | None
    divergence: str = ""


class _StepFigures(NamedTuple):
    """Losses before a step and the norm of the whole gradient (a tuple: a traced step returns it)."""

    localization: tf.Tensor
    classification: tf.Tensor
    penalty: tf.Tensor
    gradient_norm: tf.Tensor


class Trainer:
    """A model in training: variables, optimizer and step, saved and restored together.

    Everything else of a run is a function of its seed and the step: a run that was cut ends with the weights of one
    that was not, to the bit on the same processors (not on GPUs).
    """

    def __init__(
        self,
        config: TrainEvalPipelineConfig,
        paths: RunPaths,
        recipe: Recipe,
        *,
        cache_bytes: int,
        distribution: Distribution = ALONE,
    ) -> None:
        """Build the model and continue from the run's last checkpoint, or start from the fine-tune checkpoint.

        Args:
            config: of network and training.
            paths: of the run.
            recipe: what else decides how it learns.
            cache_bytes: of decoded pictures kept in memory.
            distribution: who else works on each step.

        Raises:
            SettingsError: the batch cannot be shared by all who work on it.
            TrainingError: the fine-tune checkpoint does not fit the network.
            DatasetError: the records cannot be read.
        """
        distribution.refuse_batch(config.train_config.batch_size)
        self._config = config
        self._paths = paths
        self._distribution = distribution
        self._batch_size = config.train_config.batch_size
        self.step = tf.Variable(0, dtype=tf.int64, name="step", trainable=False)
        with distribution.scope():
            self.model = api.build_model(config, is_training=True)
            self._optimizer, self._rate = api.build_optimizer(config, self.step)
            self._optimizer._create_all_weights(self.model.trainable_variables)  # noqa: SLF001 - not public
            self.average = WeightAverage(self.model.variables, recipe.weight_average) if recipe.weight_average else None
        self._statistics = api.moving_statistics(self.model)
        self._checkpoint = tf.train.Checkpoint(
            model=self.model, optimizer=self._optimizer, step=self.step, average=self.average or tf.Module()
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(paths.run_dir / "checkpoints"), max_to_keep=_CHECKPOINTS_KEPT
        )
        self._begin()
        self.first_step = int(self.step)
        self._shown_part = -1
        # Of a step that others were to do a part of, and did not, something may have been done.
        self._is_whole = True
        self.best = BestWeights(self.model, paths.run_dir / "best")
        self.batches = read_batches(config, self.model, paths.training_shards, recipe, cache_bytes=cache_bytes)

    def _begin(self) -> None:
        """Give all who work on the run the weights that it continues from, or starts with."""
        # Other workers than the first get them from it.
        if self._distribution.part == 0 and not self._restore_last():
            self._start_from(self._paths.start_checkpoint)
            if self.average:
                self.average.start()
        averages = self.average.averages if self.average else []
        with self._distribution.explained():
            self._distribution.start([*self.model.variables, *self._optimizer.weights, *averages, self.step])

    def _start_from(self, checkpoint: Path) -> None:
        """Load the fine-tune checkpoint, and leave the table of what became of each variable."""
        matches = api.restore_start(self.model, self._config, checkpoint)
        write_weight_matches(self._paths.run_dir / "start_weights.csv", matches)
        listener().noted(summary_of(matches))

    def _restore_last(self) -> bool:
        """Restore the newest readable checkpoint of the run and return whether there was any.

        Raises:
            TrainingError: there are checkpoints, but none can be read.
        """
        for path in reversed(self._manager.checkpoints):
            try:
                self._checkpoint.restore(path).expect_partial()
            except (tf.errors.OpError, IndexError, ValueError):
                listener().noted(f"{path} is damaged and left out")
            else:
                return True
        if self._manager.checkpoints:
            raise TrainingError(
                f"{self._manager.directory}: no checkpoint of this run can be read. Train with --restart to begin anew."
            )
        return False

    def help(self, pace: Pace) -> int:
        """Do this worker's part of each step until the first worker ends the run, and return its last step.

        Raises:
            TrainingError: the loss or the gradient is not a number, or another worker has gone.
        """
        with self._distribution.explained():
            total = self._config.train_config.num_steps
            for row in self._rows(total) if not self._has_ended((), pace) else ():
                _tell(row, (), total)
                if self._has_ended((), pace):
                    break
        return int(self.step)

    def run(self, pace: Pace) -> TrainedRun:
        """Train up to the configured number of steps, or until patience ends or the loss diverges.

        Raises:
            TrainingError: the loss or the gradient is not a number; names the step and the batch's pictures.
            StorageError: the disk is full.
        """
        try:
            with self._distribution.explained():
                return self._run(pace)
        except tf.errors.ResourceExhaustedError as error:
            raise StorageError(
                f"{self._paths.run_dir}: {_reason(error)}. Free space (or, if memory is meant, lower "
                "training.batch_size), then run the same command again: it continues from the last checkpoint, if "
                "there is one."
            ) from error

    def _run(self, pace: Pace) -> TrainedRun:
        rows = read_history(self._paths.history_path, up_to=self.first_step)
        total = self._config.train_config.num_steps
        validation = read_validation(self._judged_model(), self._paths.validation_shards)
        every = pace.validate_every_steps or interval(
            len(validation or ()), total, self._batch_size, keeps_features=self.batches.keeps_features
        )
        if validation is None:
            listener().noted("no validation picture has an object: the last weights are kept, not the best")
        writer = tf.summary.create_file_writer(str(self._paths.run_dir / "events"))
        try:
            with writer.as_default():
                for row in self._rows(total) if not self._has_ended(rows, pace) else ():
                    is_last = row.step == total
                    if validation and (is_last or row.step % every == 0):
                        row = self._judged(row, validation)  # noqa: PLW2901 - the same row, with one figure more
                    self._log(row)
                    if is_last or row.step % _LOG_EVERY_STEPS == 0 or not rows or row.validation_ap is not None:
                        rows.append(row)
                    _tell(row, rows, total)
                    has_ended = self._has_ended(rows, pace)
                    if is_last or has_ended or row.step % pace.checkpoint_every_steps == 0:
                        self._save(rows)
                    if has_ended:
                        listener().noted(self._reason_to_end(rows, pace))
                        break
        except KeyboardInterrupt:
            if self._is_whole or self._distribution.parts == 1:
                listener().noted(f"saving step {int(self.step)}")
                self._save(rows)
            raise
        if not rows:
            raise TrainingError(f"{self._paths.run_dir}: the run has no steps. Set training.steps to 1 or more.")
        frozen = len(self.model.variables) - len(self.model.trainable_variables)
        trained = len(self.model.trainable_variables)
        divergence = divergence_text(rows) if has_diverged(rows) else ""
        return TrainedRun(self.first_step, trained, frozen, rows[-1], self.best.judgement, divergence)

    def _judged_model(self) -> Judged:
        """Return this model as the validation pictures judge it: with the weights of that moment."""
        size, names = api.input_size(self._config), api.class_names(self._config)
        return Judged(lambda pixels: api.detect(self.model, self._config, pixels), size, names)

    def _judged(self, row: HistoryRow, validation: Validation) -> HistoryRow:
        """Return a row with the AP of the weights after its step, and keep the weights if they are the best so far."""
        with self._averaged():
            average_precision = validation.average_precision()
            self.best.offer(Judgement(row.step, average_precision))
        self._show(validation, row.step)
        return replace(row, validation_ap=average_precision)

    def _show(self, validation: Validation, step: int) -> None:
        """Let TensorBoard have the validation pictures, about ten times in a run."""
        part = step * _TIMES_SHOWN // self._config.train_config.num_steps
        if part != self._shown_part:
            name = "validation (truth green, found red)"
            tf.summary.image(name, validation.drawn(), step=step, max_outputs=len(validation))
            self._shown_part = part

    def _has_ended(self, rows: Sequence[HistoryRow], pace: Pace) -> bool:
        """Return whether the first worker's loss has diverged, or its patience has ended."""
        best = self.best.judgement
        in_vain = sum(row.validation_ap is not None and row.step > best.step for row in rows) if best else 0
        is_impatient = 0 < pace.patience <= in_vain
        return bool(self._distribution.of_first(is_impatient or has_diverged(rows)))

    def _reason_to_end(self, rows: Sequence[HistoryRow], pace: Pace) -> str:
        step = rows[-1].step
        if has_diverged(rows):
            return f"{divergence_text(rows)}: ended at step {step}"
        return f"no better validation AP in {pace.patience} judgements: ended at step {step}"

    def save_weights(self, directory: Path, *, best: bool) -> None:
        """Write the model alone, as the API's exporter reads it: the best weights where there are any, or the last.

        Raises:
            TrainingError: the best weights are damaged.
        """
        if best:
            self.best.load()
        with self._averaged() if not best else nullcontext():
            checkpoint = tf.train.Checkpoint(model=self.model)
            tf.train.CheckpointManager(checkpoint, str(directory), max_to_keep=1, checkpoint_name="ckpt").save()

    def _averaged(self) -> AbstractContextManager[None]:
        """Let the model have the weights that are judged and exported."""
        return self.average.in_place() if self.average else nullcontext()

    def _rows(self, total: int) -> Iterator[HistoryRow]:
        """Yield the figures of each step as it is done."""
        started = time.monotonic()
        part, parts = self._distribution.part, self._distribution.parts
        for batch in self.batches.between(int(self.step), total, part=part, parts=parts):
            rate = float(self._rate())
            self._is_whole = False
            localization, classification, penalty, gradient_norm = map(float, self._train_step(batch))
            self._is_whole = True
            self._refuse_not_a_number("loss", localization + classification + penalty)
            self._refuse_not_a_number("gradient's norm", gradient_norm)
            seconds = time.monotonic() - started
            yield HistoryRow(
                step=int(self.step),
                loss=localization + classification,
                localization_loss=localization,
                classification_loss=classification,
                learning_rate=rate,
                images_per_second=self._batch_size / seconds,
            )
            started = time.monotonic()

    @tf.function(autograph=False)
    def _train_step(self, batch: api.TrainingInput) -> _StepFigures:
        """Do one step of gradient descent."""
        figures = self._distribution.run(self._descend, batch, self._statistics)
        self.step.assign_add(1)
        if self.average:
            self.average.update(self.step)
        return figures

    def _descend(self, batch: api.TrainingInput) -> _StepFigures:
        """Change the weights as this part of a batch and those of all other replicas want it together."""
        variables = self.model.trainable_variables
        summed, replicas = self._distribution.summed, self._distribution.replicas
        losses = api.training_losses(self.model, self._config, batch)
        share = share_of_part(losses.matches, summed([losses.matches])[0])
        parts = (share * losses.localization, share * losses.classification, losses.penalty / replicas)
        # Sums of three and more gradients (AddN) depend on which was ready first, those of pairs do not.
        in_pairs = tf.AggregationMethod.EXPERIMENTAL_TREE
        own = tf.gradients(parts[0] + parts[1] + parts[2], variables, aggregation_method=in_pairs)
        *gradients, localization, classification, penalty = summed([*own, *parts])
        norm = tf.linalg.global_norm(gradients)
        limit = self._config.train_config.gradient_clipping_by_norm
        if limit > 0:
            gradients, _ = tf.clip_by_global_norm(gradients, limit, use_norm=norm)
        self._optimizer.apply_gradients(zip(gradients, variables), experimental_aggregate_gradients=False)
        return _StepFigures(localization, classification, penalty, norm)

    def _refuse_not_a_number(self, name: str, value: float) -> None:
        """Raise before weights that are not numbers can reach a checkpoint."""
        if math.isfinite(value):
            return
        step = int(self.step)
        raise TrainingError(
            f"train: the {name} is {value} at step {step}; the batch was "
            f"{', '.join(self.batches.source_ids(step - 1))}. "
            "Look at these pictures' boxes, or lower training.learning_rate; the last checkpoint is intact."
        )

    def _log(self, row: HistoryRow) -> None:
        for name in ("loss", "localization_loss", "classification_loss", "learning_rate", "images_per_second"):
            tf.summary.scalar(name, getattr(row, name), step=row.step)
        if row.validation_ap is not None:
            tf.summary.scalar("validation_ap", row.validation_ap, step=row.step)

    def _save(self, rows: list[HistoryRow]) -> None:
        write_history(self._paths.history_path, rows)
        self._manager.save(checkpoint_number=int(self.step))


def share_of_part(matches: tf.Tensor, of_all: tf.Tensor) -> tf.Tensor:
    """Return what a part counts in the batch: the API divides a part's losses by its own matches, at least 1."""
    return tf.maximum(matches, 1.0) / tf.maximum(of_all, 1.0)


def make_repeatable(recipe: Recipe) -> None:
    """Set what holds for all of TensorFlow in this process: seeds, operations that repeat to the bit, precision.

    To be called before TensorFlow computes anything.
    """
    tf.keras.utils.set_random_seed(recipe.seed)
    # On GPUs it would refuse operations of these networks that have no such kernel.
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    options = {
        "auto_mixed_precision_onednn_bfloat16": recipe.precision is Precision.BFLOAT16,
        "arithmetic_optimization": False,  # would join sums of pairs again, see _train_step
    }
    tf.config.optimizer.set_experimental_options(options)


def _reason(error: tf.errors.OpError) -> str:
    """Return the last part of TensorFlow's message: what the system said."""
    return str(error.message).split(";")[-1].split("[Op:")[0].strip()


def _tell(row: HistoryRow, rows: Sequence[HistoryRow], total: int) -> None:
    judged = next((past.validation_ap for past in reversed(rows) if past.validation_ap is not None), None)
    figures = f"loss {row.loss:.3f}" + (f", AP {judged:.3f}" if judged is not None else "")
    listener().advanced(row.step, total, f"{figures}, {row.images_per_second:.1f} images/s")
