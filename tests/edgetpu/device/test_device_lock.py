"""One process at a time on a device."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgetrain.core.errors import DeviceError
from edgetrain.edgetpu.device.device_lock import sole_device_user

HOLD = """
import sys, pathlib
sys.path[:0] = {path!r}
from edgetrain.edgetpu.device.device_lock import sole_device_user
with sole_device_user("usb:0", pathlib.Path({folder!r})):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Return another process that holds usb:0."""
    code = HOLD.format(path=sys.path, folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_device_in_use_is_refused_and_its_user_named(tmp_path, holder):
    with (
        pytest.raises(DeviceError, match=rf"Edge TPU usb:0: process {holder.pid} is using it"),
        sole_device_user("usb:0", tmp_path),
    ):
        pass


def test_another_device_is_free(tmp_path, holder):
    with sole_device_user("usb:1", tmp_path):
        assert (tmp_path / "edgetrain-usb-1.lock").read_text() == str(os.getpid())


def test_a_user_that_was_killed_holds_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()

    with sole_device_user("usb:0", tmp_path):
        assert (tmp_path / "edgetrain-usb-0.lock").read_text() == str(os.getpid())


def test_every_user_of_the_machine_may_take_it(tmp_path):
    with sole_device_user("usb:0", tmp_path):
        mode = (tmp_path / "edgetrain-usb-0.lock").stat().st_mode

    assert mode & 0o777 == 0o666
