"""The order of the stages, what each depends on, and what is up to date: read top to bottom, it is the pipeline."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetrain.core.errors import DatasetError, EdgetrainError, GateError, SettingsError
from edgetrain.core.findings import findings_of
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import append_text
from edgetrain.core.system.lock import sole_user
from edgetrain.core.wording import suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import require_report
from edgetrain.networks.start.archive import checkpoint_dir_of
from edgetrain.review.output.formats import Review, render_review, repository_prefix, require_format
from edgetrain.review.output.summary import Contents, render_summary
from edgetrain.stage_run import Digests, StageInputs, run_if_stale

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


_PROOFS = ("evaluate", "compile", "hardware")

STAGES: tuple[Stage, ...] = (
    Stage(
        "validate",
        "edgetrain.review.validate",
        ("validate", "network.max_boxes", "network.image_size"),
        reads_dataset=True,
        is_partial=lambda settings: bool(settings.validate.since),
    ),
    Stage(
        "split",
        "edgetrain.dataset.split",
        ("split",),
        reads_dataset=True,
        optional=lambda _, w: [w.pixel_cache_path],
        makes=lambda _, w: [w.splits_dir],
    ),
    Stage(
        "tabulate",
        "edgetrain.dataset.tabulate",
        reads_dataset=True,
        reads=lambda _, w: [w.splits_dir],
        makes=lambda _, w: [w.table_path(split) for split in Split],
    ),
    Stage(
        "label-map",
        "edgetrain.dataset.label_map",
        reads_dataset=True,
        makes=lambda _, w: [w.label_map_path, w.labels_path],
    ),
    Stage(
        "records",
        "edgetrain.records.write",
        # Not who does the work (jobs, runner, beam_options): the bytes do not depend on it.
        ("records.shards", "records.max_side", "records.from_csv", "network.image_size", "validate.rules"),
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
        ("evaluate",),
        reads=lambda _, w: [w.float_model_path, w.model_path, w.records_dir, w.label_map_path],
    ),
    Stage(
        "compile",
        "edgetrain.edgetpu.compile",
        ("compile",),
        reads=lambda _, w: [w.model_path],
        makes=lambda _, w: [w.compiled_model_path],
    ),
    Stage(
        "hardware",
        "edgetrain.edgetpu.hardware",
        ("hardware",),
        reads=lambda _, w: [w.model_path, w.records_dir, w.label_map_path],
        optional=lambda _, w: [w.compiled_model_path],
        makes=lambda _, w: [w.hardware_junit_path],
    ),
    Stage(
        "bundle",
        "edgetrain.stages.bundle",
        ("bundle",),
        reads=lambda _, w: [w.label_map_path],
        optional=lambda _, w: [w.compiled_model_path, w.report_path("hardware"), w.report_path("evaluate")],
        makes=lambda _, w: [w.bundle_dir],
    ),
    Stage(
        "promote",
        "edgetrain.stages.promote",
        ("promote",),
        reads=lambda s, w: [] if s.promote.rollback else [w.model_path, w.records_dir, w.label_map_path],
        optional=lambda _, w: [w.compiled_model_path, *(w.report_path(name) for name in _PROOFS)],
        # The champion may have moved: a decision is never up to date.
        is_partial=lambda _: True,
    ),
    Stage(
        "report",
        "edgetrain.stages.report",
        optional=lambda _, w: [w.report_path(stage.name) for stage in STAGES if stage.name != "report"],
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
    Stage("collect", "edgetrain.collect.collect", ("collect",)),
    Stage("label", "edgetrain.dataset.label", ("label",)),
    Stage("fix", "edgetrain.review.fix", ("fix",)),
    Stage("import-annotations", "edgetrain.dataset.import_annotations", ("import_annotations",)),
    Stage("export-annotations", "edgetrain.dataset.export_annotations", ("export_annotations",), reads_dataset=True),
    Stage(
        "stats",
        "edgetrain.dataset.stats.stats",
        ("network.type", "network.image_size", "validate.min_box_side"),
        reads_dataset=True,
    ),
)

_LAST_BY_DEFAULT = "evaluate"
_PREFLIGHT_FORMATS = ("text", "json")


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


def run_stage(name: str, settings: Settings) -> None:
    """Run one stage or tool, whether or not it is up to date.

    Raises:
        EdgetrainError: an input is missing, or the stage failed.
    """
    with sole_user(settings.workspace.root):
        tool = next((tool for tool in TOOLS if tool.name == name), None)
        _run(tool or stage_named(name), settings, Digests(settings), force=True)


def run_pipeline(settings: Settings, *, to: str | None = None, force: bool = False) -> list[str]:
    """Run the stages up to ``to`` (default: evaluate), then the report; skip what is unchanged. Return their names.

    Raises:
        EdgetrainError: a stage failed; what the earlier ones made stays, and the report's page shows it.
    """
    page = stage_named("report")
    last = stage_named(_LAST_BY_DEFAULT if to in (None, page.name) else to)
    stages = [stage for stage in STAGES[: STAGES.index(last) + 1] if stage is not page]
    digests = Digests(settings)
    if force:
        settings = replace(settings, training=replace(settings.training, restart=True))
    with sole_user(settings.workspace.root):
        try:
            for stage in stages:
                _run(stage, settings, digests, force=force)
        except EdgetrainError:
            # Without any report, or on a full disk, there is no page: the failure itself is what the user must read.
            with contextlib.suppress(EdgetrainError):
                _run(page, settings, digests, force=force)
            raise
        _run(page, settings, digests, force=force)
    return [stage.name for stage in stages]


def review(settings: Settings, output_format: str, summary_path: Path | None = None) -> tuple[str, bool]:
    """Run ``validate`` and return its findings in a format, and whether the dataset may be used.

    With ``summary_path`` they are appended to that file, as Markdown and with what the change does to each class.

    Raises:
        EdgetrainError: the format is unknown, or there is no dataset to review.
    """
    require_format(output_format)
    is_good = True
    try:
        run_stage("validate", settings)
    except DatasetError as error:
        if error.report is None:
            raise
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path("validate"), "validate")
    shown = Review(
        findings=findings_of(report),
        is_good=is_good,
        changed=report.get("changed", ()),  # type: ignore[arg-type]
        prefix=repository_prefix(settings.dataset.root),
    )
    if summary_path:
        now = Contents(report["images"], report["classes"])  # type: ignore[arg-type]
        before = Contents(**report["before"]) if "before" in report else None  # type: ignore[arg-type]
        append_text(summary_path, render_summary(shown, now, before))
    return render_review(shown, output_format), is_good


def report_text(name: str, settings: Settings) -> str:
    """Run a stage or tool and return the text of its report, for a terminal.

    Raises:
        EdgetrainError: the stage failed.
    """
    run_stage(name, settings)
    report = require_report(Workspace(settings.workspace.root).report_path(name), name)
    return str(report["text"])


def verify_records(settings: Settings) -> tuple[str, bool]:
    """Read the finished records back; return every fault as text, and whether training may use them.

    Raises:
        EdgetrainError: there are no records, or no label map.
    """
    is_good = True
    try:
        run_stage("records-verify", settings)
    except DatasetError as error:
        if error.report is None:
            raise
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path("records-verify"), "records --verify")
    return str(report["text"]), is_good


def preflight(settings: Settings, output_format: str, *, untrained: bool) -> tuple[str, bool]:
    """Judge the workspace's model, ``preflight.model`` or an untrained model; return the verdict and if it is good.

    Raises:
        EdgetrainError: the format is unknown, or there is no model to judge.
    """
    if output_format not in _PREFLIGHT_FORMATS:
        raise SettingsError(
            f"--format {output_format}: no such format. It is one of: {', '.join(_PREFLIGHT_FORMATS)}."
            f"{suggestion(output_format, _PREFLIGHT_FORMATS)}"
        )
    name = "preflight-untrained" if untrained else "preflight-file" if settings.preflight.model else "preflight"
    is_good = True
    try:
        run_stage(name, settings)
    except GateError:
        is_good = False
    report = require_report(Workspace(settings.workspace.root).report_path(name), name)
    if output_format == "json":
        return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False), is_good
    return str(report["text"]), is_good


def _run(stage: Stage, settings: Settings, digests: Digests, *, force: bool) -> None:
    """Run one stage unless its inputs, settings, code and outputs are those of its last run."""
    workspace = Workspace(settings.workspace.root)
    inputs = StageInputs(
        settings={name: settings.value(name) for name in stage.settings},
        required={path: maker_of(path, settings, workspace) for path in stage.reads(settings, workspace)},
        optional=tuple(stage.optional(settings, workspace)),
        reads_dataset=stage.reads_dataset,
        outputs=tuple(stage.makes(settings, workspace)),
        is_partial=stage.is_partial(settings),
    )
    run_if_stale(stage.name, stage.module, inputs, settings=settings, digests=digests, force=force)


def maker_of(path: Path, settings: Settings, workspace: Workspace) -> str:
    """Return the name of the stage that makes a path of the workspace."""
    return next(stage.name for stage in STAGES if path in stage.makes(settings, workspace))
