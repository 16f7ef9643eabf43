"""A model that was not trained here on a device: its decoder goes along, and its classes are the dataset's by name."""

from __future__ import annotations

import pytest

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.edgetpu import hardware
from edgetrain.edgetpu.device.trial_events import TrialJob, TrialResult
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example
from tests.support.tflite_models import detector, write_model

BOX = NormalizedBox(0.1, 0.1, 0.6, 0.6)


@pytest.fixture
def jobs(monkeypatch, workspace):
    """Return the jobs that were run; each finds the labelled box, as the model's class 1."""
    found = []

    def run_trial(job, *, timeout_seconds, heard):
        found.append(job)
        result = TrialResult("lib", first_ms=50.0, latencies_ms=[10.0] * 20)
        result.pictures = {"a.jpg": [DetectedObject(1, 0.9, BOX)]}
        return result

    monkeypatch.setattr(hardware, "run_trial", run_trial)
    write_label_map(workspace.label_map_path, LabelMap(("fish", "boat")))
    workspace.records_dir.mkdir(parents=True)
    example = DetectionExample("a.jpg", "a.jpg", b"", "jpeg", ImageSize(8, 8), (ExampleBox(BOX, "fish", 1),))
    write_records(workspace.shard_path(Split.TEST, 0, 1), [encode_example(example)])
    return found


def test_a_rehearsal_knows_the_decoder_and_the_dataset_s_classes(settings, workspace, jobs, tmp_path):
    path = write_model(tmp_path / "theirs.tflite", detector())
    (tmp_path / "labels.txt").write_text("boat\nfish\n")
    chosen = {"model__file": path, "model__labels": tmp_path / "labels.txt", "hardware__device": "cpu"}

    report = hardware.run(settings(**chosen), workspace)

    assert [(job.model, job.decoder, job.decoded_model) for job in jobs] == [(str(path), "auto", str(path))] * 2
    assert report.results["results"]["device"]["ap50"] == pytest.approx(1.0)


def test_the_decoder_goes_through_the_line_of_a_job():
    job = TrialJob("m", "cpu", "auto", "lib", ("r",), 0, 1, 0.0, decoder="yolo", decoded_model="s")

    assert TrialJob.from_json(job.to_json()) == job
