"""What is wrong with a dataset: one finding per fault, at a line, with the remedy."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from edgetrain.core.rules import RULES, RuleLevel
from edgetrain.core.wording import clipped, counted, printable

# A stranger's name may have megabytes, and stands in messages as it is.
_MOST_LETTERS = 2000
# So many faults of one kind in one file say all there is to say.
_MOST_OF_A_KIND = 100


class Severity(enum.Enum):
    """How bad a finding is; errors stop the pipeline."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of the dataset.

    ``file`` is relative to the dataset's folder; ``line`` counts from 1.
    """

    file: str
    line: int
    rule: str
    severity: str
    message: str
    fix: str

    @classmethod
    def of(cls, place: tuple[str, int], rule: str, message: str, fix: str) -> Finding:
        """Return a finding at (file, line) with the severity that its rule has by default."""
        return cls(*place, rule, RULES[rule].severity, clipped(message, _MOST_LETTERS), clipped(fix, _MOST_LETTERS))

    def __str__(self) -> str:
        """Return the finding as one line of text: place, severity, rule, message, remedy."""
        return printable(f"{self.file}:{self.line}: {self.severity}: {self.message} {self.fix} [{self.rule}]")

    def to_json(self) -> dict[str, object]:
        """Return the finding as the object of the JSON report."""
        return asdict(self)


def thinned(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings of one file, a hundred of each rule at most; the last says how many more there are."""
    return findings if len(findings) < _MOST_OF_A_KIND else list(_thinned(findings))


def _thinned(findings: Sequence[Finding]) -> Iterator[Finding]:
    counts: Counter[str] = Counter()
    last: dict[str, Finding] = {}
    for finding in findings:
        counts[finding.rule] += 1
        if counts[finding.rule] < _MOST_OF_A_KIND:
            yield finding
        elif counts[finding.rule] == _MOST_OF_A_KIND:
            last[finding.rule] = finding
    for rule, finding in last.items():
        more = counts[rule] - _MOST_OF_A_KIND
        text = f"{finding.message} So {'is' if more == 1 else 'are'} {more:,} more in this file." if more else ""
        yield replace(finding, message=text) if more else finding


def judged(findings: Iterable[Finding], severities: Mapping[str, str]) -> list[Finding]:
    """Return the findings sorted, with other severities by rule; those that are off are left out."""
    changed = (
        replace(finding, severity=severities[finding.rule]) if finding.rule in severities else finding
        for finding in findings
    )
    return sorted(finding for finding in changed if finding.severity != RuleLevel.OFF.value)


def count_by_rule(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of findings of each rule that has any, most first."""
    return dict(sorted(Counter(finding.rule for finding in findings).items(), key=lambda one: (-one[1], one[0])))


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of errors and of warnings, both always present."""
    counts = Counter(finding.severity for finding in findings)
    return {severity.value: counts[severity.value] for severity in Severity}


def count_text(findings: Iterable[Finding]) -> str:
    """Return the number of errors and warnings as text: ``1 error, 2 warnings``."""
    return ", ".join(counted(count, name) for name, count in count_by_severity(findings).items())
