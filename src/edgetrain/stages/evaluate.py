"""Judge the float32 and the int8 TFLite model on one split, run as a device would run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from edgetrain.core.boxes import BoundingBox
from edgetrain.core.calibration import Calibration
from edgetrain.core.errors import GateError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.reports import Report, read_report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.devices.cpu import found_by
from edgetrain.formats.coco_metrics import Detection, Metrics
from edgetrain.formats.detection_example import DetectionExample, read_examples
from edgetrain.formats.detection_metrics import detections_of, judge
from edgetrain.formats.pbtxt import read_label_map

_SAMPLES = 12
_SAMPLE_SCORE = 0.3


class AccuracyDropError(GateError):
    """Quantization cost more AP than allowed; carries the report that says so."""


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
    found = {name: detections_of(examples, found_by(path, examples, name)) for name, path in models.items()}
    metrics = {name: judge(examples, detections, label_map.names) for name, detections in found.items()}
    report = _report(split, examples, metrics, _samples(examples, found["int8"], label_map))
    drop = _drop(metrics)
    limit = settings.evaluate.max_ap_drop
    if limit is not None and drop > limit:
        raise AccuracyDropError(
            f"evaluate: int8 loses {drop:.3f} AP against float32 on {len(examples)} {split.value} pictures, more than "
            f"evaluate.max_ap_drop {limit:g}. {_remedies(workspace)}",
            report,
        )
    return report


def _remedies(workspace: Workspace) -> str:
    """Return what may be done about the loss, one numbered line each, from what ``quantize`` measured."""
    calibration = Calibration.from_report(read_report(workspace.report_path("quantize")))
    if calibration is None:
        return 'What may help is not known: run "ci/inv quantize" again, which measures it.'
    steps = [*calibration.remedies(), "if your use can bear the loss, allow it with --max-ap-drop"]
    return "What may help:" + "".join(f"\n  {number}. {step}" for number, step in enumerate(steps, start=1))


def _drop(metrics: dict[str, Metrics]) -> float:
    """Return the AP that quantization cost."""
    return metrics["float32"].mean_average_precision - metrics["int8"].mean_average_precision


def _report(
    split: Split,
    examples: Sequence[DetectionExample],
    metrics: Mapping[str, Metrics],
    samples: Sequence[Mapping[str, object]],
) -> Report:
    figures = ", ".join(f"{name} AP {m.mean_average_precision:.3f} AP50 {m.ap50:.3f}" for name, m in metrics.items())
    boxes = sum(len(example.boxes) for example in examples)
    return Report(
        f"{figures} on {len(examples)} {split.value} pictures",
        {
            "split": split.value,
            "images": len(examples),
            "boxes": boxes,
            "results": {name: asdict(values) for name, values in metrics.items()},
            "samples": list(samples),
        },
    )


def _samples(
    examples: Sequence[DetectionExample], detections: Sequence[Detection], label_map: LabelMap
) -> list[dict[str, object]]:
    """Return pictures evenly spread over the split, with labelled boxes and detections of some confidence."""
    count = min(_SAMPLES, len(examples))
    return [
        _sample(examples[i], [found for found in detections if found.image_id == i], label_map)
        for i in (number * len(examples) // count for number in range(count))
    ]


def _sample(example: DetectionExample, detections: Sequence[Detection], label_map: LabelMap) -> dict[str, object]:
    """Return one picture as JSON: boxes in pixels (xmin, ymin, xmax, ymax), detections as the model orders them."""
    return {
        "filename": example.filename,
        "source_id": example.source_id,
        "width": example.size.width,
        "height": example.size.height,
        "truths": [
            {"class": box.class_name, "box": _corners(box.box.to_pixels(example.size))} for box in example.boxes
        ],
        "detections": [
            {
                "class": label_map.name_of_index(found.class_id - 1),
                "score": round(found.score, 3),
                "box": _corners(found.box),
            }
            for found in detections
            if found.score >= _SAMPLE_SCORE and found.box.is_finite()
        ],
    }


def _corners(box: BoundingBox) -> list[float]:
    return [round(value, 1) for value in (box.xmin, box.ymin, box.xmax, box.ymax)]
