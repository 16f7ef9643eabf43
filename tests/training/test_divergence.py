"""A loss that leaves all bounds ends a training, which keeps what was good or says what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from edgetrain.training.divergence import divergence_text, has_diverged
from edgetrain.training.history import HistoryRow, read_history


def rows(*losses):
    return [HistoryRow(max(1, 10 * index), loss, loss, 0.0, 0.01, 5.0) for index, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        pytest.param([], False, id="none"),
        pytest.param([4], False, id="the first step"),
        pytest.param([4, 4000], False, id="one batch"),
        pytest.param([4, 4000, 3], False, id="an exception"),
        pytest.param([4, 39, 39], False, id="below"),
        pytest.param([4, 41, 41], True, id="above"),
        pytest.param([4, 2, 1, 900, 6500], True, id="after it learned"),
    ],
)
def test_two_rows_of_ten_times_the_first_loss_are_a_divergence(losses, expected):
    assert has_diverged(rows(*losses)) is expected


def test_it_is_said_in_figures():
    assert divergence_text(rows(4, 900, 6500)) == (
        "the loss rose from 4 at step 1 to 6.5e+03 at step 20, by a learning rate of up to 0.01"
    )


@pytest.mark.tensorflow
def test_a_rate_that_is_far_too_high_ends_the_run_with_one_message(copied_run):
    """A second run does not go on from weights that are of no use."""
    settings = copied_run(training__steps=40, training__learning_rate=3.0, training__warmup=0)

    for _ in range(2):
        with pytest.raises(TrainingError, match=r"train: the loss rose from .*Lower training\.learning_rate"):
            flow.run_pipeline(settings)

    assert read_history(Workspace(settings.workspace.root).history_path, up_to=40)[-1].step < 40


@pytest.mark.tensorflow
def test_weights_that_were_good_before_are_kept(copied_run, monkeypatch):
    """Judgements and losses stand in for a run that finds something at first."""
    from edgetrain.training import loop

    judged = iter([0.5, 0.0, 0.0, 0.0])
    monkeypatch.setattr(loop.Validation, "average_precision", lambda _self: next(judged))
    real = loop.Trainer._rows

    def rising(trainer, total):
        for row in real(trainer, total):
            yield row if row.step < 3 else replace(row, loss=500.0)

    monkeypatch.setattr(loop.Trainer, "_rows", rising)
    settings = copied_run(training__steps=6, training__validate_every_steps=1)
    flow.run_pipeline(settings, to="configure")

    outcome = flow.run_stage("train", settings).outcome

    assert "4 steps, ended early since the loss diverged" in outcome.summary
    assert (outcome.results["kept_step"], outcome.results["validation_ap"]) == (1, 0.5)
