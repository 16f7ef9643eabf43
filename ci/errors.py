"""The errors of the set-up behind ``ci/inv``."""

from __future__ import annotations


class SetupError(Exception):
    """The environment cannot be had; the message says why and what to do."""

    exit_code = 1


class SetupUsageError(SetupError):
    """The caller asked for something that does not exist."""

    exit_code = 2
