"""Findings as text, as JSON, and counted."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.findings import Finding, count_by_severity, count_text, thinned
from edgetrain.core.wording import counted
from edgetrain.review.output.text import render_json, render_text

FIRST = Finding("a.xml", 9, "box-empty", "error", "boat: the box is empty.", "Draw it again.")
SECOND = Finding("a.xml", 10, "size-missing", "warning", "<size> is missing.", "Add it.")
THIRD = Finding("b.xml", 1, "xml-unsafe", "error", "é.", "Remove it.")


def test_text_is_sorted_by_file_and_line_and_ends_with_the_number():
    text = render_text([THIRD, SECOND, FIRST])

    assert text.splitlines() == [
        "a.xml:9: error: boat: the box is empty. Draw it again. [box-empty]",
        "a.xml:10: warning: <size> is missing. Add it. [size-missing]",
        "b.xml:1: error: é. Remove it. [xml-unsafe]",
        "2 errors, 1 warning",
    ]


def test_json_has_the_same_findings_in_the_same_order():
    value = json.loads(render_json([THIRD, FIRST]))

    assert value == {"findings": [FIRST.to_json(), THIRD.to_json()]}
    assert set(FIRST.to_json()) == {"rule", "severity", "file", "line", "message", "fix"}


def test_no_findings_are_zero_of_each():
    assert render_text([]) == "0 errors, 0 warnings"
    assert json.loads(render_json([])) == {"findings": []}
    assert count_by_severity([]) == {"error": 0, "warning": 0}


def test_what_a_terminal_would_obey_is_shown_as_escapes():
    hostile = Finding("a\n\x1b[2J\u202e\udcff.xml", 1, "box-empty", "error", "ä…", "f.")

    assert render_text([hostile]).splitlines()[0] == r"a\n\x1b[2J\u202e\udcff.xml:1: error: ä… f. [box-empty]"
    assert json.loads(render_json([hostile]).encode())["findings"] == [hostile.to_json()]


@pytest.mark.parametrize(
    ("count", "noun", "expected"),
    [(1, "box", "1 box"), (2, "box", "2 boxes"), (0, "class", "0 classes"), (3, "picture", "3 pictures")],
)
def test_numbers_have_their_noun(count, noun, expected):
    assert counted(count, noun) == expected


def test_both_severities_are_counted():
    assert count_text([FIRST, SECOND, THIRD]) == "2 errors, 1 warning"


def test_a_hundred_findings_of_a_rule_stand_for_all_of_a_file():
    many = [Finding.of(("a.xml", line), "box-empty", f"{line}.", "Draw it again.") for line in range(1, 251)]
    other = Finding.of(("a.xml", 1), "box-tiny", "x.", "y.")

    kept = list(thinned([*many, other]))

    assert kept[:100] == [*many[:99], other]
    assert [one.message for one in kept[100:]] == ["100. So are 150 more in this file."]
    assert list(thinned(many[:100])) == many[:100]


def test_a_message_of_a_long_name_is_cut_off():
    assert len(Finding.of(("a.xml", 1), "box-empty", "x" * 1_000_000, "f.").message) == 2001
