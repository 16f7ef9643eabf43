"""Judge the float32 and the int8 TFLite model on one split, run as a device would run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from edgetrain.core.errors import MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.sections import EvaluateSettings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_digest
from edgetrain.core.wording import printable
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.core.workspace.reports import read_report
from edgetrain.evaluation.analysis import (
    Found,
    corners,
    curves_of,
    curves_report,
    mistakes_report,
    object_groups,
    thresholds_of,
    thresholds_report,
)
from edgetrain.evaluation.cpu import detect_all, found_by
from edgetrain.evaluation.foreign import ForeignModel, foreign_model, in_label_map
from edgetrain.evaluation.judged_file import write_judged
from edgetrain.evaluation.metrics import Detection, Metrics, detections_of, judge
from edgetrain.evaluation.thresholds import RuleLimits, ThresholdRule
from edgetrain.records.example import DetectionExample, read_examples
from edgetrain.tflite.calibration import Calibration

_SAMPLES = 12
_SAMPLE_SCORE = 0.3
_MAX_AP_DROP, _MIN_AP50 = "--max-ap-drop", "--min-ap50"


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Return COCO figures of both models; not good if int8 misses ``evaluate.max_ap_drop`` or ``evaluate.min_ap50``.

    With ``model.file`` that model is judged instead, by the classes that it shares with the dataset.

    Raises:
        MissingInputError: the split has no records, or no ground truth; or the model no labels.
        ModelError: no decoder reads the model of the user's own.
    """
    foreign = foreign_model(settings.model)
    split = Split(settings.evaluate.split)
    label_map = read_label_map(workspace.label_map_path)
    examples = list(read_examples(workspace.shard_paths(split)))
    if not any(example.boxes for example in examples):
        raise MissingInputError(
            f"{workspace.shard_pattern(split)}: {len(examples)} pictures without a single object cannot judge a model. "
            "Put labelled pictures into this split, or evaluate another one."
        )
    if foreign is not None:
        outcome, detections = _judged_foreign(settings.evaluate, foreign, split, examples, label_map)
        write_judged(workspace.detections_path, Found(examples, detections), label_map.names)
        return outcome
    models = {"float32": workspace.float_model_path, "int8": workspace.model_path}
    found = {name: detect_all(name, path, examples) for name, path in models.items()}
    metrics = {name: judge(examples, detections, label_map.names) for name, detections in found.items()}
    missed = missed_limits(settings.evaluate, metrics)
    outcome = _report(split, examples, metrics, _samples(examples, found["int8"], label_map), list(missed.values()))
    judged = Found(examples, found["int8"])
    write_judged(workspace.detections_path, judged, label_map.names)
    outcome = replace(
        outcome, results={**outcome.results, **_analysis(settings.evaluate, workspace, judged, label_map)}
    )
    if not missed:
        return outcome
    calibration = Calibration.from_report(read_report(workspace.report_path("quantize")))
    steps = remedies(missed, settings.evaluate, metrics, calibration)
    text = f"evaluate: {' and '.join(missed.values())}, on {len(examples)} {split.value} pictures. What may help:"
    return replace(outcome, failure=text + "".join(f"\n  {number}. {step}" for number, step in enumerate(steps, 1)))


def _judged_foreign(
    limits: EvaluateSettings,
    foreign: ForeignModel,
    split: Split,
    examples: Sequence[DetectionExample],
    label_map: LabelMap,
) -> tuple[Outcome, list[Detection]]:
    """Return figures and detections of a model not trained here, for the classes that it shares with the dataset."""
    indices = foreign.indices_in(label_map)
    found = [in_label_map(one, indices) for one in found_by("model", foreign.path, examples, foreign.decode)]
    detections = detections_of(examples, found)
    metrics = judge(examples, detections, label_map.names)
    missed = []
    if limits.min_ap50 is not None and metrics.ap50 < limits.min_ap50:
        missed.append(f"the model has an AP50 of {metrics.ap50:.3f}, less than evaluate.min_ap50 {limits.min_ap50:g}")
    unknown = sorted(set(label_map.names) - {foreign.names[index] for index in indices})
    notes = [f"the model has no class {printable(name)}: its AP is 0" for name in unknown]
    samples = _samples(examples, detections, label_map)
    report = _report(split, examples, {"int8": metrics}, samples, missed)
    results = {
        **report.results,
        "model": foreign.path.name,
        "model_sha256": file_digest(foreign.path),
        "decoder": foreign.kind.decoder,
        "shared_classes": sorted(foreign.names[index] for index in indices),
    }
    outcome = Outcome(
        f"{foreign.path.name}: {report.summary}",
        results,
        (*foreign.kind.findings, *([foreign.unnamed] if foreign.unnamed else []), *notes),
        failure=f"evaluate: {missed[0]}, on {len(examples)} {split.value} pictures." if missed else "",
    )
    return outcome, detections


def _analysis(chosen: EvaluateSettings, workspace: Workspace, judged: Found, label_map: LabelMap) -> dict[str, object]:
    """Return curves, thresholds and mistakes of the int8 model."""
    limits = RuleLimits(ThresholdRule(chosen.threshold_rule), chosen.min_precision, chosen.max_false_alarms)
    split, choosing = _choosing(Split(chosen.split), workspace, judged)
    chose, curves = (curves_of(one, label_map.names) for one in (choosing, judged))
    thresholds = thresholds_of(chose, limits, len(choosing.examples))
    on = (split.value, len(choosing.examples), chose)
    return {
        "thresholds": thresholds_report(thresholds, limits, on, (len(judged.examples), curves)),
        "curves": curves_report(curves),
        "groups": object_groups(judged, label_map.names),
        "mistakes": mistakes_report(judged, thresholds, label_map.names),
    }


def _choosing(split: Split, workspace: Workspace, judged: Found) -> tuple[Split, Found]:
    """Return the pictures that choose the thresholds: of validation, or the judged ones where that has no object."""
    if split is Split.VALIDATION:
        return split, judged
    examples = list(read_examples(workspace.shard_paths(Split.VALIDATION)))
    if not any(example.boxes for example in examples):
        return split, judged
    return Split.VALIDATION, Found(examples, detect_all("thresholds", workspace.model_path, examples))


def missed_limits(limits: EvaluateSettings, metrics: Mapping[str, Metrics]) -> dict[str, str]:
    """Return the flag of each limit that int8 misses, with half a sentence that says by how much."""
    missed = {}
    drop = metrics["float32"].mean_average_precision - metrics["int8"].mean_average_precision
    if limits.max_ap_drop is not None and drop > limits.max_ap_drop:
        missed[_MAX_AP_DROP] = (
            f"int8 loses {drop:.3f} AP against float32, more than evaluate.max_ap_drop {limits.max_ap_drop:g}"
        )
    ap50 = metrics["int8"].ap50
    if limits.min_ap50 is not None and ap50 < limits.min_ap50:
        missed[_MIN_AP50] = f"int8 has an AP50 of {ap50:.3f}, less than evaluate.min_ap50 {limits.min_ap50:g}"
    return missed


def remedies(
    missed: Mapping[str, str],
    limits: EvaluateSettings,
    metrics: Mapping[str, Metrics],
    calibration: Calibration | None,
) -> list[str]:
    """Return what may be done about missed limits: about the training, about the quantization, or about the limit."""
    steps = []
    ap50 = metrics["float32"].ap50
    is_weak = _MIN_AP50 in missed and ap50 < (limits.min_ap50 or 0)
    if is_weak:
        steps.append(
            f"float32 has an AP50 of only {ap50:.3f} itself: train longer (training.steps), or with more pictures of "
            "the classes that do worst (reports/index.html)"
        )
    if _MAX_AP_DROP in missed or not is_weak:
        measure = 'run "ci/inv quantize" again, which measures what the loss comes from'
        steps += calibration.remedies() if calibration else [measure]
    return [*steps, f"if your use can bear the loss, allow it with {' and '.join(missed)}"]


def _report(
    split: Split,
    examples: Sequence[DetectionExample],
    metrics: Mapping[str, Metrics],
    samples: Sequence[Mapping[str, object]],
    missed: Sequence[str],
) -> Outcome:
    figures = ", ".join(f"{name} AP {m.mean_average_precision:.3f} AP50 {m.ap50:.3f}" for name, m in metrics.items())
    boxes = sum(len(example.boxes) for example in examples)
    return Outcome(
        f"{figures} on {len(examples)} {split.value} pictures",
        {
            "split": split.value,
            "images": len(examples),
            "boxes": boxes,
            "results": {name: asdict(values) for name, values in metrics.items()},
            "samples": list(samples),
            "missed_limits": list(missed),
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
        "truths": [{"class": box.class_name, "box": corners(box.box.to_pixels(example.size))} for box in example.boxes],
        "detections": [
            {
                "class": label_map.name_of_index(found.class_id - 1),
                "score": round(found.score, 3),
                "box": corners(found.box),
            }
            for found in detections
            if found.score >= _SAMPLE_SCORE and found.box.is_finite()
        ],
    }
