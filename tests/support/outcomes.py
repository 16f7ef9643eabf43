"""Outcomes that must not be used."""

from __future__ import annotations

import re


def failed(outcome, *, match=""):
    """Return an outcome that is not good, whose message has a pattern in it."""
    assert not outcome.is_good
    assert re.search(match, outcome.failure), outcome.failure
    return outcome
