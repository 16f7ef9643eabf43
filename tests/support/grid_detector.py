"""A detector made by hand, of which the right answers are known: it finds the bright cells of a grid."""

from __future__ import annotations

import io
import random

from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example

CELLS, CELL = 4, 8
SIDE = CELLS * CELL
OBJECT, OTHER = 255, 170
_ATTRIBUTES = {
    "max_detections": "i: 4",
    "max_classes_per_detection": "i: 1",
    "use_regular_nms": "b: false",
    "nms_score_threshold": "f: 0.0",
    "nms_iou_threshold": "f: 0.6",
    "num_classes": "i: 1",
    "y_scale": "f: 10.0",
    "x_scale": "f: 10.0",
    "h_scale": "f: 5.0",
    "w_scale": "f: 5.0",
}


def write_detector(workspace):
    """Write the detector as the export stage would; the score of a cell grows with its brightness."""
    import numpy as np
    import tensorflow as tf

    fields = "".join(f' attr {{ key: "{key}" value {{ {value} }} }}' for key, value in _ATTRIBUTES.items())
    places = (np.arange(CELLS) + 0.5) / CELLS
    anchors = np.array([(y, x, 1 / CELLS, 1 / CELLS) for y in places for x in places], np.float32)
    # Background and object: the object's logit is 8 times the mean brightness from -1 to 1, the background's is 0.
    kernel = np.ones((CELL, CELL, 3, 2), np.float32) * 8 / (CELL * CELL * 3) * np.array([0, 1], np.float32)

    @tf.function(experimental_implements=f'name: "TFLite_Detection_PostProcess"{fields}')
    def post_process(boxes, scores, anchors):
        return tf.zeros((1, 4, 4)), tf.zeros((1, 4)), tf.zeros((1, 4)), tf.zeros((1,))

    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3))])
    def detect(image):
        logits = tf.reshape(tf.nn.conv2d(image, kernel, CELL, "VALID"), (1, CELLS * CELLS, 2))
        found = post_process(tf.zeros((1, CELLS * CELLS, 4)), tf.sigmoid(logits), tf.constant(anchors))
        return dict(zip(("output_3", "output_2", "output_1", "output_0"), found))

    module = tf.Module()
    module.detect = detect
    tf.saved_model.save(module, str(workspace.saved_model_dir), signatures={"serving_default": detect})


def write_pictures(workspace, split, *, count, is_black=False):
    """Write labelled pictures with one object and three less bright cells each; black ones have the labels only."""
    write_label_map(workspace.label_map_path, LabelMap(("lamp",)))
    workspace.records_dir.mkdir(parents=True, exist_ok=True)
    examples = [encode_example(_example(f"{split.value}{number}", is_black=is_black)) for number in range(count)]
    write_records(workspace.shard_path(split, 0, 1), examples)


def write_all_pictures(workspace, *, is_black):
    """Write the pictures of all splits, those of training black or as the others are."""
    write_pictures(workspace, Split.TRAIN, count=12, is_black=is_black)
    write_pictures(workspace, Split.VALIDATION, count=3)
    write_pictures(workspace, Split.TEST, count=10)


def _example(name, *, is_black):
    cells = random.Random(name).sample(range(CELLS * CELLS), 4)  # noqa: S311 - a picture, no secret
    image = Image.new("RGB", (SIDE, SIDE))
    for cell, brightness in zip(cells, (OBJECT, OTHER, OTHER, OTHER)):
        corner = (cell % CELLS * CELL, cell // CELLS * CELL)
        image.paste((0 if is_black else brightness,) * 3, (*corner, corner[0] + CELL, corner[1] + CELL))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    y, x = cells[0] // CELLS / CELLS, cells[0] % CELLS / CELLS
    box = ExampleBox(NormalizedBox(y, x, y + 1 / CELLS, x + 1 / CELLS), "lamp", 1)
    return DetectionExample(f"{name}.png", name, stream.getvalue(), "png", ImageSize(SIDE, SIDE), (box,))
