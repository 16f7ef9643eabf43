"""What a stage gives back: a summary for people, figures for the report, notes, and whether it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What came of one stage.

    ``summary`` is the line that a person reads; ``results`` hold figures and lists: JSON values, or dataclasses, which
    the report has as objects; ``notes`` are things to know, each one sentence; ``digests`` are those of files left
    behind that need not be read again for them. ``failure`` is the message where the result must not be used: what is
    wrong and what to do. A stage that found something wrong has an outcome; an exception is for what stopped its work.
    """

    summary: str
    results: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    digests: Mapping[Path, str] = field(default_factory=dict)
    failure: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the result may be used."""
        return not self.failure

    @classmethod
    def of_error(cls, error: Exception, results: Mapping[str, object]) -> Outcome:
        """Return the outcome of work that an error ended, where a report must replace an earlier one all the same."""
        text = str(error)
        return cls(text.splitlines()[0], results, failure=text)
