"""Files that are either whole or absent, and digests of what is in them."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edgetrain.core.errors import StorageError, UnfetchedError
from edgetrain.core.json_text import json_text
from edgetrain.core.system.pointers import COMMANDS, MOST_POINTER_BYTES, STORES, pointer_tool

_BLOCK_BYTES = 1 << 20
# A named pipe is opened at once instead of waiting for a writer, so that it can be refused.
_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
MOST_TEXT_BYTES = 32 << 20
_PART, _OLD = ".part", ".old"
_OTHER_WORKSPACE = "give another --workspace"


@contextmanager
def replacing_file(path: Path, *, elsewhere: str = _OTHER_WORKSPACE) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block ends well, else remove it.

    Args:
        path: the file to write.
        elsewhere: how to have it written in another place, for the message.

    Raises:
        StorageError: the disk is full or the folder cannot be written; an earlier file stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise storage_error(path, error, elsewhere=elsewhere) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise storage_error(path, error, elsewhere=elsewhere) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_dir(path: Path, *, elsewhere: str = _OTHER_WORKSPACE) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``path``; it replaces ``path`` if the block ends well.

    What earlier runs left that were killed is removed first; a folder that was about to be replaced is put back.

    Args:
        path: the folder to write.
        elsewhere: how to have it written in another place, for the message.

    Raises:
        StorageError: the disk is full or the folder cannot be written; an earlier folder stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(path)
        prefix = f".{path.name}.{os.getpid()}."
        temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=_PART, dir=path.parent))
    except OSError as error:
        raise storage_error(path, error, elsewhere=elsewhere) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        _swap_dir(temporary, path)
    except OSError as error:
        raise storage_error(path, error, elsewhere=elsewhere) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clear_up(path: Path) -> None:
    """Remove the temporary folders of processes that are gone, and put back what one of them had moved aside."""
    for old in sorted(path.parent.glob(f".{path.name}.*{_PART}{_OLD}")):
        if _is_abandoned(old, path) and not path.exists():
            old.rename(path)
    for left in sorted(path.parent.glob(f".{path.name}.*{_PART}*")):
        if _is_abandoned(left, path):
            shutil.rmtree(left, ignore_errors=True)


def _is_abandoned(temporary: Path, path: Path) -> bool:
    """Return whether the process that a temporary folder is named after does not run any more."""
    owner = temporary.name[len(path.name) + 2 :].partition(".")[0]
    if not owner.isdecimal():
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return int(owner) == os.getpid()  # of an earlier process: in a container, all have the same number


def _swap_dir(new: Path, path: Path) -> None:
    """Put ``new`` at ``path``; what was there is removed only after the swap."""
    old = new.with_name(f"{new.name}{_OLD}")
    if path.exists():
        path.rename(old)
    try:
        new.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def storage_error(path: Path, error: OSError, *, elsewhere: str = _OTHER_WORKSPACE) -> StorageError:
    """Return the error of this project for a failed write or read of ``path``; ``elsewhere`` tells a way round it."""
    reason = error.strerror or str(error)
    if isinstance(error, (FileExistsError, NotADirectoryError, IsADirectoryError)):
        remedy = f"Something else is in the way there: move it away, or {elsewhere}."
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        remedy = f"Fix the permissions, or {elsewhere}."
    else:
        remedy = "Free space or fix the permissions, then run the same command again."
    return StorageError(f"{path}: {reason}. {remedy}")


def write_text(path: Path, text: str, *, elsewhere: str = _OTHER_WORKSPACE) -> None:
    """Write text as UTF-8, its line ends as they are, whole or not at all."""
    with replacing_file(path, elsewhere=elsewhere) as temporary:
        temporary.write_bytes(text.encode())


def append_text(path: Path, text: str, *, elsewhere: str = _OTHER_WORKSPACE) -> None:
    """Add UTF-8 text to the end of a file, which is made where it is missing.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise storage_error(path, error, elsewhere=elsewhere) from error


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write an object as indented JSON with sorted keys, whole or not at all."""
    write_text(path, json_text(value) + "\n")


class OutsideLinkError(OSError):
    """A link leads out of the dataset, and is not followed."""

    def __init__(self, target: str | Path) -> None:
        """Say where it leads."""
        super().__init__(errno.ELOOP, f"it is a link that points outside the dataset, to {target}")


def open_regular(
    path: str | Path, *, most_bytes: int = MOST_TEXT_BYTES, within: str | Path | None = None
) -> tuple[int, os.stat_result]:
    """Open a file that a stranger may have written: a regular file of a limited size, and no link that leads out.

    Args:
        path: the file.
        most_bytes: a larger file is refused.
        within: the dataset; a link is followed if it leads to a file in it, or to what git-annex or DVC keep for the
            repository around it. ``None``: every link is followed.

    Returns:
        A descriptor, which the caller closes, and what the system says about the file.

    Raises:
        OSError: the file cannot be opened or is refused; ``strerror`` says why.
        OutsideLinkError: it is such a link.
        UnfetchedError: it is a link to content that git-annex or DVC has not brought yet.
    """
    try:
        descriptor = os.open(path, _READ_ONLY if within is None else _READ_ONLY | _NO_FOLLOW)
    except OSError as error:
        if within is None or error.errno not in {errno.ELOOP, errno.EMLINK}:
            raise
        descriptor = os.open(_target_within(path, within), _READ_ONLY | _NO_FOLLOW)
    state = os.fstat(descriptor)
    is_regular = stat.S_ISREG(state.st_mode)
    if is_regular and state.st_size <= most_bytes:
        return descriptor, state
    os.close(descriptor)
    raise _too_large(most_bytes) if is_regular else OSError(errno.EINVAL, "it is not a regular file")


def _too_large(most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most_bytes >> 20} MiB")


def _target_within(path: str | Path, folder: str | Path) -> str:
    """Return what a link leads to.

    Raises:
        OSError: the link leads to itself or to nothing.
        OutsideLinkError: what it leads to is neither in the folder nor in a store of the repository around it.
        UnfetchedError: it leads to nothing in such a store.
    """
    target, home = os.path.realpath(path), Path(folder).resolve()
    tool = store_tool(target, home)
    if not tool and home not in Path(target).parents:
        raise OutsideLinkError(target)
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError as error:
        if tool:
            raise unfetched_error(path, tool) from error
        raise


def unfetched_error(path: str | Path, tool: str) -> UnfetchedError:
    """Return the error for a file whose content a tool has not brought into this clone."""
    return UnfetchedError(
        f'{path}: its content is not in this clone, {tool} keeps it. Run "{COMMANDS[tool]}" there, then this again.',
        tool=tool,
    )


def leads_out(target: str | Path, folder: Path) -> bool:
    """Return whether a path is neither in a folder nor in a store of git-annex or DVC of the repository around it.

    Args:
        target: absolute path without links.
        folder: absolute path without links.
    """
    return folder not in Path(target).parents and not store_tool(target, folder)


def store_tool(target: str | Path, folder: Path) -> str:
    """Return the tool in whose store, of the repository around a folder, a path lies; empty where in none.

    Args:
        target: absolute path without links.
        folder: absolute path without links.
    """
    steps = Path(target).parents
    tops = [top for top in (folder, *folder.parents) if (top / ".git").exists() or (top / ".dvc").exists()]
    return next((tool for store, tool in STORES.items() for top in tops if top / store in steps), "")


def file_content(path: str | Path, *, most_bytes: int = MOST_TEXT_BYTES, within: str | Path | None = None) -> bytes:
    """Return the bytes of a file; for small files in half the time of ``Path.read_bytes``.

    Args:
        path: the file.
        most_bytes: see :func:`open_regular`, as is ``within``.
        within: the dataset, if the file is one of it.

    Raises:
        OSError: see :func:`open_regular`.
        UnfetchedError: a pointer of Git LFS or git-annex stands in its place.
    """
    descriptor, state = open_regular(path, most_bytes=most_bytes, within=within)
    try:
        data = _content(descriptor, state.st_size, most_bytes)
    finally:
        os.close(descriptor)
    tool = pointer_tool(data)
    if tool:
        raise unfetched_error(path, tool)
    return data


def _content(descriptor: int, size_bytes: int, most_bytes: int) -> bytes:
    """Return what is left of an open file, no more than the limit: it may grow while it is read."""
    data = os.read(descriptor, size_bytes + 1)
    if len(data) == size_bytes:
        return data
    parts, length = [data], len(data)  # a system may give less than it is asked for
    while parts[-1]:
        parts.append(os.read(descriptor, _BLOCK_BYTES))
        length += len(parts[-1])
        if length > most_bytes:
            raise _too_large(most_bytes)
    return b"".join(parts)


@contextmanager
def open_text(path: Path, *, newline: str, most_bytes: int, within: Path | None = None) -> Iterator[TextIO]:
    """Open a file to read it as UTF-8 text, with or without a byte order mark; see :func:`file_content` for errors."""
    descriptor, _ = open_regular(path, most_bytes=most_bytes, within=within)
    tool = pointer_tool(os.read(descriptor, MOST_POINTER_BYTES + 1))
    if tool:
        os.close(descriptor)
        raise unfetched_error(path, tool)
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, encoding="utf-8-sig", newline=newline) as stream:  # noqa: PTH123 - a descriptor is no path
        yield stream


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def changed_at(state: os.stat_result) -> int:
    """Return when a file changed last, in nanoseconds: the later of its two times, of which no tool sets back both."""
    return max(state.st_mtime_ns, state.st_ctime_ns)


def combined_digest(items: Iterable[tuple[str, str]]) -> str:
    """Return one SHA-256 over (name, digest) pairs in the given order."""
    digest = hashlib.sha256()
    for name, value in items:
        digest.update(f"{name}\0{value}\n".encode())
    return digest.hexdigest()
