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

    from edgetrain.training.checkpoints import checkpoint_type

    path = _write(tmp_path / "ckpt-0", feature_extractor=_module(kernel=tf.Variable(1.0)))

    assert checkpoint_type(path, "a.tar") == "classification"


def test_a_detector_is_a_detection_checkpoint(tmp_path):
    """Its variables stand below ``model/_feature_extractor``."""
    import tensorflow as tf

    from edgetrain.training.checkpoints import checkpoint_type

    model = _module(_feature_extractor=_module(kernel=tf.Variable(1.0)))

    assert checkpoint_type(_write(tmp_path / "ckpt-0", model=model), "a.tar") == "detection"


def test_a_tensorflow_1_checkpoint_is_named_as_such(tmp_path):
    """It has names instead of an object graph."""
    import tensorflow as tf

    from edgetrain.training.checkpoints import checkpoint_type

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("kernel", initializer=1.0)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))

    with pytest.raises(TrainingError, match=r"^a\.tar: this is a TensorFlow 1 checkpoint"):
        checkpoint_type(tmp_path / "model.ckpt", "a.tar")


@pytest.mark.parametrize("content", [pytest.param(None, id="absent"), pytest.param(b"no table", id="damaged")])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    """An unreadable index is one message."""
    from edgetrain.training.checkpoints import checkpoint_type

    if content:
        (tmp_path / "ckpt-0.index").write_bytes(content)

    with pytest.raises(TrainingError, match=r"^a\.tar: this is no readable TensorFlow checkpoint"):
        checkpoint_type(tmp_path / "ckpt-0", "a.tar")
