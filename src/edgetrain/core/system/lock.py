"""The one lock of this project: a file that one process at a time holds, and a folder or device by it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetrain.core.errors import EdgetrainError, StorageError
from edgetrain.core.system.files import storage_error

LOCK_NAME = ".lock"
_OWN, _FOR_ALL = 0o644, 0o666


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

    def held_by(user: str) -> StorageError:
        return StorageError(f"{folder}: process {user} {work}. Wait until it has ended, or {elsewhere}.")

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _opened(folder / LOCK_NAME, _OWN)
    except OSError as error:
        raise storage_error(folder, error, elsewhere=elsewhere) from error
    with _held(handle, held_by):
        if not os.fstat(handle).st_nlink:
            raise StorageError(f"{folder}: another process has just removed it. Run the same command again.")
        yield


@contextmanager
def sole_holder(path: Path, held_by: Callable[[str], EdgetrainError]) -> Iterator[None]:
    """Hold a file for this process, whichever user of the machine it belongs to; see :func:`sole_user`.

    Args:
        path: the file, in a folder that all of them may write.
        held_by: the error where a process holds it, whose id it is handed.

    Raises:
        EdgetrainError: that of ``held_by``.
        StorageError: the file cannot be made.
    """
    try:
        handle = _opened(path, _FOR_ALL)
    except OSError as error:
        raise storage_error(path, error) from error
    with _held(handle, held_by):
        yield


def _opened(path: Path, mode: int) -> int:
    """Return a handle of the file, made if it is not there.

    Linux forbids to open with O_CREAT what another user made in a folder such as /run/lock (fs.protected_regular).
    """
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, mode)
        if mode == _FOR_ALL:
            os.fchmod(handle, mode)  # as asked, whatever the umask
        return handle


@contextmanager
def _held(handle: int, held_by: Callable[[str], EdgetrainError]) -> Iterator[None]:
    """Hold an open file, with this process's id in it, and close it at the end."""
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise held_by(os.read(handle, 20).decode(errors="replace") or "?") from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
