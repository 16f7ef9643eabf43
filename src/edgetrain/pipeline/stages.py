"""The table of stages, in order: what does each, what it reads and makes, and the settings that shape its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import SettingsError
from edgetrain.core.settings import Settings
from edgetrain.core.settings.own_model import own_model_files
from edgetrain.core.splits import Split
from edgetrain.core.wording import suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.networks.start.archive import checkpoint_dir_of

Paths = Callable[[Settings, Workspace], Sequence[Path]]


def _none(_settings: Settings, _workspace: Workspace) -> Sequence[Path]:
    return ()


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline and everything that its result depends on.

    ``module`` does the work and is imported only when there is some. ``settings`` names sections or ``section.key``;
    ``reads`` are paths that must exist, ``makes`` paths that it leaves; ``optional`` are inputs that may be absent;
    ``is_partial`` tells whether only a part is looked at.
    """

    name: str
    module: str
    settings: tuple[str, ...] = ()
    reads_dataset: bool = False
    reads: Paths = _none
    optional: Paths = _none
    makes: Paths = _none
    is_partial: Callable[[Settings], bool] = lambda _: False


def _checkpoint_file(settings: Settings, _workspace: Workspace) -> Sequence[Path]:
    """Return the local archive or folder, if the checkpoint is one: its content may change under the same name."""
    url = settings.checkpoint.url
    local = Path(url.removeprefix("file://"))
    return () if not url or url.startswith(("http://", "https://")) else (checkpoint_dir_of(local),)


def _judged_models(settings: Settings, workspace: Workspace) -> Sequence[Path]:
    """Return the models that are judged, but for one of the user's own."""
    return () if settings.model.file else (workspace.float_model_path, workspace.model_path)


def _own_model_files(settings: Settings, _workspace: Workspace) -> Sequence[Path]:
    """Return the user's own model and its labels: their content may change under the same name."""
    return own_model_files(settings.model)


_PROOFS = ("evaluate", "compile", "hardware")


STAGES: tuple[Stage, ...] = (
    Stage(
        "validate",
        "edgetrain.review.validate",
        ("validate", "dataset.classes", "network.max_boxes", "network.image_size", "export.max_detections"),
        reads_dataset=True,
        is_partial=lambda settings: bool(settings.validate.since),
    ),
    Stage(
        "split",
        "edgetrain.dataset.split",
        ("split", "dataset.classes"),
        reads_dataset=True,
        optional=lambda _, w: [w.pixel_cache_path],
        makes=lambda _, w: [w.splits_dir],
    ),
    Stage(
        "tabulate",
        "edgetrain.dataset.tabulate",
        ("dataset.classes",),
        reads_dataset=True,
        reads=lambda _, w: [w.splits_dir],
        makes=lambda _, w: [w.table_path(split) for split in Split],
    ),
    Stage(
        "label-map",
        "edgetrain.dataset.label_map",
        ("dataset.classes",),
        reads_dataset=True,
        makes=lambda _, w: [w.label_map_path, w.labels_path],
    ),
    Stage(
        "records",
        "edgetrain.records.write",
        # Not who does the work (jobs, runner, beam_options): the bytes do not depend on it.
        (
            *("records.shards", "records.max_side", "records.from_csv"),
            *("dataset.classes", "network.image_size", "validate.rules"),
        ),
        reads_dataset=True,
        reads=lambda _, w: [w.splits_dir, w.label_map_path],
        optional=lambda settings, _: [settings.records.from_csv] if settings.records.from_csv else [],
        makes=lambda _, w: [w.records_dir],
    ),
    Stage(
        "checkpoint",
        "edgetrain.networks.checkpoint",
        ("network.type", "network.image_size", "checkpoint"),
        optional=_checkpoint_file,
        makes=lambda _, w: [w.checkpoint_dir],
    ),
    Stage(
        "configure",
        "edgetrain.networks.configure",
        (
            "network",
            "training.steps",
            "training.batch_size",
            "training.train_whole_model",
            "training.learning_rate",
            "training.warmup",
            "training.gradient_clip_norm",
            "training.augmentations",
            "training.frozen_blocks",
            "training.freeze_batch_norm",
        ),
        reads=lambda _, w: [w.label_map_path, w.checkpoint_dir],
        makes=lambda _, w: [w.pipeline_config_path],
    ),
    # What maps depends on the shape of the model, so not on the rest of pipeline.config.
    Stage(
        "preflight-untrained",
        "edgetrain.edgetpu.preflight_untrained",
        ("network", "export", "compile.min_runtime_version"),
        reads=lambda _, w: [w.label_map_path],
    ),
    Stage(
        "train",
        "edgetrain.training.train",
        (
            "training.seed",
            "training.augmented_versions",
            "training.weight_average",
            "training.rare_class_share",
            "training.precision",
            "training.validate_every_steps",
            "training.patience",
            "training.keep_best",
        ),
        reads=lambda _, w: [w.pipeline_config_path, w.records_dir, w.label_map_path, w.checkpoint_dir],
        makes=lambda _, w: [w.trained_dir],
    ),
    Stage(
        "export",
        "edgetrain.training.export",
        ("export",),
        reads=lambda _, w: [w.pipeline_config_path, w.trained_dir],
        makes=lambda _, w: [w.saved_model_dir],
    ),
    Stage(
        "quantize",
        "edgetrain.tflite.quantize",
        ("quantize",),
        reads=lambda _, w: [w.saved_model_dir, w.records_dir, w.label_map_path],
        makes=lambda _, w: [w.float_model_path, w.model_path],
    ),
    Stage(
        "preflight", "edgetrain.edgetpu.preflight", ("compile.min_runtime_version",), reads=lambda _, w: [w.model_path]
    ),
    Stage(
        "evaluate",
        "edgetrain.evaluation.evaluate",
        ("evaluate", "model"),
        reads=lambda s, w: [*_judged_models(s, w), w.records_dir, w.label_map_path],
        optional=_own_model_files,
        makes=lambda _, w: [w.detections_path],
    ),
    Stage(
        "compile",
        "edgetrain.edgetpu.compile",
        ("compile", "model.file", "preflight.min_level"),
        reads=lambda s, w: [] if s.model.file else [w.model_path],
        optional=_own_model_files,
        makes=lambda s, w: [w.with_model(s.model.file).compiled_model_path],
    ),
    Stage(
        "hardware",
        "edgetrain.edgetpu.hardware",
        ("hardware", "model"),
        reads=lambda s, w: [*([] if s.model.file else [w.model_path]), w.records_dir, w.label_map_path],
        optional=lambda s, w: [w.with_model(s.model.file).compiled_model_path, *_own_model_files(s, w)],
        makes=lambda _, w: [w.hardware_junit_path],
    ),
    Stage(
        "bundle",
        "edgetrain.release.bundle",
        ("bundle", "model"),
        reads=lambda s, w: [] if s.model.file else [w.label_map_path],
        optional=lambda s, w: [
            w.with_model(s.model.file).compiled_model_path,
            w.report_path("compile"),
            w.report_path("hardware"),
            w.report_path("evaluate"),
            *_own_model_files(s, w),
        ],
        makes=lambda _, w: [w.bundle_dir],
    ),
    Stage(
        "promote",
        "edgetrain.release.promote",
        ("promote",),
        reads=lambda s, w: [] if s.promote.rollback else [w.model_path, w.records_dir, w.label_map_path],
        optional=lambda _, w: [w.compiled_model_path, *(w.report_path(name) for name in _PROOFS)],
        # The champion may have moved: a decision is never up to date.
        is_partial=lambda _: True,
    ),
    Stage(
        "report",
        "edgetrain.report.page",
        optional=lambda s, w: [
            *(w.report_path(stage.name) for stage in STAGES if stage.name != "report"),
            *_own_model_files(s, w),
        ],
        makes=lambda _, w: [w.report_page_path],
    ),
)


# Beside the pipeline: run by their own tasks only.
# What changes the dataset does not name it as an input: the report would call that a stale one.
TOOLS: tuple[Stage, ...] = (
    Stage(
        "records-verify",
        "edgetrain.records.verify",
        ("network.max_boxes",),
        reads=lambda _, w: [w.records_dir, w.label_map_path],
    ),
    Stage("preflight-file", "edgetrain.edgetpu.preflight_file", ("preflight", "compile.min_runtime_version")),
    Stage("adapt", "edgetrain.edgetpu.adapt.adapt", ("adapt", "compile.min_runtime_version")),
    Stage("collect", "edgetrain.collect.collect", ("collect",)),
    Stage("label", "edgetrain.dataset.label", ("label",)),
    Stage("fix", "edgetrain.review.fix", ("fix",)),
    Stage("import-annotations", "edgetrain.dataset.import_annotations", ("import_annotations",)),
    Stage(
        "export-annotations",
        "edgetrain.dataset.export_annotations",
        ("export_annotations", "dataset.classes"),
        reads_dataset=True,
    ),
    Stage(
        "stats",
        "edgetrain.dataset.stats.stats",
        ("dataset.classes", "network.type", "network.image_size", "validate.min_box_side"),
        reads_dataset=True,
    ),
)


def stage_named(name: str) -> Stage:
    """Return a stage by its task name.

    Raises:
        SettingsError: there is no such stage.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    names = [stage.name for stage in STAGES]
    raise SettingsError(f"--to {name}: no such stage. It is one of: {', '.join(names)}.{suggestion(name, names)}")
