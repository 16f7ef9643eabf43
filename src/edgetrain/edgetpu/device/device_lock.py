"""One process at a time on an Edge TPU, whichever job or user it belongs to.

A second process on a USB device ends the first (edgetpu issue 645); on PCIe it cannot load the delegate (359).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetrain.core.errors import DeviceError
from edgetrain.core.system.files import storage_error

_SHARED_DIR = Path("/run/lock")


def lock_dir() -> Path:
    """Return the folder in which all users of this machine may leave locks."""
    return _SHARED_DIR if os.access(_SHARED_DIR, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def sole_device_user(device: str, folder: Path) -> Iterator[None]:
    """Hold a device for this process; the system frees it when the process ends, however that happens.

    Args:
        device: ``usb:0``, ``pci:1``, …
        folder: where the lock stands; the same for all jobs.

    Raises:
        DeviceError: another process holds it.
        StorageError: the lock cannot be made.
    """
    path = folder / f"edgetrain-{device.replace(':', '-')}.lock"
    try:
        handle = _open(path)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            user = os.read(handle, 20).decode(errors="replace") or "unknown"
            raise DeviceError(
                f"Edge TPU {device}: process {user} is using it (lock {path}). Wait until it has ended, or name "
                "another device with --device."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """Return a handle of the lock, made for all users if it is not there.

    Linux forbids to open with O_CREAT what another user made in a folder such as /run/lock (fs.protected_regular).
    """
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        os.fchmod(handle, 0o666)  # as asked, whatever the umask
        return handle
