"""What a checkpoint holds is told from its variables."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import TrainingError

pytestmark = pytest.mark.tensorflow


def _write(path, **objects):
    import tensorflow as tf

    tf.train.Checkpoint(**objects).write(str(path))
    return path


def _module(**parts):
    import tensorflow as tf

    module = tf.Module()
    for name, part in parts.items():
        setattr(module, name, part)
    return module


def test_a_backbone_is_a_classification_checkpoint(tmp_path):
    """Its variables stand below ``feature_extractor``."""
    import tensorflow as tf

    from edgetrain.networks.start.checkpoints import CheckpointKind, checkpoint_kind

    path = _write(tmp_path / "ckpt-0", feature_extractor=_module(kernel=tf.Variable(1.0)))

    assert checkpoint_kind(path, "a.tar") == CheckpointKind("classification", 2)


def test_a_detector_is_a_detection_checkpoint(tmp_path):
    """Its variables stand below ``model/_feature_extractor``."""
    import tensorflow as tf

    from edgetrain.networks.start.checkpoints import CheckpointKind, checkpoint_kind

    model = _module(_feature_extractor=_module(kernel=tf.Variable(1.0)))

    assert checkpoint_kind(_write(tmp_path / "ckpt-0", model=model), "a.tar") == CheckpointKind("detection", 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("FeatureExtractor/MobilenetV1/Conv2d_0/weights", "detection", id="detector"),
        pytest.param("MobilenetV2/Conv/weights", "classification", id="backbone"),
    ],
)
def test_a_tensorflow_1_checkpoint_is_told_by_its_names(tmp_path, name, kind):
    """It has names instead of an object graph."""
    import tensorflow as tf

    from edgetrain.networks.start.checkpoints import CheckpointKind, checkpoint_kind

    prefix = str(tmp_path / "model.ckpt")
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=[name], shape_and_slices=[""], tensors=[[1.0]])

    assert checkpoint_kind(tmp_path / "model.ckpt", "a.tar") == CheckpointKind(kind, 1)


@pytest.mark.parametrize("content", [pytest.param(None, id="absent"), pytest.param(b"no table", id="damaged")])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    """An unreadable index is one message."""
    from edgetrain.networks.start.checkpoints import checkpoint_kind

    if content:
        (tmp_path / "ckpt-0.index").write_bytes(content)

    with pytest.raises(TrainingError, match=r"^a\.tar: this is no readable TensorFlow checkpoint"):
        checkpoint_kind(tmp_path / "ckpt-0", "a.tar")
