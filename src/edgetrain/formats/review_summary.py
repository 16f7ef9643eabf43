"""A review as GitHub Markdown, for the summary page of a workflow's step.

GitHub takes 1 MiB of a step, so what does not fit is counted. Class and file names are a stranger's text: every letter
that means something in Markdown or HTML is written as a character reference, so nothing in them becomes a link, a
picture, a mention or a row of its own. https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from edgetrain.core.findings import Finding, Severity, count_by_rule, count_text, counted, printable
from edgetrain.formats.finding_formats import Review

_MOST_BYTES = 1_000_000
_MOST_LETTERS = 500
_REFERENCES = {ord(sign): f"&#{ord(sign)};" for sign in string.punctuation if sign not in ".,;-/()"}


@dataclass(frozen=True)
class Contents:
    """Number of annotated pictures, and of boxes by class; faulty boxes do not count."""

    pictures: int
    classes: Mapping[str, int]


def render_summary(review: Review, now: Contents, before: Optional[Contents] = None) -> str:
    """Return a review as Markdown: what the change does to the dataset, how often each rule is broken, all findings.

    Args:
        review: findings, and the files that the change touches; their findings come first.
        now: what the dataset holds.
        before: what it held before the change, if that is known.
    """
    verdict = "good" if review.is_good else "not accepted"
    head = [f"## Annotations: {verdict}, {count_text(review.findings)}", ""]
    if review.changed:
        head += [f"{counted(len(review.changed), 'file')} changed.", ""]
    text = "\n".join([*head, *_content_rows(now, before), "", *_rule_rows(review.findings)])
    return text + "\n" + _finding_rows(review, _MOST_BYTES - len(text.encode()))


def _content_rows(now: Contents, before: Optional[Contents]) -> Iterator[str]:
    rows = [("pictures", now.pictures, before.pictures if before else None)]
    names = sorted({*now.classes, *(before.classes if before else ())})
    rows += [
        (f"boxes: {_shown(name)}", now.classes.get(name, 0), before.classes.get(name, 0) if before else None)
        for name in names
    ]
    if before is None:
        yield from ("| | now |", "|---|--:|")
        yield from (f"| {name} | {count} |" for name, count, _ in rows)
        return
    yield from ("| | before | now | change |", "|---|--:|--:|--:|")
    yield from (f"| {name} | {was} | {count} | {count - (was or 0):+d} |" for name, count, was in rows)


def _rule_rows(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    severities: Mapping[str, str] = {finding.rule: finding.severity for finding in findings}
    yield from ("| rule | severity | findings |", "|---|---|--:|")
    yield from (f"| {rule} | {severities[rule]} | {count} |" for rule, count in count_by_rule(findings).items())
    yield ""


def _finding_rows(review: Review, room: int) -> str:
    """Return a table of as many findings as there is room for, in bytes."""
    if not review.findings:
        return ""
    order = {severity.value: place for place, severity in enumerate(Severity)}
    ordered = sorted(review.findings, key=lambda one: (one.file not in review.changed, order[one.severity], one))
    rows = ["| where | | what | what to do |", "|---|---|---|---|"]
    room -= sum(len(row) + 1 for row in rows) + 200
    for shown, finding in enumerate(ordered):
        place = _shown(f"{review.path_of(finding.file)}:{finding.line}")
        what = f"{_shown(finding.message)} ({finding.rule})"
        row = f"| {place} | {finding.severity} | {what} | {_shown(finding.fix)} |"
        room -= len(row.encode()) + 1
        if room < 0:
            return "\n".join(
                [*rows, "", f"{counted(len(ordered) - shown, 'more finding')}: the step's log lists all.", ""]
            )
        rows.append(row)
    return "\n".join([*rows, ""])


def _shown(text: str) -> str:
    """Return a stranger's text as Markdown that shows just that; ``@`` calls nobody."""
    whole = printable(text.encode("utf-8", "backslashreplace").decode())
    short = whole if len(whole) <= _MOST_LETTERS else f"{whole[:_MOST_LETTERS]}…"
    return short.translate(_REFERENCES).replace("&#64;", "&#64;&#8288;")
