"""The weights of a run that are good on the validation pictures, in a folder of their own: whole, or not there.

Kept are the latest whose AP is at most 0.02 below the best of the run: with few validation pictures chance chooses the
very best, often too early (docs/training.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from edgetrain.core.errors import TrainingError
from edgetrain.core.system.files import replacing_dir, write_json
from edgetrain.core.workspace.reports import read_report

_MARGIN = 0.02
_NAME = "ckpt"
_JUDGEMENT_NAME = "judgement.json"


@dataclass(frozen=True)
class Judgement:
    """The COCO AP on the validation pictures (0 to 1) of the weights after a step."""

    step: int
    average_precision: float


class BestWeights:
    """Keeps the latest weights that it was offered and that were about as good as the best."""

    def __init__(self, model: Any, folder: Path) -> None:
        """Know what an earlier part of the run has left in the folder."""
        self._checkpoint = tf.train.Checkpoint(model=model)
        self._folder = folder
        known = read_report(folder / _JUDGEMENT_NAME) or {}
        step, average_precision = known.get("step"), known.get("average_precision")
        is_known = isinstance(step, int) and isinstance(average_precision, (int, float))
        self.judgement = Judgement(step, float(average_precision)) if is_known else None  # type: ignore[arg-type]
        self._best = float(known.get("best", average_precision)) if is_known else 0.0  # type: ignore[arg-type]

    def offer(self, judgement: Judgement) -> None:
        """Save the model's weights unless some before were clearly better.

        Raises:
            StorageError: the disk is full.
        """
        self._best = max(self._best, judgement.average_precision)
        if judgement.average_precision < self._best - _MARGIN:
            return
        with replacing_dir(self._folder) as temporary:
            self._checkpoint.write(str(temporary / _NAME))
            write_json(temporary / _JUDGEMENT_NAME, {**asdict(judgement), "best": self._best})
        self.judgement = judgement

    def load(self) -> None:
        """Give the model the best weights; without any it keeps its own.

        Raises:
            TrainingError: they are damaged.
        """
        if self.judgement is None:
            return
        try:
            self._checkpoint.read(str(self._folder / _NAME)).assert_consumed()
        except (tf.errors.OpError, IndexError, ValueError, AssertionError) as error:
            raise TrainingError(f"{self._folder}: the best weights are damaged. Train with --restart.") from error
