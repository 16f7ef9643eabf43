"""When a training no longer learns: its loss leaves all bounds without ever being infinite."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrain.training.history import HistoryRow

# No run that was looked at was ever above 1.11 times its first loss; one with a rate far too high rose from 4 to 6,500.
# Two rows in a row, since one batch may be an exception.
_FACTOR = 10
_ROWS = 2


def has_diverged(rows: Sequence[HistoryRow]) -> bool:
    """Return whether the loss of the last logged steps is more than ten times that of the first."""
    last = rows[1:][-_ROWS:]
    return len(last) == _ROWS and all(row.loss > _FACTOR * rows[0].loss for row in last)


def divergence_text(rows: Sequence[HistoryRow]) -> str:
    """Say how the loss rose, and by which learning rate, as it was in the last step."""
    first, last = rows[0], rows[-1]
    rate = max(row.learning_rate for row in rows)
    return (
        f"the loss rose from {first.loss:.3g} at step {first.step} to {last.loss:.3g} at step {last.step}, "
        f"by a learning rate of up to {rate:.3g}"
    )
