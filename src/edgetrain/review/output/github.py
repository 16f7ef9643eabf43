"""Findings as workflow commands of GitHub Actions: shown on the lines of a pull request.

Written::

    ::stop-commands::TOKEN                                  nothing is a command up to ::TOKEN::
    annotations/0007.xml:14: error: … [box-outside]         every finding as text, then their number
    ::TOKEN::
    ::error file=annotations/0007.xml,line=14,title=box-outside::boat: xmax 812 is outside …
    ::notice title=edgetrain validate::12 more findings …   if not all fit

GitHub shows ten errors and ten warnings of a step and drops the others without a word, so only those are commands.
File and class names are a stranger's text: nothing in them can begin a command or a property, and what a terminal or a
browser would act on instead of showing it (control characters, marks of direction) is written as an escape.
https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence

from edgetrain.core.findings import Finding, Severity, count_text
from edgetrain.core.wording import counted, printable

_SHOWN_OF_A_KIND = 10
_MOST_LETTERS = 1000
_BREAKS_DATA = re.compile(r"[%\r\n]")
_BREAKS_PROPERTY = re.compile(r"[%\r\n:,]")


def render_github(
    findings: Sequence[Finding], *, changed: Collection[str] = (), path_of: Callable[[str], str] = str
) -> str:
    """Return findings as text that GitHub's runner turns into annotations.

    Args:
        findings: sorted.
        changed: names of files that a change touches; their findings are shown first.
        path_of: turns a name relative to the dataset into a path relative to the repository.
    """
    listing = "\n".join([*map(str, findings), count_text(findings)])
    # Nobody can write a text that holds its own digest, so no finding can end the block.
    token = hashlib.sha256(listing.encode("utf-8", "surrogatepass")).hexdigest()
    shown = _shown(findings, changed)
    commands = [_as_command(finding, path_of(finding.file)) for finding in shown]
    left = len(findings) - len(shown)
    if left:
        message = f"{counted(left, 'more finding')} not shown here: the step's log lists all ({count_text(findings)})."
        commands.append(f"::notice title=edgetrain validate::{_data(message)}")
    return "\n".join([f"::stop-commands::{token}", listing, f"::{token}::", *commands])


def _shown(findings: Sequence[Finding], changed: Collection[str]) -> list[Finding]:
    """Return the findings that GitHub has room for: errors before warnings, in each those of changed files first."""
    ordered = sorted(findings, key=lambda finding: finding.file not in changed)
    kinds = ([one for one in ordered if one.severity == severity.value] for severity in Severity)
    return [finding for kind in kinds for finding in kind[:_SHOWN_OF_A_KIND]]


def _as_command(finding: Finding, path: str) -> str:
    place = f"file={_property(path)},line={finding.line},title={_property(finding.rule)}"
    message = f"{finding.message} {finding.fix}"
    short = message if len(message) <= _MOST_LETTERS else f"{message[:_MOST_LETTERS]}…"
    return f"::{finding.severity} {place}::{_data(short)}"


def _data(text: str) -> str:
    return _shown_whole(_BREAKS_DATA, text)


def _property(text: str) -> str:
    return _shown_whole(_BREAKS_PROPERTY, text)


def _shown_whole(special: re.Pattern[str], text: str) -> str:
    """Return text with GitHub's escapes for special signs, and Python's for all else that does not print."""
    return printable(special.sub(_escaped, text))


def _escaped(letter: re.Match[str]) -> str:
    return f"%{ord(letter[0]):02X}"
