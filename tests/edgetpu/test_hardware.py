"""A model on a device: which device, what it must do, and that a rehearsal is never more than that."""

from __future__ import annotations

import json
import time

import pytest
from lxml import etree

from ci.standin.compiled_file import write_compiled
from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import DeviceError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.edgetpu import hardware
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.edgetpu.device.device_lock import sole_device_user
from edgetrain.edgetpu.device.discovery import EdgeTpu
from edgetrain.edgetpu.device.trial_events import TrialResult
from edgetrain.pipeline import flow
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from edgetrain.tflite.file import parse_tflite
from tests.support.examples import encode_example
from tests.support.outcomes import failed
from tests.support.tflite_models import content_of, detector

MAPPED = [True, True, True, False, True, False, False]
BOX = NormalizedBox(0.1, 0.1, 0.6, 0.6)
FOUND = DetectedObject(0, 0.9, BOX)


@pytest.fixture
def devices(monkeypatch, tmp_path):
    """Return the list of Edge TPUs that the machine shows; locks stand in a folder of the test."""
    found = []
    monkeypatch.setattr(hardware, "find_edge_tpus", lambda: found)
    monkeypatch.setattr(hardware, "lock_dir", lambda: tmp_path)
    return found


@pytest.fixture
def trials(monkeypatch):
    """Return jobs that were run, and what a device finds; the CPU always finds the labelled box."""
    answers = {"jobs": [], "device": [FOUND], "latencies": [10.0] * 20}

    def run_trial(job, *, timeout_seconds, heard):
        answers["jobs"].append(job)
        found = [FOUND] if job.device == "cpu" else answers["device"]
        result = TrialResult("lib", "RuntimeVersion(14)", first_ms=50.0, latencies_ms=answers["latencies"])
        result.pictures = {"a.jpg": found, "b.jpg": found}
        heard(result)
        return result

    monkeypatch.setattr(hardware, "run_trial", run_trial)
    return answers


@pytest.fixture
def ready(workspace, devices, trials):
    """Return a workspace with records, label map and both models."""
    boxes = (ExampleBox(BOX, "boat", 1),)
    examples = [DetectionExample(name, name, b"", "jpeg", ImageSize(64, 48), boxes) for name in ("a.jpg", "b.jpg")]
    workspace.records_dir.mkdir(parents=True)
    write_records(workspace.shard_path(Split.TEST, 0, 1), map(encode_example, examples))
    write_label_map(workspace.label_map_path, LabelMap(("boat",)))
    workspace.model_dir.mkdir()
    workspace.model_path.write_bytes(b"int8")
    made = write_compiled(content_of(detector()), MAPPED, runtime=14, parameter_bytes=9)
    # The mark of the stand-in is taken off, as only a test may: there is no other compiler here.
    workspace.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx"))
    return workspace


def cases(workspace):
    """Return suite name and outcome of each case of the JUnit XML."""
    suite = etree.parse(workspace.hardware_junit_path).getroot().find("testsuite")
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    return suite.get("name"), {name: tags[0] if tags else "passed" for name, tags in outcomes.items()}


def test_a_device_that_sees_what_the_cpu_sees_passes(settings, ready, devices, trials):
    devices.append(EdgeTpu("usb:0", ready.root))

    report = hardware.run(settings(hardware__max_latency_ms=20), ready)

    assert report.results["is_hardware_pass"] is True
    assert [(job.model, job.device) for job in trials["jobs"]] == [
        (str(ready.model_path), "cpu"),
        (str(ready.compiled_model_path), "usb:0"),
    ]
    assert cases(ready) == (
        "hardware",
        {
            "runtime": "passed",
            "detections": "passed",
            "accuracy": "passed",
            "latency": "passed",
            "endurance": "skipped",
        },
    )


def test_a_device_that_sees_nothing_fails_with_all_figures_kept(settings, ready, devices, trials):
    devices.append(EdgeTpu("usb:0", ready.root))
    trials["device"] = []

    outcome = failed(
        hardware.run(settings(), ready), match=r"detections: 0 of 2 .*\n?accuracy: AP 0\.000 on the device"
    )

    assert outcome.results["is_hardware_pass"] is False
    assert cases(ready)[1]["detections"] == "failure"


def test_a_slow_device_fails(settings, ready, devices, trials):
    devices.append(EdgeTpu("pci:0", ready.root))
    trials["latencies"] = [30.0] * 20

    failed(
        hardware.run(settings(hardware__max_latency_ms=20), ready),
        match=r"latency: 90 of 100 runs take at most 30\.0 ms, more than .* 20",
    )


def test_a_rehearsal_says_so_everywhere_and_is_no_pass(settings, ready, devices, trials):
    report = hardware.run(settings(hardware__device="cpu"), ready)

    assert (report.results["device"], report.results["is_rehearsal"], report.results["is_hardware_pass"]) == (
        "cpu",
        True,
        False,
    )
    assert report.summary.startswith("rehearsal on the CPU, not a hardware pass: ")
    suite, outcomes = cases(ready)
    assert suite == "hardware (rehearsal on the CPU)"
    assert outcomes["hardware pass"] == "skipped"


def test_an_earlier_pass_does_not_outlive_a_failure(settings, ready, devices, trials, monkeypatch):
    """Whatever fails: a device that crashes, or records that are gone."""
    devices.append(EdgeTpu("usb:0", ready.root))
    hardware.run(settings(), ready)
    ready.shard_path(Split.TEST, 0, 1).unlink()

    outcome = failed(hardware.run(settings(), ready))

    assert outcome.results["is_hardware_pass"] is False
    assert cases(ready)[1] == {"device": "failure"}


def test_a_device_that_showed_nothing_to_compare_has_proven_nothing(settings, ready, devices, trials):
    devices.append(EdgeTpu("usb:0", ready.root))

    report = hardware.run(settings(hardware__min_score=0.95), ready)

    assert report.results["is_hardware_pass"] is False
    assert "not judged" in report.summary


def test_without_a_device_there_is_one_message_soon(settings, ready):
    started = time.monotonic()

    failed(hardware.run(settings(), ready), match=r"hardware\.device edgetpu: no such Edge TPU .* found: none\)")

    assert cases(ready) == ("hardware", {"device": "failure"})
    assert time.monotonic() - started < 30


def test_a_device_of_another_name_is_not_taken(settings, ready, devices):
    devices.append(EdgeTpu("usb:0", ready.root))

    failed(hardware.run(settings(hardware__device="usb:1"), ready), match=r"hardware\.device usb:1: .* found: usb:0\)")


def test_the_first_device_that_is_free_is_taken(settings, ready, devices, trials, tmp_path):
    devices += [EdgeTpu("usb:0", ready.root), EdgeTpu("usb:1", ready.root)]

    with sole_device_user("usb:0", tmp_path):
        report = hardware.run(settings(), ready)

    assert report.results["device"] == "usb:1"


def test_a_device_in_use_is_left_alone(settings, ready, devices, trials, tmp_path):
    devices.append(EdgeTpu("usb:0", ready.root))

    with sole_device_user("usb:0", tmp_path):
        outcome = hardware.run(settings(), ready)

    failed(outcome, match=r"Edge TPU usb:0: process \d+ is using it")
    assert trials["jobs"] == []


def test_a_device_is_free_again_after_a_failure(settings, ready, devices, monkeypatch, tmp_path):
    devices.append(EdgeTpu("usb:0", ready.root))
    monkeypatch.setattr(hardware, "run_trial", lambda *_, **__: (_ for _ in ()).throw(DeviceError("unplugged")))

    failed(hardware.run(settings(), ready), match="unplugged")

    with sole_device_user("usb:0", tmp_path):
        assert cases(ready)[1] == {"device": "failure"}


def test_a_stand_in_s_model_is_refused_before_any_device_is_touched(settings, ready, devices, trials):
    devices.append(EdgeTpu("usb:0", ready.root))
    made = write_compiled(content_of(detector()), MAPPED, runtime=14, parameter_bytes=9)
    ready.compiled_model_path.write_bytes(made)

    failed(hardware.run(settings(), ready), match="a stand-in made this file")

    assert trials["jobs"] == []


def test_test_pictures_are_needed(settings, ready):
    ready.shard_path(Split.TEST, 0, 1).unlink()

    failed(hardware.run(settings(), ready), match=r"no test picture\. Run \"ci/inv records\" first")


@pytest.mark.tensorflow
def test_the_whole_rehearsal_of_a_trained_model(copied_run):
    settings = copied_run(hardware__device="cpu", hardware__inferences=5)

    flow.run_stage("hardware", settings)

    report = json.loads((settings.workspace.root / "reports" / "hardware.json").read_text())
    assert report["results"]["device"] == report["results"]["cpu"]
    assert report["latency"]["inferences"] == 5
    assert report["is_hardware_pass"] is False


@pytest.mark.tensorflow
def test_a_compiled_model_goes_all_the_way_to_the_device_that_is_not_there(copied_run, devices, stub_delegate):
    """Everything is real but compiler and device: interpreter, delegate loading, process, lock, pictures."""
    settings = copied_run(hardware__api="delegate", hardware__delegate_library=str(stub_delegate))
    workspace = flow.Workspace(settings.workspace.root)
    source = workspace.model_path.read_bytes()
    outcomes = [verdict.outcome == "maps" for verdict in predict(parse_tflite(source, "m"), workspace.root).operators]
    made = write_compiled(source, outcomes, runtime=14, parameter_bytes=9)
    workspace.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx"))
    devices.append(EdgeTpu("usb:0", workspace.root))

    failed(flow.run_stage("hardware", settings), match=r"usb:0: stub delegate: there is no Edge TPU behind it")

    assert cases(workspace) == ("hardware", {"device": "failure"})
