"""What is wrong with a pipeline: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ci.gocd.pipelines import Place


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes:
        place: file and line.
        what: the fault with the value, a sentence.
        remedy: what to do, a sentence.
    """

    place: Place
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the message, ``file:line: what remedy``, on one line whatever the value holds."""
        text = "".join(letter if letter.isprintable() else " " for letter in f"{self.what} {self.remedy}")
        return f"{self.place}: {' '.join(text.split())}"


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted(set(findings), key=lambda one: (one.place.file, one.place.line, one.what, one.remedy)))


def as_message(findings: Iterable[Finding]) -> str:
    """Return all findings, one on each line, and their count at the end."""
    lines = [str(finding) for finding in in_order(findings)]
    return "\n".join([*lines, f"{len(lines)} fault{'s' if len(lines) != 1 else ''} in the pipeline files"])
