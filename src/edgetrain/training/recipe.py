"""What decides beside ``pipeline.config`` how a run learns: settings of the section ``training``, under their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from edgetrain.core.settings.choices import Precision


@dataclass(frozen=True)
class Recipe:
    """The same recipe, configuration and inputs give the same weights.

    ``weight_average`` 0 to 1: the decay of the average of the weights, 0 for none. ``rare_class_share`` 0 to 1: classes
    in fewer than this share of the pictures are shown more often. ``augmented_versions``: how many there are of each
    picture, 0 for a new one each time, ``None`` for 0 or, with a frozen backbone, some. ``precision``: what
    convolutions compute in.
    """

    seed: int
    weight_average: float = 0.0
    rare_class_share: float = 0.0
    augmented_versions: Optional[int] = None
    precision: Precision = Precision.FLOAT32

    def to_json(self) -> dict[str, object]:
        """Return the recipe as JSON values, by the names of the settings."""
        return {**vars(self), "precision": self.precision.value}
