"""The real way of a compiled model to a delegate, with a delegate that gcc makes and that has no Edge TPU behind it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from edgetrain.core.errors import DeviceError
from edgetrain.devices.trial_events import TrialJob
from edgetrain.devices.trial_runner import run_trial
from tests.conftest import PROJECT_DIR, SHARED_DIR
from tests.devices.test_trial import write_pictures

pytestmark = [pytest.mark.tensorflow, pytest.mark.shared]
SOURCE = PROJECT_DIR / "tests" / "data" / "stub_delegate" / "stub_delegate.c"
COMPILED = SHARED_DIR / "edgetpu_models" / "ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu.tflite"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return the stub delegate, made by the C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.fail("no C compiler: install gcc")
    path = tmp_path_factory.mktemp("stub") / "libstub.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", SOURCE, "-o", path], check=True)
    return path


@pytest.fixture
def tried(tmp_path):
    """Return a function that tries a compiled model of Google's in a process of its own."""

    def tried(device, library):
        job = TrialJob(str(COMPILED), device, "delegate", str(library), (write_pictures(tmp_path),), 0, 1, 0.0)
        return run_trial(job, timeout_seconds=300, heard=lambda _: None)

    return tried


def test_a_compiled_model_reaches_the_operator_that_the_stub_cannot_run(library):
    from edgetrain.devices.interpreters import Interpreter, load_delegate

    delegate = load_delegate(str(library), {"device": "usb:0"})
    interpreter = Interpreter(str(COMPILED), experimental_delegates=[delegate])
    interpreter.allocate_tensors()

    with pytest.raises(RuntimeError, match="stub delegate: there is no Edge TPU behind it"):
        interpreter.invoke()


def test_the_library_tells_its_version(library):
    from edgetrain.devices.delegate import runtime_version

    assert runtime_version(str(library)) == "BuildLabel(stub), RuntimeVersion(14)"


def test_a_compiled_model_without_a_delegate_is_explained(tried):
    with pytest.raises(DeviceError, match=r"cpu: Encountered unresolved custom op: .* interpreter without Edge TPU"):
        tried("cpu", "unused")


def test_a_device_that_is_not_there_is_explained(tried, library):
    with pytest.raises(DeviceError, match=r"usb:7: Failed to load delegate .* stub delegate: no such device\. Either "):
        tried("usb:7", library)


def test_a_library_that_crashes_ends_only_the_trial(tried, library):
    with pytest.raises(DeviceError, match=r"usb:8: the test process crashed \(SIGABRT\)\."):
        tried("usb:8", library)
