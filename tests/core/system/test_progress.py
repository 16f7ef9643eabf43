"""Progress: heard by whoever listens, by default by nobody."""

from __future__ import annotations

from edgetrain.core.system.progress import Listener, listener, listening


class Recorder(Listener):
    """Remembers the notes."""

    def __init__(self):
        """Begin with none."""
        self.notes = []

    def noted(self, text):
        """Remember a note."""
        self.notes.append(text)


def test_only_the_listener_of_the_block_hears():
    outer, inner = Recorder(), Recorder()

    with listening(outer):
        with listening(inner):
            listener().noted("within")
        listener().noted("after")

    assert (outer.notes, inner.notes) == (["after"], ["within"])


def test_without_a_listener_nothing_happens():
    silent = listener()

    silent.started("train")
    silent.advanced(1, 2, "loss 3")
    silent.noted("x")
    silent.skipped("train", "up to date")
    assert silent.finished("train", "done", 1.0) is None
