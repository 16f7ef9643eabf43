"""What a trial does with a detector: pictures first, then timing, then the long run. The detectors here are doubles."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.edgetpu.device import trial
from edgetrain.edgetpu.device.trial_events import TrialJob, TrialResult
from edgetrain.records.example import DetectionExample
from edgetrain.records.tfrecord import write_records
from tests.conftest import draw_labelled
from tests.support.examples import encode_example


class FakeInterpreter:
    """Finds one object of class 1, as Interpreter and pycoral's interpreter would say it."""

    def allocate_tensors(self):
        pass

    def get_input_details(self):
        return [{"index": 0, "shape": np.array([1, 8, 12, 3]), "dtype": np.uint8}]

    def get_output_details(self):
        return [{"index": index} for index in range(1, 5)]

    def set_tensor(self, index, value):
        assert (index, value.shape, value.dtype) == (0, (1, 8, 12, 3), np.uint8)

    def invoke(self):
        pass

    def get_tensor(self, index):
        boxes, classes, scores, count = [[[0.1, 0.2, 0.3, 0.4]]], [[1.0]], [[0.75]], [1.0]
        return np.array((boxes, classes, scores, count)[index - 1], dtype=np.float32)


@pytest.fixture
def records(tmp_path):
    """Return a TFRecord of three pictures."""
    return write_pictures(tmp_path)


def write_pictures(folder):
    """Write a TFRecord of three drawn pictures and return its name."""
    draw_labelled(folder, "a")
    data = (folder / "images" / "a.jpg").read_bytes()
    names = ["a.jpg", "b.jpg", "c.jpg"]
    examples = [DetectionExample(name, name, data, "jpeg", ImageSize(64, 48), ()) for name in names]
    write_records(folder / "test.record", map(encode_example, examples))
    return str(folder / "test.record")


@pytest.fixture
def tried(monkeypatch, records):
    """Return a function that runs a job with pycoral's double and gives what it told."""

    def tried(**changes):
        job = TrialJob(**{**JOB, "records": (records,), **changes})
        events, result = [], TrialResult()
        trial.run(job, lambda event, **values: events.append({"event": event, **values}))
        for event in events:
            result.hear(event)
        return [event["event"] for event in events], result

    install_pycoral(monkeypatch)
    return tried


JOB = {
    "model": "m.tflite",
    "device": "usb:1",
    "api": "auto",
    "library": "libedgetpu.so.1",
    "warmup": 2,
    "inferences": 20,
    "minutes": 0.0,
}


def install_pycoral(monkeypatch):
    """Put a double in the place of Google's pycoral, with the names and arguments of version 2.0."""
    made = []

    def make_interpreter(model_path_or_content, device=None, delegate=None):
        made.append((model_path_or_content, device, delegate))
        return FakeInterpreter()

    edgetpu = ModuleType("pycoral.utils.edgetpu")
    edgetpu.make_interpreter = make_interpreter
    edgetpu.get_runtime_version = lambda: "BuildLabel(N/A), RuntimeVersion(14)"
    utils = ModuleType("pycoral.utils")
    utils.edgetpu = edgetpu
    modules = {"pycoral": ModuleType("pycoral"), "pycoral.utils": utils, "pycoral.utils.edgetpu": edgetpu}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "edgetrain.edgetpu.device.coral", raising=False)
    return made


def test_pictures_come_first_then_the_timing(tried):
    kinds, result = tried()

    assert kinds == ["opened", "first", "picture", "picture", "picture", "latencies", "done"]
    assert result.is_done
    assert len(result.latencies_ms) == 20


def test_pycoral_is_asked_for_the_device_and_says_which_runtime_it_has(tried, monkeypatch):
    made = install_pycoral(monkeypatch)

    _, result = tried(api="pycoral")

    assert made == [("m.tflite", "usb:1", None)]
    assert (result.library, result.runtime_version) == ("pycoral", 14)


def test_what_is_found_keeps_class_score_and_box(tried):
    _, result = tried()

    (found,) = result.pictures["b.jpg"]
    assert (found.class_index, found.score) == (1, 0.75)
    assert found.box == NormalizedBox(*np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32).tolist())


def test_a_long_run_tells_latencies_and_temperature(tried, tmp_path):
    sensor = tmp_path / "temp"
    sensor.write_text("48500\n")

    kinds, result = tried(minutes=0.002, temperature=str(sensor))

    assert kinds[-2:] == ["soak", "done"]
    (sample,) = result.soak
    assert sample.temperature == 48.5
    assert sample.inferences > 0


def test_without_google_s_pycoral_the_demand_for_it_fails(monkeypatch, records):
    """PyPI's package of that name has no pycoral.utils."""
    monkeypatch.setitem(sys.modules, "pycoral", ModuleType("pycoral"))
    monkeypatch.delitem(sys.modules, "edgetrain.edgetpu.device.coral", raising=False)

    with pytest.raises(RuntimeError, match="Google's pycoral is not installed"):
        trial.run(TrialJob(**{**JOB, "records": (records,), "api": "pycoral"}), lambda *_, **__: None)


def test_the_job_survives_its_way_to_the_process():
    job = TrialJob(**{**JOB, "records": ("a", "b")})

    assert TrialJob.from_json(job.to_json()) == job
