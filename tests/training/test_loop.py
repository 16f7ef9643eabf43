"""What the loop decides by itself: when a run ends, which checkpoint it goes on from, what it refuses to save."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.settings.choices import Precision
from edgetrain.training.best_weights import Judgement
from edgetrain.training.history import HistoryRow
from edgetrain.training.recipe import Recipe

pytestmark = pytest.mark.tensorflow


def rows(*judged, losses=None):
    """Return a row for each step from 1, with a validation AP (``None``: not judged)."""
    losses = losses or [1.0] * len(judged)
    return [
        HistoryRow(step, loss, loss, 0.0, 0.01, 5.0, average_precision)
        for step, (loss, average_precision) in enumerate(zip(losses, judged), start=1)
    ]


def judged_run(best_step=None):
    """Return what of a trainer decides whether its run ends: alone, with its best judgement at a step."""
    best = None if best_step is None else Judgement(best_step, 0.5)
    distribution = SimpleNamespace(of_first=lambda value: value)
    return SimpleNamespace(best=SimpleNamespace(judgement=best), _distribution=distribution)


@pytest.mark.parametrize(
    ("judged", "best_step", "patience", "expected"),
    [
        pytest.param([], None, 2, False, id="nothing was done"),
        pytest.param([None, None, None], None, 2, False, id="nothing was judged"),
        pytest.param([0.5, 0.4], 1, 2, False, id="one judgement in vain"),
        pytest.param([0.5, 0.4, 0.4], 1, 2, True, id="two, as many as there is patience for"),
        pytest.param([0.5, None, None, 0.4], 1, 2, False, id="steps without a judgement do not count"),
        pytest.param([0.4, 0.4, 0.5], 3, 2, False, id="before the best does not count"),
        pytest.param([0.5, *[0.1] * 50], 1, 0, False, id="no patience asked for: never"),
    ],
)
def test_a_run_ends_after_so_many_judgements_in_vain(judged, best_step, patience, expected):
    from edgetrain.training.loop import Pace, Trainer

    assert Trainer._has_ended(judged_run(best_step), rows(*judged), Pace(1, 1, patience)) is expected


def test_a_loss_that_diverged_ends_a_run_whatever_its_patience():
    from edgetrain.training.loop import Pace, Trainer

    diverged = rows(None, None, None, losses=[1.0, 50.0, 50.0])

    assert Trainer._has_ended(judged_run(), diverged, Pace(1, 1, 0))
    assert "the loss rose from 1" in Trainer._reason_to_end(judged_run(), diverged, Pace(1, 1, 0))


def test_what_the_first_worker_says_counts():
    from edgetrain.training.loop import Pace, Trainer

    other = judged_run()
    other._distribution = SimpleNamespace(of_first=lambda _own: True)

    assert Trainer._has_ended(other, (), Pace(1))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_refused_with_step_and_pictures(value):
    from edgetrain.training.loop import Trainer

    batches = SimpleNamespace(source_ids=lambda step: [f"of-{step}-a.jpg", f"of-{step}-b.jpg"])
    trainer = SimpleNamespace(step=7, batches=batches)

    with pytest.raises(TrainingError, match=r"the loss is -?(nan|inf) at step 7; the batch was of-6-a.jpg, of-6-b"):
        Trainer._refuse_not_a_number(trainer, "loss", value)
    Trainer._refuse_not_a_number(trainer, "loss", 1e30)


@pytest.fixture
def saved(tmp_path):
    """Return what of a trainer restores a run whose checkpoints of steps 1 and 2 are there, and its variable."""
    import tensorflow as tf

    step = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), max_to_keep=2)
    for number in (1, 2):
        step.assign(number)
        manager.save(checkpoint_number=number)
    step.assign(0)
    return SimpleNamespace(_manager=manager, _checkpoint=checkpoint), step


def damage(prefix):
    """Cut the files of a checkpoint."""
    for path in Path(prefix).parent.glob(f"{Path(prefix).name}.*"):
        path.write_bytes(path.read_bytes()[:3])


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [pytest.param([], 2, id="the newest"), pytest.param([1], 1, id="the one before a damaged one")],
)
def test_a_run_goes_on_from_its_newest_checkpoint_that_can_be_read(saved, damaged, expected):
    from edgetrain.training.loop import Trainer

    trainer, step = saved
    for place in damaged:
        damage(trainer._manager.checkpoints[place])

    assert Trainer._restore_last(trainer)
    assert int(step) == expected


def test_a_run_none_of_whose_checkpoints_can_be_read_does_not_begin_anew_by_itself(saved):
    from edgetrain.training.loop import Trainer

    trainer, _ = saved
    for prefix in trainer._manager.checkpoints:
        damage(prefix)

    with pytest.raises(TrainingError, match=r"no checkpoint of this run can be read\. Train with --restart"):
        Trainer._restore_last(trainer)


def test_a_run_without_checkpoints_begins(tmp_path):
    import tensorflow as tf

    from edgetrain.training.loop import Trainer

    manager = tf.train.CheckpointManager(tf.train.Checkpoint(), str(tmp_path), max_to_keep=2)

    assert not Trainer._restore_last(SimpleNamespace(_manager=manager))


@pytest.mark.parametrize("matches", [(3, 5), (0, 8), (0, 0), (1, 0)])
def test_the_parts_of_a_batch_add_up_to_the_whole(matches):
    """The API divides the sum of a part's losses by its matches, at least 1; together that must be the batch's."""
    import tensorflow as tf

    from edgetrain.training.loop import share_of_part

    sums = (7.0, 2.5)
    whole = sum(sums) / max(1, sum(matches))

    parts = [total / max(1, own) for total, own in zip(sums, matches)]
    shares = [float(share_of_part(tf.constant(float(own)), tf.constant(float(sum(matches))))) for own in matches]

    assert sum(share * part for share, part in zip(shares, parts)) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(("precision", "expected"), [(Precision.FLOAT32, False), (Precision.BFLOAT16, True)])
def test_the_recipe_says_what_convolutions_compute_in(precision, expected):
    import tensorflow as tf

    from edgetrain.training.loop import make_repeatable

    before = tf.config.optimizer.get_experimental_options()
    try:
        make_repeatable(Recipe(3, precision=precision))
        options = tf.config.optimizer.get_experimental_options()
    finally:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False, **before})

    assert options["auto_mixed_precision_onednn_bfloat16"] is expected
    assert options["arithmetic_optimization"] is False
