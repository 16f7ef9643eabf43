"""Whose run is in the run directory: continued, taken up again, kept aside, or refused; a mistake costs nothing."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.core.files import write_text
from edgetrain.core.progress import Listener, listening
from tests.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def claim(settings, workspace):
    """Return a function that claims the run directory for a seed, as the stage does before it trains."""
    from edgetrain.stages import train

    def claim(seed, *, reaches_checkpoint=True, **changes):
        changes = {f"training__{name}": value for name, value in changes.items()}
        train._claim_run_dir(settings(training__seed=seed, **changes), workspace)
        if reaches_checkpoint:
            write_text(workspace.train_dir / "checkpoints" / "ckpt-1.index", f"of seed {seed}")

    return claim


def _owner(run_dir):
    return (run_dir / "checkpoints" / "ckpt-1.index").read_text()


def test_the_same_inputs_continue_the_run(claim, workspace):
    claim(1)

    claim(1, reaches_checkpoint=False)

    assert _owner(workspace.train_dir) == "of seed 1"
    assert not workspace.previous_train_dir.exists()


def test_a_run_of_other_inputs_is_kept_aside(claim, workspace):
    claim(1)

    claim(2)

    assert (_owner(workspace.train_dir), _owner(workspace.previous_train_dir)) == ("of seed 2", "of seed 1")


def test_a_mistaken_attempt_does_not_cost_the_run_before_it(claim, workspace):
    """It fails before its first checkpoint; the next correct command takes the good run up again."""
    claim(1)
    claim(2, reaches_checkpoint=False)
    claim(3, reaches_checkpoint=False)
    kept = _owner(workspace.previous_train_dir)

    claim(1, reaches_checkpoint=False)

    assert (kept, _owner(workspace.train_dir)) == ("of seed 1", "of seed 1")
    assert not workspace.previous_train_dir.exists()


def test_going_back_and_forth_keeps_both_runs(claim, workspace):
    claim(1)
    claim(2)

    claim(1, reaches_checkpoint=False)

    assert (_owner(workspace.train_dir), _owner(workspace.previous_train_dir)) == ("of seed 1", "of seed 2")


def test_a_restart_keeps_the_run_of_the_same_inputs_aside(claim, workspace):
    claim(1)

    claim(1, reaches_checkpoint=False, restart=True)

    assert _owner(workspace.previous_train_dir) == "of seed 1"
    assert not (workspace.train_dir / "checkpoints").exists()


@pytest.mark.parametrize(
    ("first", "reason"), [(None, "there is no run"), (2, "these inputs changed: seed")], ids=["no run", "another run"]
)
def test_resuming_what_is_not_there_is_refused(claim, first, reason):
    if first:
        claim(first)

    with pytest.raises(TrainingError, match=f"cannot continue, {reason}. Train without --resume"):
        claim(1, resume=True)


def test_another_number_of_steps_than_configured_is_refused(settings, workspace):
    from edgetrain.stages import train

    write_text(workspace.pipeline_config_path, pipeline_text(steps=4))

    with pytest.raises(SettingsError, match=r'made for 4 steps, not 9.*Run "ci/inv configure --steps 9" first'):
        train.run(settings(training__steps=9), workspace)


def test_resume_and_restart_contradict_each_other(settings):
    with pytest.raises(SettingsError, match="contradict each other"):
        settings(training__resume=True, training__restart=True)


class Notes(Listener):
    """Remembers what was noted."""

    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


def _damage(path):
    path.write_bytes(path.read_bytes()[:100])


def test_a_damaged_checkpoint_is_left_out_for_the_one_before(copied_run, finished_workspace):
    """The run of four steps has checkpoints of steps 2 and 4."""
    from edgetrain import flow
    from edgetrain.core.workspace import Workspace

    settings, notes = copied_run(), Notes()
    checkpoints = Workspace(settings.workspace.root).train_dir / "checkpoints"
    _damage(checkpoints / "ckpt-4.data-00000-of-00001")

    with listening(notes):
        flow.run_stage("train", settings)

    assert any("ckpt-4 is damaged and left out" in text for text in notes.texts)
    assert "continuing from step 2" in notes.texts


def test_damaged_checkpoints_only_are_one_message(copied_run):
    from edgetrain import flow
    from edgetrain.core.workspace import Workspace

    settings = copied_run()
    for path in (Workspace(settings.workspace.root).train_dir / "checkpoints").glob("*.data-*"):
        _damage(path)

    with pytest.raises(
        TrainingError, match=r"checkpoints: no checkpoint of this run can be read\. Train with --restart"
    ):
        flow.run_stage("train", settings)
