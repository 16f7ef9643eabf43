"""The formats by name, and where a dataset lies in its repository."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import SettingsError
from edgetrain.core.findings import Finding
from edgetrain.review.output.formats import Review, render_review, repository_prefix, require_format

FAULT = Finding("a.xml", 9, "box-empty", "error", "boat: the box is empty.", "Draw it again.")


def test_every_format_shows_the_finding():
    review = Review([FAULT], is_good=False, prefix="data/")
    texts = {name: render_review(review, name) for name in ("text", "json", "github", "sarif")}

    assert texts["text"].startswith("a.xml:9: error: boat")
    assert json.loads(texts["json"]) == {"findings": [FAULT.to_json()]}
    assert "::error file=data/a.xml,line=9," in texts["github"]
    assert json.loads(texts["sarif"])["runs"][0]["invocations"][0]["exitCode"] == 1
    assert '"uri": "data/a.xml"' in texts["sarif"]


def test_an_unknown_format_is_a_settings_error():
    with pytest.raises(
        SettingsError, match=r"--format jsn: .*one of: text, json, github, sarif\. Did you mean \"json\""
    ):
        require_format("jsn")


def test_the_prefix_leads_from_the_top_of_the_repository(tmp_path):
    dataset = tmp_path / "data" / "boats"
    dataset.mkdir(parents=True)
    (tmp_path / ".git").write_text("gitdir: elsewhere")

    assert repository_prefix(dataset) == "data/boats/"
    assert repository_prefix(tmp_path) == ""


def test_without_a_repository_the_prefix_leads_from_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "boats").mkdir()
    monkeypatch.chdir(tmp_path)

    assert repository_prefix(tmp_path / "boats") == "boats/"
    assert repository_prefix(tmp_path.parent) == ""
