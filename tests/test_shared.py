"""The real photographs and checkpoints beside the project: where they are, every test that needs them runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from edgetrain.core.settings.choices import NetworkType
from tests.support.places import PROJECT_DIR, SHARED_DIR
from tests.support.tiny_run import pipeline_text

SKIPPING_TEST = """
import pytest

@pytest.mark.shared
def test_it():
    pytest.skip("no mood")
"""


@pytest.mark.shared
def test_a_test_that_needs_the_shared_folder_and_is_skipped_all_the_same_fails(tmp_path):
    """So a green run beside the folder has skipped none of them."""
    (tmp_path / "test_skips.py").write_text(SKIPPING_TEST)
    options = ["-c", str(PROJECT_DIR / "pyproject.toml"), "--rootdir", str(PROJECT_DIR), "-p", "tests.conftest"]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT_DIR}{os.pathsep}{PROJECT_DIR / 'src'}"}
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]

    finished = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "skipped although ../shared is there: no mood" in finished.stdout


@pytest.mark.shared
@pytest.mark.tensorflow
@pytest.mark.parametrize("network", [one.value for one in NetworkType if one.value.startswith("mobilenet_")])
def test_the_published_backbones_fit_their_networks(tmp_path, network):
    """Digest as published; every weight of the backbone is replaced."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.networks.start.archive import unpack_checkpoint
    from edgetrain.training import object_detection_api as api

    archive = SHARED_DIR / "checkpoints" / f"{network[:12]}_1.0_224_imagenet_backbone.tar.gz"
    text = pipeline_text(network=network, depth_multiplier=1.0, image_size=320)
    config = parse_pipeline_config(text, where="test")
    model = api.build_model(config, is_training=True)
    before = [variable.numpy() for variable in model._feature_extractor.classification_backbone.variables]

    api.restore_start(model, config, unpack_checkpoint(archive, tmp_path))

    after = model._feature_extractor.classification_backbone.variables
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in (archive.parent / "SHA256SUMS").read_text()
    assert sum((old != new.numpy()).any() for old, new in zip(before, after)) > 0.95 * len(before)
