"""A trial's process that ends badly is a message; the processes here are tiny programs instead of the trial's own."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import DeviceError
from edgetrain.edgetpu.device import trial_runner
from edgetrain.edgetpu.device.trial_events import TrialJob
from edgetrain.edgetpu.device.trial_runner import run_trial

JOB = TrialJob("m.tflite", "usb:0", "auto", "libedgetpu.so.1", ("a",), 0, 1, 0.0)
TELL = "import json, os, signal, sys, time\npipe = os.fdopen(int(sys.argv[2]), 'w')\ntell = lambda **e: (pipe.write(json.dumps(e) + '\\n'), pipe.flush())\n"  # noqa: E501


@pytest.fixture
def tried(monkeypatch):
    """Return a function that runs a program in the place of the trial's."""

    def tried(code, timeout_seconds=20.0):
        monkeypatch.setattr(trial_runner, "_START", TELL + code)
        return run_trial(JOB, timeout_seconds=timeout_seconds, heard=lambda _: None)

    return tried


def test_what_the_process_tells_is_put_together(tried):
    result = tried(
        "tell(event='opened', library='lib', runtime='X, RuntimeVersion(14)', seconds=1.0, input=[300, 200])\n"
        "tell(event='first', ms=9.0)\n"
        "tell(event='picture', source_id='a.jpg', objects=[[2, 0.5, 0.1, 0.2, 0.3, 0.4]])\n"
        "tell(event='latencies', ms=[1.0, 2.0], temperature=None)\n"
        "tell(event='alive')\n"
        "tell(event='latencies', ms=[3.0], temperature=51.0)\n"
        "tell(event='done')\n"
    )

    assert (result.runtime_version, result.first_ms, result.latencies_ms) == (14, 9.0, [1.0, 2.0, 3.0])
    assert (result.input_size.width, result.temperature) == (300, 51.0)
    assert [(found.class_index, found.box.ymin, found.box.xmax) for found in result.pictures["a.jpg"]] == [
        (2, 0.1, 0.4)
    ]


def test_a_crash_is_told_with_its_signal_its_usual_cause_and_the_last_words(tried):
    with pytest.raises(DeviceError, match=r"usb:0: .*crashed \(SIGSEGV\)\. .*another TensorFlow(.|\n)*  last words"):
        tried("print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)")


def test_a_failure_that_the_library_reports_is_explained(tried):
    with pytest.raises(DeviceError, match=r"usb:0: Failed to load delegate from x\. Either libedgetpu\.so\.1 is not"):
        tried("tell(event='failed', text='Failed to load delegate from x')")


def test_silence_is_a_hang_and_ends_the_process(tried):
    with pytest.raises(DeviceError, match=r"usb:0: no sign of life for 0\.5 s"):
        tried("time.sleep(60)", timeout_seconds=0.5)


def test_a_process_that_does_not_finish_after_its_last_word_is_ended(tried):
    with pytest.raises(DeviceError, match="no sign of life"):
        tried("tell(event='done'); pipe.close(); time.sleep(60)", timeout_seconds=0.5)


@pytest.mark.parametrize("code", ["sys.exit(3)", "raise KeyError('oops')", "pass"])
def test_an_end_before_the_work_is_done_is_a_failure(tried, code):
    with pytest.raises(DeviceError, match=r"the test process ended with code [013]"):
        tried(code)


def test_a_mistake_of_the_program_shows_its_traceback(tried):
    with pytest.raises(DeviceError, match="KeyError: 'oops'"):
        tried("raise KeyError('oops')")
