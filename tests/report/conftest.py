"""Reports of stages, and the page that is made of them."""

from __future__ import annotations

import pytest

from edgetrain.core.outcome import Outcome
from edgetrain.core.workspace.reports import StageRecord, write_record
from edgetrain.report import page as report
from tests.support.report_material import FLOAT32, INT8


@pytest.fixture
def left(workspace):
    """Return a function that leaves the report of a stage."""

    def write(stage, results=None, *, summary="done", notes=(), fingerprint="f", **made_from):
        origin = {"settings": {}, "inputs": {}, "outputs": {}, "seconds": 1.5, "versions": {"numpy": "1.26.4"}}
        value = Outcome(summary, results or {}, tuple(notes))
        record = StageRecord(stage=stage, outcome=value, fingerprint=fingerprint, **{**origin, **made_from})
        write_record(workspace.report_path(stage), record)

    return write


@pytest.fixture
def judged(left):
    """Return a function that leaves the report of an evaluation."""

    def write(*, float32=FLOAT32, int8=INT8, boxes=150, **changes):
        results = {"split": "test", "images": 120, "boxes": boxes, "results": {"float32": float32, "int8": int8}}
        left("evaluate", {**results, **changes})

    return write


@pytest.fixture
def page(settings, workspace):
    """Return a function that makes the page and returns its text."""

    def make():
        report.run(settings(), workspace)
        return workspace.report_page_path.read_text(encoding="utf-8")

    return make
