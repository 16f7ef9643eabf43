"""Runs the stages of the table: one of them, or all up to a last one, those that are up to date skipped."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from edgetrain.core.errors import EdgetrainError, GateError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.lock import sole_user
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.reports import StageRecord
from edgetrain.pipeline.stage_run import Digests, StageInputs, run_if_stale, run_now
from edgetrain.pipeline.stages import STAGES, TOOLS, Stage, stage_named

_LAST_BY_DEFAULT = "evaluate"


def run_stage(name: str, settings: Settings) -> StageRecord:
    """Run one stage or tool, whether or not it is up to date; return its report, whether or not the result is good.

    Raises:
        EdgetrainError: an input is missing, or the stage cannot do its work.
    """
    with sole_user(settings.workspace.root):
        stage = next((tool for tool in TOOLS if tool.name == name), None) or stage_named(name)
        return run_now(stage.name, stage.module, _inputs(stage, settings), settings, Digests(settings))


def require_good(outcome: Outcome) -> None:
    """Raise what is wrong with a result that must not be used.

    Raises:
        GateError: the result is not good.
    """
    if not outcome.is_good:
        raise GateError(outcome.failure)


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


def _run(stage: Stage, settings: Settings, digests: Digests, *, force: bool) -> None:
    """Run one stage, unless it is up to date.

    Raises:
        EdgetrainError: it failed, or its result is not good.
    """
    inputs = _inputs(stage, settings)
    if force:
        require_good(run_now(stage.name, stage.module, inputs, settings, digests).outcome)
    elif outcome := run_if_stale(stage.name, stage.module, inputs, settings, digests):
        require_good(outcome)


def _inputs(stage: Stage, settings: Settings) -> StageInputs:
    workspace = Workspace(settings.workspace.root)
    return StageInputs(
        settings={name: settings.value(name) for name in stage.settings},
        required={path: maker_of(path, settings, workspace) for path in stage.reads(settings, workspace)},
        optional=tuple(stage.optional(settings, workspace)),
        reads_dataset=stage.reads_dataset,
        outputs=tuple(stage.makes(settings, workspace)),
        is_partial=stage.is_partial(settings),
    )


def maker_of(path: Path, settings: Settings, workspace: Workspace) -> str:
    """Return the name of the stage that makes a path of the workspace."""
    return next(stage.name for stage in STAGES if path in stage.makes(settings, workspace))
