"""``--no-train-whole-model`` through a whole run: nothing of the backbone changes. The API's own loop changes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from tests.support.places import PROJECT_DIR

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def workspace(copied_run):
    """Return a workspace in which two steps were trained with the backbone frozen."""
    settings = copied_run(training__train_whole_model=False, training__steps=2)
    flow.run_pipeline(settings, to="train")
    return Workspace(settings.workspace.root)


def _trained_as_the_api_does(workspace, copy):
    """Return a copy of a workspace whose weights the API's loop trained in one step, told to freeze the same."""
    shutil.copytree(workspace.root, copy, ignore=shutil.ignore_patterns("train"))
    command = [sys.executable, PROJECT_DIR / "benchmarks" / "stock.py", copy, "1", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return Workspace(copy)


def _backbone(workspace, folder):
    """Return every weight and statistic of the backbone that a folder's last checkpoint holds, by name."""
    import tensorflow as tf

    from edgetrain.networks.pipeline_config import read_pipeline_config
    from edgetrain.training import object_detection_api as api

    config = read_pipeline_config(workspace)
    model = api.build_model(config, is_training=True)
    backbone = model._feature_extractor.classification_backbone
    if folder == workspace.checkpoint_dir:
        api.restore_start(model, config, Path(config.train_config.fine_tune_checkpoint))
    else:
        tf.train.Checkpoint(model=model).restore(tf.train.latest_checkpoint(str(folder))).expect_partial()
    return {variable.name: variable.numpy() for variable in backbone.variables}


def _changed(workspace, folder):
    """Return the names of what a training changed in the backbone."""
    start, trained = (_backbone(workspace, each) for each in (workspace.checkpoint_dir, folder))
    assert len(start) > 200
    return [name for name in start if not np.array_equal(start[name], trained[name])]


def test_a_run_keeps_a_frozen_backbone_to_the_bit(workspace):
    assert _changed(workspace, workspace.trained_dir) == []


@pytest.mark.whole
def test_the_api_s_own_loop_does_not_keep_it(workspace, tmp_path):
    copy = _trained_as_the_api_does(workspace, tmp_path / "copy")

    changed = _changed(copy, copy.trained_dir)

    assert any("moving_mean" in name for name in changed)
    assert any("kernel" in name for name in changed)
    assert len(changed) > 180
