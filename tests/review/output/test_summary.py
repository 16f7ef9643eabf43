"""A review as Markdown is complete, within GitHub's limit, and no stranger's text means anything in it."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.core.findings import Finding
from edgetrain.review.output.formats import Review
from edgetrain.review.output.summary import Contents, render_summary

EMPTY = Contents(0, {})
GOLDEN = """\
## Annotations: not accepted, 2 errors, 1 warning

1 file changed.

| | before | now | change |
|---|--:|--:|--:|
| pictures | 4 | 3 | -1 |
| boxes: boat | 5 | 7 | +2 |
| boxes: fish | 0 | 1 | +1 |
| boxes: house | 2 | 0 | -2 |

| rule | severity | findings |
|---|---|--:|
| box-empty | error | 2 |
| class-rare | warning | 1 |

| where | | what | what to do |
|---|---|---|---|
| data/b.xml&#58;2 | error | m. (box-empty) | f. |
| data/b.xml&#58;1 | warning | m. (class-rare) | f. |
| data/a.xml&#58;1 | error | m. (box-empty) | f. |
"""


def fault(file, **changes):
    return replace(Finding(file, 1, "box-empty", "error", "m.", "f."), **changes)


def cells(text):
    """Return the cells of the last table's rows, as a reader sees them."""
    rows = text.rpartition("|---|---|---|---|\n")[2].strip("\n").split("\n")
    return [[html.unescape(cell) for cell in row.strip("| ").split(" | ")] for row in rows]


def test_touched_files_come_first_and_classes_are_compared():
    findings = [fault("a.xml"), fault("b.xml", rule="class-rare", severity="warning"), fault("b.xml", line=2)]
    review = Review(findings, is_good=False, changed={"b.xml"}, prefix="data/")

    text = render_summary(review, Contents(3, {"boat": 7, "fish": 1}), Contents(4, {"boat": 5, "house": 2}))

    assert text == GOLDEN


def test_without_a_base_there_is_nothing_to_compare():
    text = render_summary(Review([]), Contents(3, {"boat": 7}))

    assert text == (
        "## Annotations: good, 0 errors, 0 warnings\n\n| | now |\n|---|--:|\n| pictures | 3 |\n| boxes: boat | 7 |\n\n"
    )


def test_of_ten_thousand_findings_those_that_fit_are_shown_and_the_others_counted():
    findings = [fault(f"annotations/{number:05}.xml", message="@" * 200) for number in range(10_000)]

    text = render_summary(Review(findings, is_good=False), EMPTY)

    shown = text.count("(box-empty)")
    assert 300 < shown < 10_000
    assert text.endswith(f"\n\n{10_000 - shown} more findings: the step's log lists all findings.\n")
    assert 900_000 < len(text.encode()) <= 1_000_000


def test_any_number_of_classes_leaves_room_for_findings():
    classes = {f"{'|' * 300}{number}": 1 for number in range(2000)}

    text = render_summary(Review([fault("a.xml")], is_good=False), Contents(1, classes), EMPTY)

    assert re.search(r"\n\n\d+ more classes: ", text)
    assert "(box-empty)" in text
    assert len(text.encode()) <= 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "$(touch x)`touch x`",
        "a|b\nc",
        "<img src=x onerror=y>",
        "[a](https://b.example)",
        "https://b.example www.b.example",
        "::set-output name=a::b",
        "*a* _b_ ~c~ # d",
        "\\|",
        "&lt;",
        "\u202eright to left",
    ],
)
def test_a_hostile_name_is_only_a_name(text):
    shown = render_summary(Review([fault(text, message=text, fix=text)]), EMPTY)

    visible = text.replace("\n", "\\n").replace("\u202e", "\\u202e")
    assert cells(shown) == [[f"{visible}:1", "error", f"{visible} (box-empty)", visible]]
    assert not re.search(r"[$`<>\[\]*_~\\@!]|://|www\\.|^::", shown, re.MULTILINE)


def test_nobody_is_mentioned_and_nothing_is_linked_by_its_number():
    shown = render_summary(Review([fault("a.xml", message="@team #12 a@b.example")]), EMPTY)

    assert "&#64;&#8288;team &#35;12 a&#64;&#8288;b.example" in shown


@given(st.lists(st.text(max_size=30), min_size=3, max_size=3))
def test_no_text_leaves_its_cell(texts):
    shown = render_summary(Review([fault(texts[0], message=texts[1], fix=texts[2])]), EMPTY)

    assert (shown.count("|"), shown.encode().count(b"\n")) == (36, 13)


def test_a_long_text_is_cut():
    shown = render_summary(Review([fault("a.xml", message="x" * 5000)]), EMPTY)

    assert f" {'x' * 500}… (box-empty)" in shown
