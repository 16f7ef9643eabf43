"""What decides beside ``pipeline.config`` how a run learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Recipe:
    """The same recipe, configuration and inputs give the same weights.

    ``average_decay`` 0 to 1: of the average of the weights, 0 for none. ``rare_class_share`` 0 to 1: classes in fewer
    than this share of the pictures are shown more often. ``versions``: how many augmented versions of each picture
    there are, 0 for a new one each time, ``None`` for 0 or, with a frozen backbone, some. ``is_bfloat16``: convolutions
    compute in bfloat16.
    """

    seed: int
    average_decay: float = 0.0
    rare_class_share: float = 0.0
    versions: Optional[int] = None
    is_bfloat16: bool = False
