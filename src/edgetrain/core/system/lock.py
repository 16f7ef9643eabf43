"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetrain.core.errors import StorageError
from edgetrain.core.system.files import storage_error

LOCK_NAME = ".lock"


@contextmanager
def sole_user(
    folder: Path, *, work: str = "is at work in this workspace", elsewhere: str = "give another --workspace"
) -> Iterator[None]:
    """Hold a folder for this process; the system frees it when the process ends, however that happens.

    Args:
        folder: is made if it does not exist.
        work: what a process does that holds the folder, for the message.
        elsewhere: how to have it done in another folder, for the message.

    Raises:
        StorageError: another process holds it, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(folder, error, elsewhere=elsewhere) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(
                f"{folder}: process {os.read(handle, 20).decode() or '?'} {work}. "
                f"Wait until it has ended, or {elsewhere}."
            ) from error
        if not os.fstat(handle).st_nlink:
            raise StorageError(f"{folder}: another process has just removed it. Run the same command again.")
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)
