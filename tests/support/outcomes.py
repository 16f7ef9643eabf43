"""Outcomes that must not be used."""

from __future__ import annotations

import re


def failed(result, *, match=""):
    """Return an outcome, or that of a stage's record, which is not good and whose message has a pattern in it."""
    outcome = getattr(result, "outcome", result)
    assert not outcome.is_good
    assert re.search(match, outcome.failure), outcome.failure
    return outcome
