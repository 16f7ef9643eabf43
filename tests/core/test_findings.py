"""Findings as text, as JSON, and counted."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import SettingsError
from edgetrain.core.findings import Finding, count_by_severity, count_text, counted, findings_of, render_findings

FIRST = Finding("a.xml", 9, "box-empty", "error", "boat: the box is empty.", "Draw it again.")
SECOND = Finding("a.xml", 10, "size-missing", "warning", "<size> is missing.", "Add it.")
THIRD = Finding("b.xml", 1, "xml-unsafe", "error", "é.", "Remove it.")


def test_text_is_sorted_by_file_and_line_and_ends_with_the_number():
    text = render_findings([THIRD, SECOND, FIRST], "text")

    assert text.splitlines() == [
        "a.xml:9: error: boat: the box is empty. Draw it again. [box-empty]",
        "a.xml:10: warning: <size> is missing. Add it. [size-missing]",
        "b.xml:1: error: é. Remove it. [xml-unsafe]",
        "2 errors, 1 warning",
    ]


def test_json_has_the_same_findings_in_the_same_order():
    value = json.loads(render_findings([THIRD, FIRST], "json"))

    assert value == {"findings": [FIRST.to_json(), THIRD.to_json()]}
    assert set(FIRST.to_json()) == {"rule", "severity", "file", "line", "message", "fix"}


def test_a_report_gives_its_findings_back():
    assert findings_of({"findings": [FIRST.to_json(), SECOND.to_json()]}) == [FIRST, SECOND]
    assert findings_of({}) == []


def test_no_findings_are_zero_of_each():
    assert render_findings([], "text") == "0 errors, 0 warnings"
    assert json.loads(render_findings([], "json")) == {"findings": []}
    assert count_by_severity([]) == {"error": 0, "warning": 0}


def test_an_unknown_format_is_a_settings_error():
    with pytest.raises(
        SettingsError, match=r'--format jsn: no such format\. It is one of: text, json\. Did you mean "json"'
    ):
        render_findings([], "jsn")


@pytest.mark.parametrize(
    ("count", "noun", "expected"),
    [(1, "box", "1 box"), (2, "box", "2 boxes"), (0, "class", "0 classes"), (3, "picture", "3 pictures")],
)
def test_numbers_have_their_noun(count, noun, expected):
    assert counted(count, noun) == expected


def test_both_severities_are_counted():
    assert count_text([FIRST, SECOND, THIRD]) == "2 errors, 1 warning"
