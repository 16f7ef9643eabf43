"""Stages that write tiny files in place of the real ones, and fixtures that run the flow over them."""

from __future__ import annotations

import sys
import types

import pytest

from edgetrain.core.outcome import Outcome
from edgetrain.core.system import progress
from edgetrain.core.system.files import replacing_dir, write_text
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.system.progress import Listener
from edgetrain.pipeline import flow, stage_run
from edgetrain.pipeline.stage_run import Digests
from edgetrain.pipeline.stages import STAGES

ALL_NAMES = [stage.name for stage in STAGES]
# What runs by default: what needs Google's compiler or a device is asked for with --to.
NAMES = [*ALL_NAMES[: ALL_NAMES.index("evaluate") + 1], "report"]
FOLDERS = ("splits", "records", "checkpoint", "final", "saved_model", "bundle")


class History(Listener):
    """Remembers what ran and what was skipped."""

    def __init__(self):
        self.ran, self.was_skipped = [], []

    def started(self, stage):
        self.ran.append(stage)

    def skipped(self, stage, _reason):
        self.was_skipped.append(stage)


class FakeStages:
    """Stages that write tiny files in place of the real ones; a failure or another outcome can be put into each."""

    def __init__(self):
        self.failures, self.outcomes, self.settings = {}, {}, {}

    def module(self, stage):
        module = types.ModuleType(stage.module)
        module.run = lambda settings, workspace: self._run(stage, settings, workspace)
        return module

    def _run(self, stage, settings, workspace):
        self.settings[stage.name] = settings
        if stage.name in self.failures:
            raise self.failures[stage.name]
        if stage.name in self.outcomes:
            return self.outcomes[stage.name]
        inputs = [tree_digest(path) for path in stage.reads(settings, workspace)]
        content = repr([inputs, *(settings.value(name) for name in stage.settings)]).ljust(20_000)
        for path in stage.makes(settings, workspace):
            if path.name in FOLDERS:
                with replacing_dir(path) as temporary:
                    (temporary / "content.txt").write_text(content)
            else:
                write_text(path, content)
        return Outcome(f"{stage.name} done")


@pytest.fixture
def stages(monkeypatch):
    """Put fake modules in the place of all stages; the project's code stays the same during a test."""
    fakes = FakeStages()
    for stage in STAGES:
        monkeypatch.setitem(sys.modules, stage.module, fakes.module(stage))
    monkeypatch.setattr(Digests, "of_code", lambda _self: "code")
    monkeypatch.setattr(stage_run, "_versions", dict)
    return fakes


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "boat.xml").write_text("<annotation/>")
    return folder


@pytest.fixture
def pipeline(stages, dataset, settings):
    """Return a function that runs the pipeline and returns what ran; arguments with ``__`` are settings."""

    def run(to=None, *, force=False, **changes):
        history = History()
        with progress.listening(history):
            flow.run_pipeline(settings(**changes), to=to, force=force)
        assert set(history.ran).isdisjoint(history.was_skipped)
        return history.ran

    return run
