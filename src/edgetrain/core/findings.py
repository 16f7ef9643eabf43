"""What is wrong with a dataset: one finding per fault, at a line, with the remedy."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass


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

    def __str__(self) -> str:
        """Return the finding as one line of text: place, severity, rule, message, remedy."""
        return f"{self.file}:{self.line}: {self.severity}: {self.message} {self.fix} [{self.rule}]"

    def to_json(self) -> dict[str, object]:
        """Return the finding as the object of the JSON report."""
        return asdict(self)


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of errors and of warnings, both always present."""
    counts = Counter(finding.severity for finding in findings)
    return {severity.value: counts[severity.value] for severity in Severity}
