"""Every setting of the project as a typed, checked value; the defaults live in ``invoke.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgetrain.core.errors import SettingsError
from edgetrain.core.settings import sections
from edgetrain.core.settings.values import Source, parse_section, prefix


@dataclass(frozen=True)
class SettingsFile:
    """A file of the user's own: its absolute path and its sections."""

    path: Path
    config: Mapping[str, object]


@dataclass(frozen=True)
class Settings:
    """All settings, checked; ``flags`` names those that were given on the command line."""

    dataset: sections.DatasetSettings
    workspace: sections.WorkspaceSettings
    validate: sections.ValidateSettings
    fix: sections.FixSettings
    label: sections.LabelSettings
    import_annotations: sections.ImportAnnotationsSettings
    export_annotations: sections.ExportAnnotationsSettings
    collect: sections.CollectSettings
    split: sections.SplitSettings
    records: sections.RecordsSettings
    network: sections.NetworkSettings
    checkpoint: sections.CheckpointSettings
    training: sections.TrainingSettings
    export: sections.ExportSettings
    quantize: sections.QuantizeSettings
    evaluate: sections.EvaluateSettings
    model: sections.ModelSettings
    preflight: sections.PreflightSettings
    adapt: sections.AdaptSettings
    compile: sections.CompileSettings
    hardware: sections.HardwareSettings
    bundle: sections.BundleSettings
    promote: sections.PromoteSettings
    demo: sections.DemoSettings
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
        parsed: dict[str, Any] = {name: parse_section(name, section, sources) for name, section in _SECTIONS.items()}
        if not parsed["network"].image_size:
            parsed["network"] = replace(parsed["network"], image_size=parsed["network"].type.own_image_size)
        settings = cls(**parsed, flags=frozenset(sources[-1].values))
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
    "dataset": sections.DatasetSettings,
    "workspace": sections.WorkspaceSettings,
    "validate": sections.ValidateSettings,
    "fix": sections.FixSettings,
    "label": sections.LabelSettings,
    "import_annotations": sections.ImportAnnotationsSettings,
    "export_annotations": sections.ExportAnnotationsSettings,
    "collect": sections.CollectSettings,
    "split": sections.SplitSettings,
    "records": sections.RecordsSettings,
    "network": sections.NetworkSettings,
    "checkpoint": sections.CheckpointSettings,
    "training": sections.TrainingSettings,
    "export": sections.ExportSettings,
    "quantize": sections.QuantizeSettings,
    "evaluate": sections.EvaluateSettings,
    "model": sections.ModelSettings,
    "preflight": sections.PreflightSettings,
    "adapt": sections.AdaptSettings,
    "compile": sections.CompileSettings,
    "hardware": sections.HardwareSettings,
    "bundle": sections.BundleSettings,
    "promote": sections.PromoteSettings,
    "demo": sections.DemoSettings,
}


# Those of pictures and annotations, as edgetrain.annotations knows them.
_READ_FOLDERS = ("annotations", "images", "jpegimages")
_SPLIT_FOLDERS = ("train", "validation", "valid", "val", "test")


def _check_together(settings: Settings) -> None:
    """Refuse values that are each valid but not together."""
    if settings.dataset.root.resolve() == settings.workspace.root.resolve():
        raise SettingsError(
            f"workspace.root {settings.workspace.root} is the dataset's own folder, whose files would be mixed with "
            "results. Give another --workspace."
        )
    _check_outside_pictures(settings.dataset.root.resolve(), settings.workspace.root)
    state_dir = settings.training.state_dir
    if state_dir and settings.workspace.root.resolve() in (state_dir.resolve(), *state_dir.resolve().parents):
        raise SettingsError(
            f"training.state_dir {state_dir} lies in the workspace {settings.workspace.root}, which it is to outlive. "
            "Give a folder outside of it."
        )
    if settings.training.resume and settings.training.restart:
        raise SettingsError(
            "training.resume and training.restart contradict each other. Give one of --resume, --restart."
        )
    size, step = settings.network.image_size, settings.network.type.image_size_step
    if size % step:
        raise SettingsError(
            f"network.image_size {size} does not fit {settings.network.type.value}, whose feature pyramid needs a "
            f"multiple of {step}. Give {size // step * step} or {(size // step + 1) * step}."
        )
    split = settings.split
    if split.validation + split.test >= 1:
        raise SettingsError(
            f"split.validation {split.validation} and split.test {split.test} leave nothing to train on. "
            "Make their sum less than 1."
        )


def _check_outside_pictures(dataset: Path, workspace: Path) -> None:
    """Refuse a workspace in a folder of the dataset's that is read with all below it."""
    place = workspace.resolve()
    steps = place.relative_to(dataset).parts if place.is_relative_to(dataset) else ()
    if len(steps) > 1 and steps[0].lower() in _SPLIT_FOLDERS:
        steps = steps[1:]
    if steps and steps[0].lower() in _READ_FOLDERS:
        raise SettingsError(
            f"workspace.root {workspace} lies in the dataset's {steps[0]}/, where its files would be taken for the "
            "dataset's. Give another --workspace."
        )
