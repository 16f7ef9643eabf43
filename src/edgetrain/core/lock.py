"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetrain.core.errors import StorageError
from edgetrain.core.files import storage_error

_NAME = ".lock"


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system frees it when the process ends, however that happens.

    Args:
        folder: is made if it does not exist.

    Raises:
        StorageError: another process holds it, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(folder, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(
                f"{folder}: process {os.read(handle, 20).decode() or '?'} is at work in this workspace. "
                "Wait until it has ended, or give another --workspace."
            ) from error
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)
