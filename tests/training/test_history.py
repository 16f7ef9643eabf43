"""The course of a run as a table."""

from __future__ import annotations

from edgetrain.training.history import HistoryRow, read_history, write_history


def _row(step):
    return HistoryRow(step, 1.5, 1.0, 0.5, 0.001, 12.0)


def test_rows_are_read_back_up_to_a_step(tmp_path):
    """A continued run keeps the rows of its checkpoint and forgets later ones."""
    write_history(tmp_path / "history.csv", [_row(1), _row(10), _row(20)])

    rows = read_history(tmp_path / "history.csv", up_to=10)

    assert rows == [_row(1), _row(10)]


def test_no_file_means_no_rows(tmp_path):
    """A run that begins has no history."""
    assert read_history(tmp_path / "history.csv", up_to=10) == []
