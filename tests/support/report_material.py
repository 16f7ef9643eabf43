"""Figures, pictures and hostile words for the tests of the report."""

from __future__ import annotations

import io
import re

from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.splits import Split
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example

HOSTILE = "<script>alert(1)</script>"
FLOAT32 = {
    "mean_average_precision": 0.5,
    "ap50": 0.75,
    "ap75": 0.25,
    "average_recall": 0.625,
    "class_ap": {"boat": 0.5},
}
INT8 = {
    "mean_average_precision": 0.4375,
    "ap50": 0.6875,
    "ap75": None,
    "average_recall": 0.65,
    "class_ap": {"boat": 0.43},
}
FINDING = {
    "file": "a.xml",
    "line": 3,
    "rule": "box-outside",
    "severity": "error",
    "message": "Too far.",
    "fix": "Clip.",
}
TRUTH = {"class": "boat", "box": [8, 8, 40, 40]}
SAMPLE = {
    "filename": "one.jpg",
    "source_id": "images/one.jpg",
    "width": 64,
    "height": 48,
    "truths": [TRUTH],
    "detections": [{**TRUTH, "score": 0.91}, {"class": "boat", "score": 0.42, "box": [0, 0, 9, 9]}],
}


def text_of(html):
    """Return the words of a page without elements, spaces made one."""
    body = html.partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def write_picture(workspace):
    """Write a picture with metadata twice, under two names, as the test split."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 90, 200)).save(buffer, "JPEG", comment=b"taken at home")
    box = ExampleBox(NormalizedBox(0.1, 0.1, 0.5, 0.5), "boat", 1)
    examples = [
        DetectionExample(name, f"images/{name}", buffer.getvalue(), "jpeg", ImageSize(64, 48), (box,))
        for name in ("one.jpg", "two.jpg")
    ]
    workspace.records_dir.mkdir(parents=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), map(encode_example, examples))
