"""COCO figures of what a model found in the pictures of TFRecords."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrain.core.detections import DetectedObject
from edgetrain.formats.coco_metrics import Detection, Metrics, Truth, coco_metrics
from edgetrain.records.example import DetectionExample


def detections_of(examples: Sequence[DetectionExample], found: Sequence[Sequence[DetectedObject]]) -> list[Detection]:
    """Return detections in pixels of their pictures; a picture's id is its place.

    Args:
        examples: the pictures.
        found: what the model found in each of them, in the same order.
    """
    return [
        Detection(image_id, item.class_index + 1, item.box.to_pixels(example.size), item.score)
        for image_id, (example, objects) in enumerate(zip(examples, found))
        for item in objects
    ]


def judge(examples: Sequence[DetectionExample], detections: Sequence[Detection], class_names: Sequence[str]) -> Metrics:
    """Return the figures of one model's detections over all pictures.

    Raises:
        ValueError: there is no ground truth.
    """
    truths = [
        Truth(image_id, box.class_id, box.box.to_pixels(example.size))
        for image_id, example in enumerate(examples)
        for box in example.boxes
    ]
    return coco_metrics(truths, detections, images=len(examples), class_names=class_names)
