"""Findings as text for a terminal, and as JSON."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional

from edgetrain.core.findings import Finding, count_text
from edgetrain.core.json_text import json_text
from edgetrain.review.output.source_lines import SourceLines

_READ_AT_A_GLANCE = 10


def render_text(findings: Iterable[Finding], root: Optional[Path] = None) -> str:
    """Return findings, sorted, how often each rule is broken if there are many, and their number.

    Each finding is a line that begins with its place. With the dataset's folder ``root``, the line that it is about
    stands below it, and an empty line between files.
    """
    ordered = sorted(findings)
    shown = map(str, ordered) if root is None else _with_lines(ordered, SourceLines(root))
    return "\n".join([*shown, *_rule_lines(ordered), count_text(ordered)])


def _with_lines(findings: Sequence[Finding], source: SourceLines) -> Iterator[str]:
    for name, of_file in itertools.groupby(findings, key=lambda finding: finding.file):
        for finding in of_file:
            yield str(finding)
            line = source.line(name, finding.line)
            if line:
                yield f"{finding.line:>8} | {line}"
        yield ""


def render_json(findings: Iterable[Finding]) -> str:
    """Return findings, sorted, as a JSON object with the list ``findings``."""
    return json_text({"findings": [finding.to_json() for finding in sorted(findings)]})


def _rule_lines(findings: Sequence[Finding]) -> list[str]:
    """Return how often each rule is broken, errors first, where there are more findings than are read at a glance."""
    if len(findings) <= _READ_AT_A_GLANCE:
        return []
    counts = Counter((finding.severity, finding.rule) for finding in findings)
    ordered = sorted(counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
    return ["", *(f"{count:6}  {severity:7}  {rule}" for (severity, rule), count in ordered)]
