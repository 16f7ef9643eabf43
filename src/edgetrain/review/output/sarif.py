"""Findings as SARIF 2.1.0, the format in which code scanning takes the results of a tool.

Written: one run with every rule of ``validate`` and one result for each finding; its file relative to ``%SRCROOT%``,
the top of the repository; a fingerprint that stays the same while lines move. GitHub keeps the first 5,000 results of
a run: where there are more, the worst are written and a notification says how many are not.
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import quote

import edgetrain
from edgetrain.core.findings import Finding, Severity
from edgetrain.core.json_text import json_text
from edgetrain.core.rules import RULES, Rule, RuleLevel
from edgetrain.core.wording import counted

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_MOST_RESULTS = 5000
_MOST_LETTERS = 1000
_BASE = "%SRCROOT%"
_LINE_IN_MESSAGE = re.compile(r"\bline \d+")
_INDICES = {name: index for index, name in enumerate(RULES)}


def render_sarif(
    findings: Sequence[Finding],
    *,
    is_good: bool = True,
    changed: Collection[str] = (),
    path_of: Callable[[str], str] = str,
) -> str:
    """Return findings as the text of a SARIF log.

    Args:
        findings: sorted.
        is_good: whether the command ends with exit code 0.
        changed: names of files that a change touches; where there are too many results these are kept first.
        path_of: turns a name relative to the dataset into a path relative to the repository.
    """
    worst_first = sorted(
        range(len(findings)),
        key=lambda index: (findings[index].severity != Severity.ERROR.value, findings[index].file not in changed),
    )
    kept = sorted(worst_first[:_MOST_RESULTS])
    prints = _fingerprints(findings)
    run = {
        "tool": {"driver": _driver()},
        "invocations": [_invocation(len(findings) - len(kept), is_good=is_good)],
        "originalUriBaseIds": {_BASE: {"description": {"text": "The top folder of the repository."}}},
        "results": [_result(findings[index], prints[index], path_of(findings[index].file)) for index in kept],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver() -> dict[str, object]:
    return {
        "name": "edgetrain validate",
        "semanticVersion": edgetrain.__version__,
        "rules": [_rule(rule) for rule in RULES.values()],
    }


def _rule(rule: Rule) -> dict[str, object]:
    is_on = rule.severity != RuleLevel.OFF.value
    level = rule.severity if is_on else Severity.WARNING.value
    text = f'{rule.summary} Another severity: "validate: {{rules: {{{rule.name}: off}}}}" in the settings.'
    return {
        "id": rule.name,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": text},
        "defaultConfiguration": {"enabled": is_on, "level": level},
    }


def _invocation(left_out: int, *, is_good: bool) -> dict[str, object]:
    invocation: dict[str, object] = {"executionSuccessful": True, "exitCode": 0 if is_good else 1}
    if left_out:
        message = f"{counted(left_out, 'more finding')} not listed: code scanning keeps {_MOST_RESULTS} per run."
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": message}}]
    return invocation


def _result(finding: Finding, fingerprint: str, path: str) -> Mapping[str, object]:
    message = f"{finding.message} {finding.fix}"
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    location = {"artifactLocation": {"uri": uri, "uriBaseId": _BASE}, "region": {"startLine": max(1, finding.line)}}
    return {
        "ruleId": finding.rule,
        "ruleIndex": _INDICES[finding.rule],
        "level": finding.severity,
        "message": {"text": message if len(message) <= _MOST_LETTERS else f"{message[:_MOST_LETTERS]}…"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"edgetrain/v1": fingerprint},
    }


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Return a name for each finding that does not depend on lines; equal ones are counted in the file's order."""
    seen: Counter[str] = Counter()
    prints = []
    for finding in findings:
        text = "\0".join((finding.file, finding.rule, _LINE_IN_MESSAGE.sub("line", finding.message)))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        prints.append(f"{digest}:{seen[digest]}")
    return prints
