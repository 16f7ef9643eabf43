"""Every setting of the project as a typed, checked value; the defaults live in ``invoke.yaml``."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from edgetrain.core.errors import SettingsError
from edgetrain.core.setting_values import Source, parse_section, prefix


class NetworkType(enum.Enum):
    """The detectors that can be trained."""

    MOBILENET_V1_SSD = "mobilenet_v1_ssd"
    MOBILENET_V2_SSD = "mobilenet_v2_ssd"


def _at_least(low: float) -> dict[str, float]:
    return {"low": low}


def _between(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


@dataclass(frozen=True)
class DatasetSettings:
    """Where the labelled images are."""

    root: Path


@dataclass(frozen=True)
class WorkspaceSettings:
    """Where everything that is made goes."""

    root: Path


@dataclass(frozen=True)
class ValidateSettings:
    """How strict the review of the dataset is."""

    strict: bool


@dataclass(frozen=True)
class SplitSettings:
    """Shares (0 to 1) of the pictures for validation and test."""

    validation: float = field(metadata=_between(0, 0.9))
    test: float = field(metadata=_between(0, 0.9))
    seed: int = field(metadata=_at_least(0))


@dataclass(frozen=True)
class RecordsSettings:
    """Shape of the TFRecords: number of files for each split."""

    shards: int = field(metadata=_between(1, 10_000))


@dataclass(frozen=True)
class NetworkSettings:
    """The detector: its type, input side in pixels, width of its layers, boxes read for each picture."""

    type: NetworkType
    image_size: int = field(metadata=_between(96, 1280))
    depth_multiplier: float = field(metadata=_between(0.1, 2))
    max_boxes: int = field(metadata=_between(1, 1000))


@dataclass(frozen=True)
class CheckpointSettings:
    """The weights that training starts from: archive and digest, and the defaults for each network type."""

    url: str = field(metadata={"is_url": True})
    sha256: str = field(metadata={"pattern": "|[0-9a-fA-F]{64}", "shape": "64 hexadecimal digits, or empty"})
    mobilenet_v1_ssd_url: str
    mobilenet_v2_ssd_url: str


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast the detector learns."""

    steps: int = field(metadata=_at_least(1))
    batch_size: int = field(metadata=_between(1, 1024))
    train_whole_model: bool
    learning_rate: float = field(metadata=_between(1e-8, 10))
    warmup: float = field(metadata=_between(0, 0.9))
    gradient_clip_norm: float = field(metadata=_at_least(0))
    augmentations: tuple[str, ...]
    checkpoint_every_steps: int = field(metadata=_at_least(1))
    seed: int = field(metadata=_at_least(0))
    resume: bool
    restart: bool


@dataclass(frozen=True)
class ExportSettings:
    """What the exported graph reports for each picture."""

    max_detections: int = field(metadata=_between(2, 1000))


@dataclass(frozen=True)
class QuantizeSettings:
    """How the ranges of the activations are measured."""

    representative_images: int = field(metadata=_at_least(1))


@dataclass(frozen=True)
class EvaluateSettings:
    """Which split judges the model, and how much AP quantization may cost (``None``: any)."""

    split: str = field(metadata={"choices": ("train", "validation", "test")})
    max_ap_drop: Optional[float] = field(metadata=_between(0, 1))


@dataclass(frozen=True)
class DemoSettings:
    """The drawn dataset of the demo."""

    pictures: int = field(metadata=_at_least(12))
    seed: int = field(metadata=_at_least(0))


@dataclass(frozen=True)
class SettingsFile:
    """A file of the user's own: its absolute path and its sections."""

    path: Path
    config: Mapping[str, object]


@dataclass(frozen=True)
class Settings:
    """All settings, checked; ``flags`` names those that were given on the command line."""

    dataset: DatasetSettings
    workspace: WorkspaceSettings
    validate: ValidateSettings
    split: SplitSettings
    records: RecordsSettings
    network: NetworkSettings
    checkpoint: CheckpointSettings
    training: TrainingSettings
    export: ExportSettings
    quantize: QuantizeSettings
    evaluate: EvaluateSettings
    demo: DemoSettings
    flags: frozenset[str] = frozenset()

    @classmethod
    def from_mapping(  # noqa: PLR0913 - all but the first are keyword-only
        cls,
        config: Mapping[str, object],
        *,
        base_dir: Path,
        own_file: SettingsFile | None = None,
        environment: Mapping[str, str] | None = None,
        flags: Mapping[str, object] | None = None,
        flags_dir: Path | None = None,
    ) -> Settings:
        """Return the settings of ``invoke.yaml``, overridden by the user's own file, by variables, then by flags.

        Args:
            config: sections as ``invoke.yaml`` has them.
            base_dir: folder of ``invoke.yaml``: what its relative paths are relative to.
            own_file: sections of the user's own file, which need not hold everything.
            environment: variables; ``INVOKE_SECTION_KEY`` overrides ``section.key``.
            flags: values by ``section.key``; ``None`` means not given.
            flags_dir: what relative paths of flags and variables are relative to (default: ``base_dir``).

        Raises:
            SettingsError: a key is unknown or missing, or a value is of the wrong type or out of range.
        """
        caller_dir = flags_dir or base_dir
        sources = [Source.of_file(config, base_dir, "invoke.yaml")]
        if own_file:
            sources.append(Source.of_file(own_file.config, own_file.path.parent, str(own_file.path)))
        sources.append(Source.of_environment(environment or {}, caller_dir, _SECTIONS))
        sources.append(Source.of_flags(flags or {}, caller_dir))
        for source in sources:
            source.refuse_unknown(_SECTIONS)
        sections: dict[str, Any] = {name: parse_section(name, section, sources) for name, section in _SECTIONS.items()}
        settings = cls(**sections, flags=frozenset(sources[-1].values))
        _check_together(settings)
        return settings

    @staticmethod
    def variables(environment: Iterable[str]) -> list[str]:
        """Return the names of the variables that are meant to override a setting, sorted."""
        return sorted(name for name in environment if any(name.startswith(start) for start in map(prefix, _SECTIONS)))

    def value(self, name: str) -> object:
        """Return the value of ``section.key``, or a whole section by its name."""
        section, _, key = name.partition(".")
        found = getattr(self, section)
        return getattr(found, key) if key else found


_SECTIONS: dict[str, type] = {
    "dataset": DatasetSettings,
    "workspace": WorkspaceSettings,
    "validate": ValidateSettings,
    "split": SplitSettings,
    "records": RecordsSettings,
    "network": NetworkSettings,
    "checkpoint": CheckpointSettings,
    "training": TrainingSettings,
    "export": ExportSettings,
    "quantize": QuantizeSettings,
    "evaluate": EvaluateSettings,
    "demo": DemoSettings,
}


def _check_together(settings: Settings) -> None:
    """Refuse values that are each valid but not together."""
    if settings.dataset.root.resolve() == settings.workspace.root.resolve():
        raise SettingsError(
            f"workspace.root {settings.workspace.root} is the dataset's own folder, whose files would be mixed with "
            "results. Give another --workspace."
        )
    if settings.training.resume and settings.training.restart:
        raise SettingsError(
            "training.resume and training.restart contradict each other. Give one of --resume, --restart."
        )
    split = settings.split
    if split.validation + split.test >= 1:
        raise SettingsError(
            f"split.validation {split.validation} and split.test {split.test} leave nothing to train on. "
            "Make their sum less than 1."
        )
