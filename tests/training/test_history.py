"""The course of a run as a table."""

from __future__ import annotations

from edgetrain.training.history import HistoryRow, read_history, write_history


def _row(step, validation_ap=None):
    return HistoryRow(step, 1.5, 1.0, 0.5, 0.001, 12.0, validation_ap)


def test_rows_are_read_back_up_to_a_step(tmp_path):
    """A continued run keeps the rows of its checkpoint and forgets later ones."""
    write_history(tmp_path / "history.csv", [_row(1), _row(10, 0.25), _row(20)])

    rows = read_history(tmp_path / "history.csv", up_to=10)

    assert rows == [_row(1), _row(10, 0.25)]


def test_no_file_means_no_rows(tmp_path):
    """A run that begins has no history."""
    assert read_history(tmp_path / "history.csv", up_to=10) == []


def test_a_table_of_before_there_were_judgements_is_read(tmp_path):
    write_history(tmp_path / "history.csv", [_row(1)])
    text = (tmp_path / "history.csv").read_text(encoding="utf-8")
    (tmp_path / "history.csv").write_text(text.replace(",validation_ap", "").replace("12,", "12"), encoding="utf-8")

    assert read_history(tmp_path / "history.csv", up_to=10) == [_row(1)]
