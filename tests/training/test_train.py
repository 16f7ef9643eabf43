"""What is refused before a training, and what is made of damaged checkpoints."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.core.system.files import write_text
from edgetrain.core.system.progress import Listener, listening
from tests.support.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow


def test_another_number_of_steps_than_configured_is_refused(settings, workspace):
    from edgetrain.training import train

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
    from edgetrain.core.workspace import Workspace
    from edgetrain.pipeline import flow

    settings, notes = copied_run(), Notes()
    checkpoints = Workspace(settings.workspace.root).train_dir / "checkpoints"
    _damage(checkpoints / "ckpt-4.data-00000-of-00001")

    with listening(notes):
        flow.run_stage("train", settings)

    assert any("ckpt-4 is damaged and left out" in text for text in notes.texts)
    assert "continuing from step 2" in notes.texts


def test_damaged_checkpoints_only_are_one_message(copied_run):
    from edgetrain.core.workspace import Workspace
    from edgetrain.pipeline import flow

    settings = copied_run()
    for path in (Workspace(settings.workspace.root).train_dir / "checkpoints").glob("*.data-*"):
        _damage(path)

    with pytest.raises(
        TrainingError, match=r"checkpoints: no checkpoint of this run can be read\. Train with --restart"
    ):
        flow.run_stage("train", settings)
