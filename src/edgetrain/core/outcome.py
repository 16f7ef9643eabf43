"""What a stage gives back: a summary for people, figures for the report, notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """The outcome of one stage.

    ``summary`` is the line that a person reads; ``results`` hold figures and lists as JSON values; ``notes`` are
    things to know, each one sentence; ``digests`` are those of files left behind that need not be read again for them.
    """

    summary: str
    results: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    digests: Mapping[Path, str] = field(default_factory=dict)
