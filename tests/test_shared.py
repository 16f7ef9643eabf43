"""The real photographs and checkpoints beside the project: where they are, every test that needs them runs."""

from __future__ import annotations

import hashlib

import pytest

from tests.conftest import SHARED_DIR, _missing
from tests.tiny_run import pipeline_text


@pytest.mark.skipif(not SHARED_DIR.is_dir(), reason="no folder ../shared beside the project")
def test_no_test_is_skipped_for_want_of_the_shared_folder(request):
    """Every collected test with the marker finds what it needs."""
    needing = [item for item in request.session.items if item.get_closest_marker("shared")]

    assert needing
    assert _missing("shared") == ""


@pytest.mark.shared
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_published_backbones_fit_their_networks(tmp_path, version):
    """Digest as published; every weight of the backbone is replaced."""
    from edgetrain.formats.checkpoint_archive import unpack_checkpoint
    from edgetrain.formats.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    archive = SHARED_DIR / "checkpoints" / f"mobilenet_{version}_1.0_224_imagenet_backbone.tar.gz"
    text = pipeline_text(network=f"mobilenet_{version}_ssd", depth_multiplier=1.0, image_size=300)
    config = parse_pipeline_config(text, where="test")
    model = api.build_model(config, is_training=True)
    before = [variable.numpy() for variable in model._feature_extractor.classification_backbone.variables]

    api.restore_start(model, config, unpack_checkpoint(archive, tmp_path))

    after = model._feature_extractor.classification_backbone.variables
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in (archive.parent / "SHA256SUMS").read_text()
    assert sum((old != new.numpy()).any() for old, new in zip(before, after)) > 0.95 * len(before)
