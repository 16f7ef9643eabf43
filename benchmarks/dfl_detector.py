"""Train a small detector with DFL heads, such as Frigate's yolo-generic takes, and write it as full int8.

    .venv/train/bin/python benchmarks/dfl_detector.py WORKSPACE OUT.tflite [STEPS]

``WORKSPACE`` has records and a label map (``ci/inv demo`` or ``ci/inv pipeline --to records``). The network is a toy:
five strided convolutions, a pyramid of strides 8, 16 and 32, two heads. It is there to have a model of this kind whose
licence is this project's own; beside OUT.tflite its labels are written. Loss: binary cross-entropy of the classes, and
that of Generalized Focal Loss (arXiv 2006.04388) for the distances.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from edgetrain.core.boxes import ImageSize
from edgetrain.core.splits import Split
from edgetrain.core.system.files import write_text
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.images.pixels import network_pixels
from edgetrain.records.example import DetectionExample, read_examples

SIDE, BINS, BATCH = 160, 16, 16
STRIDES = (8, 16, 32)
LOGIT_LIMIT = 4.0  # keeps the scores from 2 % to 98 % in the few steps of int8
Array = np.ndarray[Any, np.dtype[np.float32]]


def network(classes: int) -> tf.keras.Model:
    """Return the network: distances (n, 64) and class logits (n, classes) of all cells."""
    layers = tf.keras.layers
    picture = layers.Input((SIDE, SIDE, 3))

    def block(features: Any, channels: int, stride: int = 1, kernel: int = 3) -> Any:
        features = layers.Conv2D(channels, kernel, stride, "same", use_bias=False)(features)
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(features))

    features, levels = picture, []
    for channels in (16, 32, 64, 96, 128):
        features = block(block(features, channels, 2), channels)
        levels.append(features)
    pyramid = [block(level, 64, kernel=1) for level in levels[2:]]
    for index in (1, 0):
        above = layers.UpSampling2D(interpolation="nearest")(pyramid[index + 1])
        pyramid[index] = block(layers.Add()([pyramid[index], above]), 64)
    boxes, logits = [], []
    prior = tf.keras.initializers.Constant(-3.0)
    for level in pyramid:
        head = block(level, 64)
        boxes.append(layers.Reshape((-1, 4 * BINS))(layers.Conv2D(4 * BINS, 1)(head)))
        logits.append(layers.Reshape((-1, classes))(layers.Conv2D(classes, 1, bias_initializer=prior)(block(head, 64))))
    return tf.keras.Model(picture, [layers.Concatenate(1)(boxes), layers.Concatenate(1)(logits)])


def cells() -> tuple[Array, Array]:
    """Return centre (x, y, in pixels) and stride of each cell."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: SIDE // stride, : SIDE // stride]
        centres.append((np.stack([x.ravel(), y.ravel()], 1) + 0.5) * stride)
        strides.append(np.full(x.size, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


CELLS = cells()
Labelled = tuple[int, tuple[float, float, float, float]]  # class from 0; xmin, ymin, xmax, ymax in pixels


def targets(boxes: Sequence[Labelled], classes: int) -> tuple[Array, Array]:
    """Return what the cells shall say: classes (n, classes) and distances in strides (n, 4); 0 where no box is."""
    centres, strides = CELLS
    labels = np.zeros((len(centres), classes), np.float32)
    distances = np.zeros((len(centres), 4), np.float32)
    for label, (xmin, ymin, xmax, ymax) in sorted(boxes, key=lambda one: -max(one[1][2] - one[1][0], 0)):
        width, height = xmax - xmin, ymax - ymin
        side = max(width, height)
        wanted = STRIDES[0] if side < 48 else STRIDES[1] if side < 96 else STRIDES[2]  # noqa: PLR2004 - of the toy
        edges = np.stack([centres[:, 0] - xmin, centres[:, 1] - ymin, xmax - centres[:, 0], ymax - centres[:, 1]], 1)
        offsets = np.abs(edges[:, :2] - edges[:, 2:]) / 2
        is_core = (offsets <= np.maximum(np.array([width, height]) * 0.3, strides[:, None] * 0.6)).all(1)
        chosen = is_core & (strides == wanted) & (edges.min(1) > 0)
        labels[chosen] = np.eye(classes, dtype=np.float32)[label]
        distances[chosen] = (edges / strides[:, None]).clip(0.01, BINS - 1.01)[chosen]
    return labels, distances


def batches(
    examples: Sequence[DetectionExample], classes: int, steps: int, *, augments: bool
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield pictures (0 to 1), classes and distances; each time other sizes, places and colours."""
    known = [(pixels(example), labelled(example)) for example in examples]
    randomness = np.random.default_rng(0)
    for _ in range(steps):
        drawn = [known[i] for i in randomness.integers(len(known), size=BATCH)]
        chosen = [augmented(*one, randomness) for one in drawn] if augments else drawn
        aims = [targets(boxes, classes) for _, boxes in chosen]
        labels, distances = (np.stack([aim[part] for aim in aims]) for part in (0, 1))
        yield np.stack([picture for picture, _ in chosen]), labels, distances


def labelled(example: DetectionExample) -> list[Labelled]:
    """Return the boxes of an example in pixels of the network's input."""
    found = [(truth.class_id - 1, truth.box.to_pixels(ImageSize(SIDE, SIDE))) for truth in example.boxes]
    return [(label, (box.xmin, box.ymin, box.xmax, box.ymax)) for label, box in found]


def augmented(
    picture: Array, boxes: Sequence[Labelled], randomness: np.random.Generator
) -> tuple[Array, list[Labelled]]:
    """Return a picture scaled, moved, turned left to right and tinted, and its boxes that are still half there."""
    scale, (dx, dy) = randomness.uniform(0.7, 1.4), randomness.uniform(-0.25, 0.25, 2) * SIDE
    is_turned = randomness.random() < 0.5  # noqa: PLR2004 - half of them
    centre = SIDE / 2
    places = (np.arange(SIDE) + 0.5 - centre) / scale + centre
    columns = (SIDE - places if is_turned else places) + dx
    rows = places + dy
    inside = ((rows >= 0) & (rows < SIDE))[:, None] & ((columns >= 0) & (columns < SIDE))[None]
    taken = picture[rows.clip(0, SIDE - 1).astype(int)][:, columns.clip(0, SIDE - 1).astype(int)]
    tinted = (np.where(inside[..., None], taken, 0.5) * randomness.uniform(0.8, 1.2, 3)).clip(0, 1)
    kept: list[Labelled] = []
    for label, (xmin, ymin, xmax, ymax) in boxes:
        near, far = (SIDE - xmax + dx, SIDE - xmin + dx) if is_turned else (xmin - dx, xmax - dx)
        corners = [(value - centre) * scale + centre for value in (near, ymin - dy, far, ymax - dy)]
        cut = np.clip(corners, 0, SIDE)
        left = max(cut[2] - cut[0], 0) * max(cut[3] - cut[1], 0)
        if left >= 0.5 * (corners[2] - corners[0]) * (corners[3] - corners[1]):
            kept.append((label, (float(cut[0]), float(cut[1]), float(cut[2]), float(cut[3]))))
    return tinted.astype(np.float32), kept


def pixels(example: DetectionExample) -> Array:
    """Return the picture of an example, 0 to 1."""
    found = network_pixels(example.image_bytes, ImageSize(SIDE, SIDE), example.filename)
    return (found / np.float32(255)).astype(np.float32)


def train(
    model: tf.keras.Model, examples: Sequence[DetectionExample], classes: int, steps: int, *, augments: bool
) -> None:
    """Train the model in place."""
    rate = tf.keras.optimizers.schedules.CosineDecay(3e-3, steps)
    optimizer = tf.keras.optimizers.Adam(rate)

    @tf.function
    def step(pictures: tf.Tensor, labels: tf.Tensor, distances: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            boxes, logits = model(pictures, training=True)
            is_box = tf.cast(tf.reduce_max(labels, -1) > 0, tf.float32)
            count = tf.maximum(tf.reduce_sum(is_box), 1.0)
            wrong = tf.abs(labels - tf.sigmoid(logits))
            binary = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
            classing = tf.reduce_sum(wrong**2 * binary) / count
            low = tf.floor(distances)
            high_share = distances - low
            shape = (-1, tf.shape(boxes)[1], 4, BINS)
            spread = tf.nn.log_softmax(tf.reshape(boxes, shape))
            lower = tf.reduce_sum(spread * tf.one_hot(tf.cast(low, tf.int32), BINS), -1)
            upper = tf.reduce_sum(spread * tf.one_hot(tf.cast(low, tf.int32) + 1, BINS), -1)
            distancing = -tf.reduce_sum(tf.reduce_mean((1 - high_share) * lower + high_share * upper, -1) * is_box)
            loss = classing + distancing / count
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    made = batches(examples, classes, steps, augments=augments)
    for number, (pictures, labels, distances) in enumerate(made, start=1):
        loss = step(pictures, labels, distances)
        if number % 100 == 0 or number == steps:
            print(f"step {number}: loss {float(loss):.3f}", flush=True)


def convert(model: tf.keras.Model, examples: Sequence[DetectionExample]) -> bytes:
    """Return the model as full int8, uint8 in, int8 logits out."""

    def run(picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        boxes, logits = model(picture, training=False)
        return boxes, tf.clip_by_value(logits, -LOGIT_LIMIT, LOGIT_LIMIT)

    function = tf.function(run).get_concrete_function(tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: ([pixels(example)[None]] for example in examples[:100])
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    return bytes(converter.convert())


def main(workspace: Workspace, target: Path, steps: int, *, augments: bool = True) -> None:
    """Train, convert, write; without augmentation a few pictures are learned by heart."""
    tf.keras.utils.set_random_seed(0)
    names = read_label_map(workspace.label_map_path).names
    examples = list(read_examples(workspace.shard_paths(Split.TRAIN)))
    classes = max(len(names), 2)  # Frigate takes one class for a best score: a second one that no picture has
    model = network(classes)
    train(model, examples, classes, steps, augments=augments)
    target.write_bytes(convert(model, examples))
    dummies = ["unused"] * (classes - len(names))
    write_text(
        target.with_suffix(".txt"), "".join(f"{index} {name}\n" for index, name in enumerate([*names, *dummies]))
    )


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 800)  # noqa: PLR2004
