"""The real way of a compiled model to a delegate, with a delegate that gcc makes and that has no Edge TPU behind it."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DeviceError
from edgetrain.edgetpu.device.trial_events import TrialJob
from edgetrain.edgetpu.device.trial_runner import run_trial
from tests.edgetpu.device.test_trial import write_pictures
from tests.support.places import SHARED_DIR

pytestmark = [pytest.mark.tensorflow, pytest.mark.shared]
COMPILED = SHARED_DIR / "edgetpu_models" / "ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu.tflite"


@pytest.fixture
def tried(tmp_path):
    """Return a function that tries a compiled model of Google's in a process of its own."""

    def tried(device, library):
        job = TrialJob(str(COMPILED), device, "delegate", str(library), (write_pictures(tmp_path),), 0, 1, 0.0)
        return run_trial(job, timeout_seconds=300, heard=lambda _: None)

    return tried


def test_a_compiled_model_reaches_the_operator_that_the_stub_cannot_run(stub_delegate):
    from edgetrain.tflite.interpreters import Interpreter, load_delegate

    delegate = load_delegate(str(stub_delegate), {"device": "usb:0"})
    interpreter = Interpreter(str(COMPILED), experimental_delegates=[delegate])
    interpreter.allocate_tensors()

    with pytest.raises(RuntimeError, match="stub delegate: there is no Edge TPU behind it"):
        interpreter.invoke()


def test_the_library_tells_its_version(stub_delegate):
    from edgetrain.edgetpu.device.delegate import runtime_version

    assert runtime_version(str(stub_delegate)) == "BuildLabel(stub), RuntimeVersion(14)"


def test_a_compiled_model_without_a_delegate_is_explained(tried):
    with pytest.raises(DeviceError, match=r"cpu: Encountered unresolved custom op: .* interpreter without Edge TPU"):
        tried("cpu", "unused")


def test_a_device_that_is_not_there_is_explained(tried, stub_delegate):
    with pytest.raises(DeviceError, match=r"usb:7: Failed to load delegate .* stub delegate: no such device\. Either "):
        tried("usb:7", stub_delegate)


def test_a_library_that_crashes_ends_only_the_trial(tried, stub_delegate):
    with pytest.raises(DeviceError, match=r"usb:8: the test process crashed \(SIGABRT\)\."):
        tried("usb:8", stub_delegate)
