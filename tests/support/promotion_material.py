"""Models whose AP is known, the pictures that judge them, and the reports of a device that passed them.

A model here answers every picture with the same two boxes, as a TFLite file that the interpreter really runs. How well
they fit the labels decides the AP of each class. The pass of a device is written by hand, since no test has a device:
the product itself writes one only after a trial on an Edge TPU.
"""

from __future__ import annotations

import io
import random
import struct

from PIL import Image

from ci.standin.compiled_file import write_compiled
from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.label_map import LabelMap
from edgetrain.core.outcome import Outcome
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_digest
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.core.workspace.reports import StageRecord, write_record
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.pipeline import flow
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.conftest import settings_of
from tests.support.examples import encode_example
from tests.support.tflite_models import ModelSpec, OperatorSpec, TensorSpec, content_of

CLASSES = ("boat", "fish")
SIDE = 8
WIDTH = 0.2
TOPS = (0.1, 0.5)
_ENDS = ("inputs", "outputs")
TEST, VALIDATION, TRAIN = range(12), range(100, 103), range(200, 206)


def write_material(root, dataset, *, boat, fish, classes=CLASSES, test=TEST, train=TRAIN, **settings):  # noqa: PLR0913
    """Leave pictures, a model with the given tenths of AP, and its reports; return the settings of that workspace."""
    workspace = Workspace(root)
    write_label_map(workspace.label_map_path, LabelMap(classes))
    workspace.records_dir.mkdir(parents=True)
    for split, numbers in ((Split.TEST, test), (Split.VALIDATION, VALIDATION), (Split.TRAIN, train)):
        examples = [encode_example(picture(number, classes)) for number in numbers]
        write_records(workspace.shard_path(split, 0, 1), examples)
    content = content_of(detector(boat, fish))
    workspace.model_dir.mkdir(parents=True)
    workspace.model_path.write_bytes(content)
    workspace.float_model_path.write_bytes(content)
    chosen = settings_of(dataset, root, **settings)
    flow.run_stage("evaluate", chosen)
    compiled = write_compiled(content, [True], runtime=14, parameter_bytes=9)
    workspace.compiled_model_path.write_bytes(compiled.replace(PROVENANCE_KEY.encode(), b"provenancx"))
    leave_compiled(workspace)
    leave_passed(workspace)
    return chosen


def detector(boat, fish):
    """Return a model that finds a boat and a fish everywhere, each with so many tenths of AP."""
    corners = [
        side for top, tenths in zip(TOPS, (boat, fish)) for side in (top, 0.1, top + 0.3, 0.1 + width_of(tenths))
    ]
    found = {
        "boxes": ((1, 2, 4), corners),
        "classes": ((1, 2), [0, 1]),
        "scores": ((1, 2), [0.9, 0.8]),
        "count": ((1,), [2]),
    }
    tensors = [
        TensorSpec(name, shape, "FLOAT32", (), struct.pack(f"<{len(values)}f", *values))
        for name, (shape, values) in found.items()
    ]
    ends = (TensorSpec("picture", (1, SIDE, SIDE, 3), "UINT8"), TensorSpec("input", (1, SIDE, SIDE, 3)))
    return ModelSpec(
        (*ends, *tensors), (OperatorSpec("QUANTIZE", ("picture",), ("input",)),), ("picture",), tuple(found)
    )


def width_of(tenths):
    """Return the width of a box that fits the label up to so many of the ten IoUs of COCO's AP."""
    return WIDTH / (0.47 + 0.05 * tenths)


def picture(number, classes=CLASSES):
    """Return a picture of noise with one box of the first two classes each."""
    noise = random.Random(number).randbytes(SIDE * SIDE * 3)  # noqa: S311 - a picture, no secret
    image = Image.frombytes("RGB", (SIDE, SIDE), noise)
    boxes = tuple(
        ExampleBox(NormalizedBox(top, 0.1, top + 0.3, 0.1 + WIDTH), name, class_id)
        for class_id, (top, name) in enumerate(zip(TOPS, classes), start=1)
    )
    return DetectionExample(f"{number}.png", f"images/{number}.png", png_of(image), "png", ImageSize(100, 100), boxes)


def png_of(image):
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def leave(workspace, stage, results, summary="done", **paths):
    """Leave the report of a stage that has run well with the files that are there."""
    digests = {key: {workspace.relative(path): tree_digest(path) for path in paths.get(key, ())} for key in _ENDS}
    record = StageRecord(
        stage=stage,
        outcome=Outcome(summary, results),
        fingerprint="f",
        settings={},
        seconds=1.0,
        versions={},
        **digests,
    )
    write_record(workspace.report_path(stage), record)


def leave_compiled(workspace, provenance="edgetpu_compiler 16.0"):
    """Leave the report of the compiler."""
    paths = {"inputs": [workspace.model_path], "outputs": [workspace.compiled_model_path]}
    leave(workspace, "compile", {"provenance": provenance}, **paths)


def leave_passed(workspace, *, p90_ms=8.0, **changes):
    """Leave the report of a device that passed the compiled model: an imitation, as only a test may write it."""
    results = {
        "device": "usb:0",
        "is_hardware_pass": True,
        "is_rehearsal": False,
        "model_sha256": file_digest(workspace.compiled_model_path),
        "latency": {"p50_ms": 7.0, "p90_ms": p90_ms},
        "results": {"device": {"mean_average_precision": 0.5, "ap50": 1.0}},
    }
    leave(workspace, "hardware", {**results, **changes}, "usb:0: every check passed")
