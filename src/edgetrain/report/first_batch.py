"""The page's pictures of a training batch as the network saw them."""

from __future__ import annotations

from edgetrain.core.redaction import clean_text
from edgetrain.core.wording import counted
from edgetrain.records.example import DetectionExample
from edgetrain.report.charts import JudgedBox, Svg, judged_picture


def seen_picture(example: DetectionExample) -> tuple[Svg, str, str]:
    """Return a picture with its boxes, its name, and what it shows in words."""
    boxes = [JudgedBox(one.class_name, one.box.to_pixels(example.size)) for one in example.boxes]
    name = clean_text(example.filename)
    picture, _ = judged_picture(example.image_bytes, example.size, truths=boxes, detections=[], name=name)
    return picture, name, ", ".join([counted(len(boxes), "box"), *sorted({one.class_name for one in boxes})])
