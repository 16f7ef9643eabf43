"""A detector with DFL heads, trained for a moment, is judged and rehearsed; Frigate's rules give the same boxes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from tests.support.outcomes import failed

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def dfl(tmp_path_factory, finished_workspace):
    """Return a model that learned the twelve drawn pictures by heart, and its labels."""
    from benchmarks.dfl_detector import main

    path = tmp_path_factory.mktemp("dfl") / "dfl.tflite"
    main(finished_workspace, path, 150, augments=False)
    return path


def chosen(copied_run, dfl, **changes):
    return copied_run(
        model__file=dfl,
        model__labels=dfl.with_suffix(".txt"),
        model__decoder="yolo-dfl",
        export__max_detections=20,
        **changes,
    )


def test_a_foreign_model_is_judged_and_rehearsed(copied_run, dfl):
    settings = chosen(copied_run, dfl, hardware__device="cpu", hardware__inferences=5, hardware__warmup=1)
    flow.run_stage("evaluate", settings)
    flow.run_stage("hardware", settings)

    workspace = Workspace(settings.workspace.root)
    evaluated, tried = (json.loads(workspace.report_path(name).read_text()) for name in ("evaluate", "hardware"))
    assert evaluated["decoder"] == "yolo-dfl"
    assert evaluated["results"]["int8"]["ap50"] > 0.5
    assert evaluated["shared_classes"] == ["boat", "fish", "house"]
    assert tried["is_rehearsal"] is True
    assert all(check["is_passed"] is not False for check in tried["checks"])


def test_the_gate_on_ap50_holds_for_a_foreign_model(copied_run, dfl, tmp_path):
    """A class that the labels do not name is never found."""
    (tmp_path / "labels.txt").write_text("boat\ncar\ntree\n")
    settings = copied_run(model__file=dfl, model__labels=tmp_path / "labels.txt", evaluate__min_ap50=0.9)

    failed(
        flow.run_stage("evaluate", settings), match=r"the model has an AP50 of .*, less than evaluate\.min_ap50 0\.9"
    )


def test_frigate_s_rules_give_the_same_boxes(finished_workspace, dfl):
    """Score 0.4, IoU 0.4 whatever the class, at most 20: written here from the rules of yolo-generic."""
    from edgetrain.evaluation.decoders import decode_of
    from edgetrain.images.pixels import network_pixels
    from edgetrain.records.example import read_examples
    from edgetrain.tflite.interpreters import Interpreter, cpu_detector

    interpreter = Interpreter(str(dfl))
    interpreter.allocate_tensors()
    ours = cpu_detector(dfl, decode=decode_of(dfl))
    compared = 0
    for example in read_examples(finished_workspace.shard_paths(Split.TRAIN)):
        pixels = network_pixels(example.image_bytes, ours.input_size, example.filename)
        expected = frigate_objects(interpreter, pixels)
        found = [one for one in ours.detect(pixels) if one.score >= 0.4][:20]

        assert [one.class_index for one in found] == [label for _, label, _ in expected]
        for one, (score, _, box) in zip(found, expected):
            corners = (one.box.ymin, one.box.xmin, one.box.ymax, one.box.xmax)
            assert one.score == pytest.approx(score, abs=1e-5)
            assert corners == pytest.approx(box, abs=1e-5)
        compared += len(found)
    assert compared > 5


def frigate_objects(interpreter, pixels):
    """Return score, class and box (ymin, xmin, ymax, xmax; fractions) of what Frigate shows."""
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], pixels[None])
    interpreter.invoke()
    side = given["shape"][1]
    values = {}
    for detail in interpreter.get_output_details():
        scale, zero = detail["quantization"]
        values["boxes" if detail["shape"][2] == 64 else "classes"] = (
            interpreter.get_tensor(detail["index"])[0].astype(np.float64) - zero
        ) * scale
    candidates, row = [], 0
    for stride in (8, 16, 32):
        for y in range(side // stride):
            for x in range(side // stride):
                logits, bins = values["classes"][row], values["boxes"][row].reshape(4, 16)
                row += 1
                score = 1 / (1 + math.exp(-max(logits)))
                if score < 0.4:
                    continue
                left, top, right, bottom = ((np.exp(b) * range(16)).sum() / np.exp(b).sum() * stride for b in bins)
                cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                box = tuple(v / side for v in (cy - top, cx - left, cy + bottom, cx + right))
                candidates.append((score, int(np.argmax(logits)), box))
    kept = []
    for candidate in sorted(candidates, key=lambda c: -c[0]):
        if all(overlap(candidate[2], other[2]) <= 0.4 for other in kept):
            kept.append(candidate)
    return kept[:20]


def overlap(one, two):
    height, width = min(one[2], two[2]) - max(one[0], two[0]), min(one[3], two[3]) - max(one[1], two[1])
    common = max(height, 0) * max(width, 0)
    return common / (sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, two)) - common)
