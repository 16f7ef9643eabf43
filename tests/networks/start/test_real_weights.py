"""A published detector's own weights: the Keras model computes what TensorFlow 1 does, and sees what is there.

The archive is the COCO detector ``ssdlite_mobilenet_v2_coco_2018_05_09``; the photographs show raccoons, of which COCO
has no class: it takes them for its nearest ones.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.networks.start.coco_classes import COCO_CLASSES, COCO_IDS, coco_id
from tests.support.closeness import assert_close
from tests.support.places import PROJECT_DIR, SHARED_DIR
from tests.support.tiny_run import pipeline_text

pytestmark = [pytest.mark.shared, pytest.mark.tensorflow]
ARCHIVE = SHARED_DIR / "checkpoints" / "ssdlite_mobilenet_v2_coco.tar.gz"
NETWORK = "mobilenet_v2_ssdlite"
SIDE = 300
# What COCO's detectors take raccoons for.
LOOK_ALIKES = {"bear", "cat", "dog", "sheep", "zebra", "bird", "person"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Return the prefix of the unpacked checkpoint."""
    from edgetrain.networks.start.archive import unpack_checkpoint

    return unpack_checkpoint(ARCHIVE, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def pictures():
    """Return twelve photographs, float32 (12, 300, 300, 3), and their boxes as fractions: ymin xmin ymax xmax."""
    from PIL import Image

    from edgetrain.dataset.folder import find_dataset

    folder = find_dataset(SHARED_DIR / "data" / "raccoon")
    pixels, boxes = [], []
    for item in folder.items[:60:5]:
        image = folder.read(item)
        with Image.open(image.image_path) as photograph:
            pixels.append(np.asarray(photograph.convert("RGB").resize((SIDE, SIDE)), np.float32))
        width, height = image.annotation.size.width, image.annotation.size.height
        boxes.append(
            [
                (one.box.ymin / height, one.box.xmin / width, one.box.ymax / height, one.box.xmax / width)
                for one in image.annotation.boxes
            ]
        )
    return np.stack(pixels), boxes


def started(folder, checkpoint, names):
    """Return configuration and model of these classes, started from the checkpoint, and the table of all variables."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training import object_detection_api as api

    changes = {"image_size": SIDE, "depth_multiplier": 1.0, "num_classes": len(names)}
    text = pipeline_text(NETWORK, checkpoint_version=1, checkpoint_type="detection", **changes)
    config = parse_pipeline_config(text, where="test")
    config.train_input_reader.label_map_path = str(folder / "label_map.pbtxt")
    write_label_map(folder / "label_map.pbtxt", LabelMap(tuple(names)))
    model = api.build_model(config, is_training=False)
    return config, model, api.restore_start(model, config, checkpoint)


def test_the_keras_model_computes_what_the_graph_of_tensorflow_1_does(tmp_path, checkpoint, pictures):
    """All 80 classes of COCO by their names, and all boxes; a stranger's class is new."""
    import tensorflow as tf

    np.save(tmp_path / "pictures.npy", pictures[0])
    command = [sys.executable, "-m", "tests.support.tensorflow1_detector", NETWORK, str(COCO_IDS), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": "src", "TF_CPP_MIN_LOG_LEVEL": "2"}
    given = [str(checkpoint), str(tmp_path / "pictures.npy")]
    done = subprocess.run(
        [*command, *given], cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = np.load(tmp_path / "outputs.npz")

    _, model, matches = started(tmp_path, checkpoint, [*COCO_CLASSES.values(), "widget"])
    found = model.predict(*model.preprocess(tf.constant(pictures[0])))

    boxes = found["box_encodings"].numpy()
    scores = found["class_predictions_with_background"].numpy()
    assert boxes.shape[:2] == (12, 1917)
    assert_close(boxes, expected["boxes"].reshape(boxes.shape), 1e-4)
    assert_close(scores[..., 1:-1], expected["scores"][..., [*COCO_CLASSES]], 1e-4)
    assert len([match for match in matches if match.is_taken]) == 404


def test_it_sees_the_animals_where_they_are(tmp_path, checkpoint, pictures):
    """In most photographs the best detection lies on the labelled box, and is one of an animal like it."""
    import tensorflow as tf

    from edgetrain.core.boxes import BoundingBox, iou
    from edgetrain.training import object_detection_api as api

    pixels, truth = pictures
    names = list(COCO_CLASSES.values())
    config, model, _ = started(tmp_path, checkpoint, names)

    found = api.detect(model, config, tf.constant(pixels.astype(np.uint8)))

    def upright(box):
        return BoundingBox(box[1], box[0], box[3], box[2])

    best = [(names[int(classes[0])], boxes[0]) for classes, boxes in zip(found.classes.numpy(), found.boxes.numpy())]
    hits = [
        name in LOOK_ALIKES and max(iou(upright(box), upright(one)) for one in labelled) > 0.6
        for (name, box), labelled in zip(best, truth)
    ]
    assert sum(hits) >= 10
    assert np.median(found.scores.numpy()[:, 0]) > 0.6


def test_only_the_classes_of_the_same_name_are_taken(tmp_path, checkpoint):
    """``Teddy_Bear`` is COCO's; a raccoon is not, and keeps its random start in each of the six predictors."""
    import tensorflow as tf

    _, model, matches = started(tmp_path, checkpoint, ["raccoon", "Teddy_Bear"])

    reader = tf.train.load_checkpoint(str(checkpoint))
    notes = {match.note for match in matches if "/ClassPredictor/" in match.variable}
    for number in range(6):
        name = f"BoxPredictor/ConvolutionalClassHead_{number}/ClassPredictor/kernel"
        mine = next(one for one in model.variables if one.name == f"{name}:0").numpy()
        theirs = reader.get_tensor(f"BoxPredictor_{number}/ClassPredictor/weights")
        kernel, coco = mine.reshape(*mine.shape[:3], -1, 3), theirs.reshape(*mine.shape[:3], -1, COCO_IDS + 1)
        assert np.array_equal(kernel[..., 2], coco[..., coco_id("teddy bear")])
        for new in (0, 1):
            assert not any(np.array_equal(kernel[..., new], coco[..., other]) for other in range(COCO_IDS + 1))
    assert notes == {"taken: Teddy_Bear; background and 1 of 2 classes are new"}


def test_a_class_that_is_new_begins_as_unlikely(tmp_path, checkpoint, pictures):
    """Nothing is a raccoon before the first step: COCO's background, which is a class there, is not taken for one."""
    import tensorflow as tf

    _, model, matches = started(tmp_path, checkpoint, ["raccoon"])

    found = model.predict(*model.preprocess(tf.constant(pictures[0][:2])))
    scores = tf.sigmoid(found["class_predictions_with_background"]).numpy()
    assert np.median(scores) < 0.02
    assert scores.max() < 0.2
    notes = {match.note for match in matches if "/ClassPredictor/" in match.variable}
    assert notes == {"new: none of these classes is COCO's"}
    assert len([match for match in matches if match.is_taken]) == 392
