"""One process at a time on an Edge TPU, whichever job or user it belongs to.

A second process on a USB device ends the first (edgetpu issue 645); on PCIe it cannot load the delegate (359).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from edgetrain.core.errors import DeviceError
from edgetrain.core.system.lock import sole_holder

_SHARED_DIR = Path("/run/lock")


def lock_dir() -> Path:
    """Return the folder in which all users of this machine may leave locks."""
    return _SHARED_DIR if os.access(_SHARED_DIR, os.W_OK) else Path(tempfile.gettempdir())


def sole_device_user(device: str, folder: Path) -> AbstractContextManager[None]:
    """Return what holds a device for this process; the system frees it when the process ends, however that happens.

    Args:
        device: ``usb:0``, ``pci:1``, …
        folder: where the lock stands; the same for all jobs.

    Raises:
        DeviceError: another process holds it.
        StorageError: the lock cannot be made.
    """
    path = folder / f"edgetrain-{device.replace(':', '-')}.lock"

    def held_by(user: str) -> DeviceError:
        return DeviceError(
            f"Edge TPU {device}: process {user} is using it (lock {path}). Wait until it has ended, or name "
            "another device with --device."
        )

    return sole_holder(path, held_by)
