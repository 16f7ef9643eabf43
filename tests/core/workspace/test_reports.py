"""The JSON that a stage leaves behind."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import MissingInputError
from edgetrain.core.outcome import Outcome
from edgetrain.core.workspace.reports import StageRecord, read_report, require_report, write_record


def test_a_record_has_the_results_at_its_top(tmp_path):
    report = Outcome("2 pictures", {"images": 2}, ("a note",))
    record = StageRecord("validate", report, "f", {"strict": False}, {"in": "1"}, {"out": None}, 1.26, "0.1.0")

    write_record(tmp_path / "validate.json", record)

    value = require_report(tmp_path / "validate.json", "validate")
    assert value["images"] == 2
    assert (value["stage"], value["summary"], value["notes"]) == ("validate", "2 pictures", ["a note"])
    assert value["made_from"]["inputs"] == {"in": "1"}
    assert value["made_from"]["seconds"] == 1.3


@pytest.mark.parametrize("text", [None, "", "[1]", "{", "\xff"])
def test_what_is_no_report_is_none_and_required_it_names_the_stage(tmp_path, text):
    path = tmp_path / "validate.json"
    if text is not None:
        path.write_text(text, encoding="latin-1")

    assert read_report(path) is None
    with pytest.raises(
        MissingInputError, match=r'validate.json: no report of "validate". Run "ci/inv validate" first.'
    ):
        require_report(path, "validate")


def test_a_report_may_have_a_summary_only():
    report = Outcome("done")

    assert (json.dumps(dict(report.results)), report.notes) == ("{}", ())
