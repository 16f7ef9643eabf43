"""How long work tells where it is: code reports to whoever listens, and by default nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Listener:
    """Hears what a run is doing; this one ignores everything."""

    def started(self, stage: str) -> None:
        """Hear that a stage begins to work."""

    def advanced(self, done: int, total: int, text: str) -> None:
        """Hear that ``done`` of ``total`` units are finished; ``text`` adds figures, such as the loss."""

    def noted(self, text: str) -> None:
        """Hear a sentence that the user should read."""

    def finished(self, stage: str, summary: str, seconds: float) -> None:
        """Hear the result of a stage."""

    def skipped(self, stage: str, reason: str) -> None:
        """Hear that a stage had nothing to do."""


_LISTENER: ContextVar[Listener] = ContextVar("listener", default=Listener())  # noqa: B039 - it holds no state


def listener() -> Listener:
    """Return whoever listens now."""
    return _LISTENER.get()


@contextmanager
def listening(new: Listener) -> Iterator[None]:
    """Send all reports of the block to ``new``."""
    token = _LISTENER.set(new)
    try:
        yield
    finally:
        _LISTENER.reset(token)
