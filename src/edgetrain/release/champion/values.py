"""The champion: the model that is in use, and everything by which another one is compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from edgetrain.edgetpu.hardware_pass import HardwareResult


@dataclass(frozen=True)
class Accuracy:
    """COCO figures (0 to 1) of one model on one set of pictures, and the labelled boxes behind them.

    ``class_ap`` is ``None`` for a class without a labelled box.
    """

    pictures: int
    class_boxes: Mapping[str, int]
    mean_average_precision: float
    ap50: float
    class_ap: Mapping[str, Optional[float]]


@dataclass(frozen=True)
class JudgedPicture:
    """A picture that a model was judged on: SHA-256 of its bytes in the records, and its file's name."""

    sha256: str
    filename: str


@dataclass(frozen=True)
class Champion:
    """The record of a model.

    ``digests`` are SHA-256 by file name (both models, the label map); ``class_names`` stand in the order of the label
    map; ``accuracy`` is that of the int8 model on the CPU over the pictures of ``split``; ``revision`` is the commit of
    the dataset (``None``: there was none), with nothing uncommitted beside it if ``is_clean``.
    """

    digests: Mapping[str, str]
    class_names: tuple[str, ...]
    split: str
    accuracy: Accuracy
    test_pictures: tuple[JudgedPicture, ...]
    hardware: HardwareResult
    revision: Optional[str]
    is_clean: bool
    network: Mapping[str, object]
    settings_sha256: str
    provenance: Mapping[str, str]
