"""Findings as text for a terminal, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from edgetrain.core.findings import Finding, count_text
from edgetrain.core.json_text import json_text

_READ_AT_A_GLANCE = 10


def render_text(findings: Iterable[Finding]) -> str:
    """Return findings, sorted, one a line, how often each rule is broken if there are many, and their number."""
    ordered = sorted(findings)
    return "\n".join([*map(str, ordered), *_rule_lines(ordered), count_text(ordered)])


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
