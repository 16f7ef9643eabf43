"""The one error of the set-up behind ``ci/inv``."""

from __future__ import annotations


class SetupError(Exception):
    """The environment cannot be had; the message says why and what to do.

    Args:
        message: one line for the caller, more only where a tool's own words are quoted.
        exit_code: 1 for a failure, 2 for wrong usage.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
