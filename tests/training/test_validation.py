"""Weights are judged while they are trained: as the exported model is, at small cost, and the best are kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.system.progress import Listener, listening
from edgetrain.core.workspace import Workspace
from edgetrain.training.history import HistoryRow, read_history

pytestmark = pytest.mark.tensorflow


class Notes(Listener):
    """Remembers what was noted."""

    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


@pytest.fixture
def trained(copied_run):
    """Return a function that trains anew with other settings and gives the workspace, the report and the notes."""
    from edgetrain.pipeline import flow

    def train(**changes):
        settings, notes = copied_run(training__restart=True, **changes), Notes()
        workspace = Workspace(settings.workspace.root)
        with listening(notes):
            flow.run_stage("train", settings)
        return workspace, json.loads(workspace.report_path("train").read_text()), notes.texts

    return train


@pytest.fixture
def without_steps(monkeypatch):
    """Let a run count its steps without doing them."""
    from edgetrain.training.loop import Trainer

    def rows(trainer, total):
        while int(trainer.step) < total:
            trainer.step.assign_add(1)
            yield HistoryRow(int(trainer.step), 1.0, 0.5, 0.5, 0.001, 12.0)

    monkeypatch.setattr(Trainer, "_rows", rows)


@pytest.fixture
def judged_as(monkeypatch):
    """Return a function that gives every judgement of a training its result."""
    from edgetrain.training import validation

    def judge(*results):
        left = list(results)
        monkeypatch.setattr(validation.Validation, "average_precision", lambda _: left.pop(0))

    return judge


def _kept(workspace):
    import tensorflow as tf

    return tf.train.load_checkpoint(tf.train.latest_checkpoint(str(workspace.trained_dir)))


def _weights(reader):
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name.endswith("VALUE")}


def test_the_weights_with_the_best_judgement_are_kept(trained, judged_as):
    import tensorflow as tf

    judged_as(0.1, 0.3, 0.2, 0.2)
    workspace, report, _ = trained(training__validate_every_steps=1)

    best = tf.train.load_checkpoint(str(workspace.train_dir / "best" / "ckpt"))
    rows = read_history(workspace.history_path, up_to=4)
    assert (report["steps"], report["kept_step"], report["validation_ap"]) == (4, 2, 0.3)
    assert [row.validation_ap for row in rows] == [0.1, 0.3, 0.2, 0.2]
    kept, saved = _weights(_kept(workspace)), _weights(best)
    shared = [name for name in kept if name in saved]
    assert len(shared) > 100
    assert all(np.array_equal(kept[name], saved[name]) for name in shared)


@pytest.mark.usefixtures("without_steps")
def test_the_last_weights_are_kept_on_request(trained, judged_as):
    judged_as(0.3, 0.1)

    _, report, _ = trained(training__validate_every_steps=2, training__keep_best=False)

    assert (report["kept_step"], report["validation_ap"]) == (4, None)


@pytest.mark.usefixtures("without_steps")
def test_patience_ends_a_training_and_a_second_run_does_not_go_on(trained, judged_as, copied_run):
    from edgetrain.pipeline import flow

    judged_as(0.3, 0.1, 0.1, 0.1)
    changes = {"training__validate_every_steps": 1, "training__patience": 2}
    workspace, report, notes = trained(**changes)
    flow.run_stage("train", copied_run(**changes))

    again = json.loads(workspace.report_path("train").read_text())
    assert (report["steps"], report["kept_step"]) == (3, 1)
    assert "no better validation AP in 2 judgements: ended at step 3" in notes
    assert (again["steps"], again["kept_step"]) == (3, 1)


@pytest.mark.usefixtures("without_steps")
def test_without_an_object_in_validation_the_last_weights_are_kept_and_that_is_said(trained, monkeypatch):
    from edgetrain.training import loop

    monkeypatch.setattr(loop, "read_validation", lambda *_: None)
    _, report, notes = trained()

    assert (report["kept_step"], report["validation_ap"]) == (4, None)
    assert "no validation picture has an object: the last weights are kept, not the best" in notes


def test_damaged_best_weights_are_one_message(tmp_path):
    import tensorflow as tf

    from edgetrain.training.best_weights import BestWeights, Judgement

    model = tf.Module()
    model.kernel = tf.Variable([1.0, 2.0])
    best = BestWeights(model, tmp_path / "best")
    best.offer(Judgement(1, 0.5))
    (tmp_path / "best" / "ckpt.index").write_bytes(b"")

    with pytest.raises(TrainingError, match=r"best: the best weights are damaged\. Train with --restart"):
        best.load()


def test_the_latest_weights_about_as_good_as_the_best_are_kept(tmp_path):
    """0.485 is within 0.02 of the best, 0.47 is not; what was known is known again after a cut."""
    import tensorflow as tf

    from edgetrain.training.best_weights import BestWeights, Judgement

    model = tf.Module()
    model.kernel = tf.Variable(0.0)
    best = BestWeights(model, tmp_path / "best")
    for step, average_precision in enumerate((0.2, 0.5, 0.485, 0.47), start=1):
        model.kernel.assign(step)
        best.offer(Judgement(step, average_precision))

    again = BestWeights(model, tmp_path / "best")
    model.kernel.assign(5)
    again.offer(Judgement(5, 0.475))
    again.load()

    assert again.judgement == Judgement(3, 0.485)
    assert float(model.kernel) == 3


def test_the_judgement_is_that_of_the_exported_model(finished_run, finished_workspace):
    """The float32 TFLite model and the weights in training see the same, but for the device's 20 detections."""
    import tensorflow as tf

    from edgetrain.core.splits import Split
    from edgetrain.networks.pipeline_config import read_pipeline_config
    from edgetrain.records.example import read_examples
    from edgetrain.tflite.interpreters import cpu_detector
    from edgetrain.training import object_detection_api as api
    from edgetrain.training.validation import Judged, Validation

    config = read_pipeline_config(finished_workspace)
    model = api.build_model(config, is_training=True)
    prefix = tf.train.latest_checkpoint(str(finished_workspace.trained_dir))
    tf.train.Checkpoint(model=model).restore(prefix).expect_partial()
    examples = list(read_examples(finished_workspace.shard_paths(Split.TRAIN)))
    judged = Judged(lambda pixels: api.detect(model, config, pixels), api.input_size(config), api.class_names(config))
    validation = Validation(judged, examples)

    (mine,) = validation._found(validation._pixels[:1])
    theirs = cpu_detector(finished_workspace.float_model_path).detect(validation._pixels[0])

    plain, drawn = validation._pixels[0] / np.float32(255), validation.drawn()[0].numpy()
    validation._found_last[0] = mine
    both = validation.drawn()[0].numpy()
    changed = [(np.abs(one - other) > 1e-3).any(axis=-1).sum() for one, other in ((plain, drawn), (drawn, both))]
    assert drawn.shape == (96, 96, 3)
    assert 4 < changed[0] < 4 * 96  # the lines of one box
    assert (changed[1] > 0) == any(found.score >= 0.3 for found in mine)

    best = max(theirs, key=lambda found: found.score)
    assert min(abs(found.score - best.score) for found in mine) < 1e-3
    assert max(found.overlap(best) for found in mine) > 0.99


@pytest.mark.parametrize(
    ("pictures", "steps", "batch_size", "every"),
    [
        pytest.param(16, 300, 16, 6, id="few pictures, a fiftieth of the steps"),
        pytest.param(300, 300, 16, 113, id="many pictures"),
        pytest.param(300, 20_000, 32, 400, id="long run"),
        pytest.param(1, 4, 2, 3, id="tiny"),
    ],
)
def test_judgements_are_rare_enough_to_be_cheap(pictures, steps, batch_size, every):
    from edgetrain.training.validation import interval

    assert interval(pictures, steps, batch_size, keeps_features=False) == every


def test_judgements_are_rarer_where_a_step_costs_little():
    from edgetrain.training.validation import interval

    assert interval(16, 300, 16, keeps_features=True) == 50
