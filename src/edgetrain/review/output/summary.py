"""A review as GitHub Markdown, for the summary page of a workflow's step.

GitHub takes 1 MiB of a step, so what does not fit is counted. Class and file names are a stranger's text: every letter
that means something in Markdown or HTML is written as a character reference, so nothing in them becomes a link, a
picture, a mention or a row of its own. https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from edgetrain.core.findings import Finding, Severity, count_by_rule, count_text
from edgetrain.core.outcome import Outcome
from edgetrain.core.wording import counted, printable
from edgetrain.review.output.formats import Review

_MOST_BYTES = 1_000_000
_LAST_LINE_BYTES = 100
_BEGINS_LINK = re.compile(r"(www)\.", re.IGNORECASE)
_MOST_LETTERS = 500
_REFERENCES = {ord(sign): f"&#{ord(sign)};" for sign in string.punctuation if sign not in ".,;-/()"}


@dataclass(frozen=True)
class Contents:
    """Number of annotated pictures, and of boxes by class; faulty boxes do not count."""

    pictures: int
    classes: Mapping[str, int]


def contents_of(outcome: Outcome) -> tuple[Contents, Optional[Contents]]:
    """Return what the dataset holds by the outcome of ``validate``, and before the change (``None``: not known)."""
    results: Mapping[str, Any] = outcome.results
    return Contents(results["images"], results["classes"]), results.get("before")


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
    head += [*_within(_content_rows(now, before), _MOST_BYTES // 2, "more class"), "", *_rule_rows(review.findings)]
    room = _MOST_BYTES - _size_bytes(head)
    return "\n".join([*head, *_within(_finding_rows(review), room, "more finding"), ""])


def _content_rows(now: Contents, before: Optional[Contents]) -> Iterator[str]:
    if before is None:
        yield from ("| | now |", "|---|--:|", f"| pictures | {now.pictures} |")
        yield from (f"| boxes: {in_markdown(name)} | {count} |" for name, count in sorted(now.classes.items()))
        return
    yield from (
        "| | before | now | change |",
        "|---|--:|--:|--:|",
        _change_row("pictures", before.pictures, now.pictures),
    )
    for name in sorted({*now.classes, *before.classes}):
        yield _change_row(f"boxes: {in_markdown(name)}", before.classes.get(name, 0), now.classes.get(name, 0))


def _change_row(name: str, before: int, now: int) -> str:
    return f"| {name} | {before} | {now} | {now - before:+d} |"


def _rule_rows(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    severities: Mapping[str, str] = {finding.rule: finding.severity for finding in findings}
    yield from ("| rule | severity | findings |", "|---|---|--:|")
    yield from (f"| {rule} | {severities[rule]} | {count} |" for rule, count in count_by_rule(findings).items())
    yield ""


def _finding_rows(review: Review) -> Iterator[str]:
    if not review.findings:
        return
    order = {severity.value: place for place, severity in enumerate(Severity)}
    yield from ("| where | | what | what to do |", "|---|---|---|---|")
    for finding in sorted(review.findings, key=lambda one: (one.file not in review.changed, order[one.severity], one)):
        place = in_markdown(f"{review.path_of(finding.file)}:{finding.line}")
        what = f"{in_markdown(finding.message)} ({finding.rule})"
        yield f"| {place} | {finding.severity} | {what} | {in_markdown(finding.fix)} |"


def _within(rows: Iterable[str], room: int, noun: str) -> list[str]:
    """Return the rows that there is room for, in bytes, and the number of the others."""
    everything = list(rows)
    ends = itertools.accumulate(len(row.encode()) + 1 for row in everything)
    shown = sum(end <= room - _LAST_LINE_BYTES for end in ends)
    left = len(everything) - shown
    return (
        [*everything[:shown], "", f"{counted(left, noun)}: the step's log lists all findings."] if left else everything
    )


def _size_bytes(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def in_markdown(text: str) -> str:
    """Return a stranger's text as Markdown that shows just that; ``@`` calls nobody."""
    whole = printable(text.encode("utf-8", "backslashreplace").decode())
    short = whole if len(whole) <= _MOST_LETTERS else f"{whole[:_MOST_LETTERS]}…"
    return _BEGINS_LINK.sub(r"\1&#46;", short.translate(_REFERENCES).replace("&#64;", "&#64;&#8288;"))
