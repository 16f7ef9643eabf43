"""Judge the float32 and the int8 TFLite model on one split, run as a device would run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edgetrain.core.errors import GateError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.progress import listener
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.devices.cpu import CpuDetector
from edgetrain.formats.coco_metrics import Detection, Metrics, Truth, coco_metrics
from edgetrain.formats.detection_example import DetectionExample, read_examples
from edgetrain.formats.pbtxt import read_label_map
from edgetrain.formats.pixels import network_pixels


class AccuracyDropError(GateError):
    """Quantization cost more AP than allowed; carries the report that says so."""

    def __init__(self, message: str, report: Report) -> None:
        """Keep the report so that the figures are not lost."""
        super().__init__(message)
        self.report = report


def run(settings: Settings, workspace: Workspace) -> Report:
    """Return COCO figures of both models.

    Raises:
        MissingInputError: the split has no records, or no ground truth.
        AccuracyDropError: int8 loses more AP than ``evaluate.max_ap_drop``.
    """
    split = Split(settings.evaluate.split)
    label_map = read_label_map(workspace.label_map_path)
    examples = list(read_examples(workspace.shard_paths(split)))
    if not any(example.boxes for example in examples):
        raise MissingInputError(
            f"{workspace.shard_pattern(split)}: {len(examples)} pictures without a single object cannot judge a model. "
            "Put labelled pictures into this split, or evaluate another one."
        )
    models = {"float32": workspace.float_model_path, "int8": workspace.model_path}
    metrics = {name: _evaluate(name, path, examples, label_map) for name, path in models.items()}
    report = _report(split, examples, metrics)
    drop = metrics["float32"].mean_average_precision - metrics["int8"].mean_average_precision
    limit = settings.evaluate.max_ap_drop
    if limit is not None and drop > limit:
        raise AccuracyDropError(
            f"evaluate: int8 loses {drop:.3f} AP against float32, more than evaluate.max_ap_drop {limit:g}. "
            "Raise quantize.representative_images, or allow a larger drop.",
            report,
        )
    return report


def _report(split: Split, examples: Sequence[DetectionExample], metrics: dict[str, Metrics]) -> Report:
    figures = ", ".join(f"{name} AP {m.mean_average_precision:.3f} AP50 {m.ap50:.3f}" for name, m in metrics.items())
    boxes = sum(len(example.boxes) for example in examples)
    return Report(
        f"{figures} on {len(examples)} {split.value} pictures",
        {
            "split": split.value,
            "images": len(examples),
            "boxes": boxes,
            "results": {name: asdict(values) for name, values in metrics.items()},
        },
    )


def _evaluate(name: str, model_path: Path, examples: Sequence[DetectionExample], label_map: LabelMap) -> Metrics:
    """Return the figures of one model over all pictures."""
    detector = CpuDetector(model_path)
    truths, detections = [], []
    for image_id, example in enumerate(examples):
        truths += [Truth(image_id, box.class_id, box.box.to_pixels(example.size)) for box in example.boxes]
        pixels = network_pixels(example.image_bytes, detector.input_size, example.filename)
        for found in detector.detect(pixels):
            box = found.box.to_pixels(example.size)
            detections.append(Detection(image_id, found.class_index + 1, box, found.score))
        listener().advanced(image_id + 1, len(examples), f"{name} pictures")
    return coco_metrics(truths, detections, images=len(examples), class_names=label_map.names)
