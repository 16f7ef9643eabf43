"""Findings as workflow commands: GitHub's limits are kept, and no stranger's text becomes a command."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.findings import Finding
from edgetrain.review.output.github import render_github

FAULT = Finding("annotations/a.xml", 9, "box-empty", "error", "boat: the box is empty.", "Draw it again.")
COMMAND = re.compile(r"::(error|warning|notice|stop-commands) ?([^:]*)::(.*)", re.DOTALL)


def obeyed(text):
    """Return what GitHub's runner obeys: (command, properties, data), as its parser does it."""
    commands, token = [], None
    for line in text.split("\n"):
        found = COMMAND.fullmatch(line.strip())
        if token:
            token = None if line.strip() == f"::{token}::" else token
        elif found and found[1] == "stop-commands":
            token = found[3]
        elif found:
            values = dict(part.split("=", 1) for part in found[2].split(",") if part)
            commands.append((found[1], {name: unescaped(value) for name, value in values.items()}, unescaped(found[3])))
        else:
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line
    assert token is None
    return commands


def unescaped(text):
    for code in ("%0D", "%0A", "%3A", "%2C", "%25"):
        text = text.replace(code, chr(int(code[1:], 16)))
    return text


def faults(count, severity="error", file="a{:03}.xml"):
    return [Finding(file.format(number), 1, "box-empty", severity, "m.", "f.") for number in range(count)]


def test_a_finding_stands_on_its_line_and_in_the_log():
    text = render_github([FAULT], path_of="data/{}".format)

    place = {"file": "data/annotations/a.xml", "line": "9", "title": "box-empty"}
    assert obeyed(text) == [("error", place, "boat: the box is empty. Draw it again.")]
    assert f"\n{FAULT}\n1 error, 0 warnings\n" in text


def test_of_many_findings_the_first_ten_of_a_kind_are_shown_and_the_rest_counted():
    commands = obeyed(render_github([*faults(12), *faults(30, "warning")]))

    assert [kind for kind, _, _ in commands] == ["error"] * 10 + ["warning"] * 10 + ["notice"]
    assert commands[-1][2] == "22 more findings not shown here: the step's log lists all (12 errors, 30 warnings)."


def test_ten_findings_need_no_notice():
    assert [kind for kind, _, _ in obeyed(render_github(faults(10)))] == ["error"] * 10


def test_changed_files_come_first_but_no_warning_before_an_error():
    findings = [*faults(12), *faults(1, "warning", "w.xml")]

    commands = obeyed(render_github(findings, changed={"a011.xml", "w.xml"}))

    assert [values["file"] for _, values, _ in commands if "file" in values][:2] == ["a011.xml", "a000.xml"]
    assert commands[10][0] == "warning"


@pytest.mark.parametrize(
    "text", ["::error::x", "a\n::error::x", "\r::warning::", "##[error]x", "%0A::error::", "a,line=1"]
)
def test_a_hostile_name_is_only_a_name(text):
    hostile = Finding(text, 3, "class-typo", "error", text, text)

    (command,) = obeyed(render_github([hostile]))

    assert command == ("error", {"file": text, "line": "3", "title": "class-typo"}, f"{text} {text}")


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), min_size=3, max_size=3))
def test_no_text_breaks_out(texts):
    finding = Finding(texts[0], 1, "class-typo", "warning", texts[1], texts[2])

    commands = obeyed(render_github([finding]))

    assert [(kind, values["line"], values["title"]) for kind, values, _ in commands] == [("warning", "1", "class-typo")]


def test_a_finding_cannot_end_the_block_of_the_log():
    token = re.search("::stop-commands::(.*)", render_github([FAULT]))[1]
    liar = Finding(f"::{token}::", 1, "box-empty", "error", f"\n::{token}::\n::error::x", "f.")

    assert len(obeyed(render_github([FAULT, liar]))) == 2


def test_a_name_that_is_not_utf_8_can_be_written():
    text = render_github([Finding("\udcff.xml", 1, "box-empty", "error", "m.", "f.")])

    assert b"file=\\udcff.xml" in text.encode()


def test_a_long_message_is_cut():
    text = render_github([Finding("a.xml", 1, "class-typo", "error", "x" * 5000, "f.")])

    assert len(obeyed(text)[0][2]) == 1001
