"""The stock loop's start from a detector of TensorFlow 1: a TF2 backbone with the very weights that ours takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgetrain.pipeline import flow
from tests.support.places import PROJECT_DIR, SHARED_DIR
from tests.support.tiny_run import pipeline_text, tiny_settings

pytestmark = [pytest.mark.shared, pytest.mark.tensorflow]
ARCHIVE = SHARED_DIR / "checkpoints" / "ssdlite_mobilenet_v2_coco.tar.gz"


@pytest.fixture(scope="module")
def imported(tmp_path_factory, tiny_dataset):
    """Return the workspace that starts from COCO's SSDLite, the archive made of it, and what the program said."""
    folder = tmp_path_factory.mktemp("imported")
    settings = tiny_settings(tiny_dataset, folder / "build", ARCHIVE, {"network.depth_multiplier": 1.0})
    flow.run_pipeline(settings, to="configure")
    command = [sys.executable, PROJECT_DIR / "benchmarks" / "imported_start.py", folder / "build", folder / "v2.tar.gz"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "build", folder / "v2.tar.gz", done.stdout


def test_the_stock_loop_finds_every_weight_of_the_backbone_in_it(imported, tmp_path):
    """Restored as that loop restores a classifier, it is what the detector of TensorFlow 1 holds."""
    import tensorflow as tf

    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.networks.start.archive import unpack_checkpoint
    from edgetrain.networks.start.checkpoints import CheckpointKind, checkpoint_kind
    from edgetrain.training import object_detection_api as api

    workspace, archive, said = imported
    prefix = unpack_checkpoint(archive, tmp_path)
    model = api.build_model(parse_pipeline_config(pipeline_text(depth_multiplier=1.0), where="test"), is_training=True)
    tf.train.Checkpoint(**model.restore_from_objects(fine_tune_checkpoint_type="classification")).restore(
        str(prefix)
    ).assert_existing_objects_matched()

    backbone = {one.name[:-2]: one.numpy() for one in model.feature_extractor.classification_backbone.variables}
    detector = tf.train.load_checkpoint(str(Path(workspace, "checkpoint", "ckpt-0")))
    scope = "FeatureExtractor/MobilenetV2"
    for mine, theirs in {
        "Conv1/kernel": "Conv/weights",
        "bn_Conv1/moving_variance": "Conv/BatchNorm/moving_variance",
        "block_16_depthwise/depthwise_kernel": "expanded_conv_16/depthwise/depthwise_weights",
        "Conv_1_bn/moving_mean": "Conv_1/BatchNorm/moving_mean",
    }.items():
        assert np.array_equal(backbone[mine], detector.get_tensor(f"{scope}/{theirs}")), mine
    assert checkpoint_kind(prefix, "v2") == CheckpointKind("classification", 2)
    assert len(backbone) == 260
    assert said.startswith("260 variables taken from the checkpoint")


def test_without_its_two_arguments_it_says_what_it_takes():
    command = [sys.executable, PROJECT_DIR / "benchmarks" / "imported_start.py", "build"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert done.stderr.strip().endswith("usage: imported_start.py WORKSPACE ARCHIVE.tar.gz")
