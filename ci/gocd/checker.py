"""All that can be said against pipeline files without a GoCD server: what GoCD refuses, and what it silently drops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ci.gocd import artifact_rules, environment_rules, material_rules, pipeline_rules, task_rules
from ci.gocd.findings import Finding, in_order
from ci.gocd.reader import read_all

_RULES = (pipeline_rules.findings, material_rules.findings, artifact_rules.findings, task_rules.findings)


def check(files: Sequence[Path]) -> tuple[Finding, ...]:
    """Return all faults of files that are configured together, in order.

    Raises:
        SettingsError: a file cannot be read.
    """
    reading = read_all(files)
    found = [finding for rule in _RULES for finding in rule(reading.pipelines)]
    found += environment_rules.findings(reading.environments, reading.pipelines)
    return in_order([*reading.findings, *found])
