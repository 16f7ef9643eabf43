"""Zip archives as tools export them, unpacked within limits: no path leaves, no link, no bomb."""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgetrain.core.errors import DatasetError, StorageError

_MOST_FILES = 2_000_000
# Pictures hardly shrink, and text by a factor of 10 to 20; deflate cannot exceed 1032 (zlib.net/zlib_tech.html).
_MOST_RATIO = 200
_FREE_OF_RATIO = 64 << 20
_BLOCK_BYTES = 1 << 20
_ENCRYPTED = 0x1
_MAC_FOLDER = "__MACOSX"
# An archive needs more room than it takes: of what is free, this share is left.
_LEFT_SHARE = 0.05


def is_archive(path: Path) -> bool:
    """Return whether a path is a zip file, whatever its name.

    Raises:
        DatasetError: it is named as one, but is none.
    """
    try:
        is_file = path.is_file()
        is_zip = is_file and zipfile.is_zipfile(path)
    except OSError:
        return False
    if is_file and not is_zip and path.suffix.lower() == ".zip":
        raise DatasetError(f"{path}: this is not a complete zip archive. Export or download it again.")
    return is_zip


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield a source as a folder or file: a zip is unpacked into a temporary folder, which goes when the block ends.

    Raises:
        DatasetError: the archive is refused; see :func:`unpack`.
        StorageError: there is no room for it.
    """
    if not is_archive(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="edgetrain-") as folder:
        unpack(path, Path(folder))
        yield Path(folder)


def unpack(path: Path, folder: Path) -> None:
    """Write the files of a zip below a folder; hidden ones are left out.

    Args:
        path: the zip.
        folder: an existing, empty folder.

    Raises:
        DatasetError: the archive is damaged or encrypted, a name leads out, an entry is a link, or it is so large when
            unpacked that it can only be a bomb.
        StorageError: the disk is full.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(path, archive, folder)
            left = sum(entry.file_size for entry in entries)
            for entry in entries:
                left = _extract(path, archive, entry, folder, left)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, ValueError, zlib.error) as error:
        raise DatasetError(f"{path}: the archive cannot be read ({error}). Export or download it again.") from error
    except RuntimeError as error:  # what zipfile says of passwords
        raise DatasetError(f"{path}: {error}. Unpack it yourself, and name the folder.") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        name = Path(error.filename).relative_to(folder)
        raise DatasetError(f"{path}: '{name}' is both a file and a folder in it. Create the archive again.") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise DatasetError(
                f"{path}: a name in it is longer than this system allows. Shorten it and create the archive again."
            ) from error
        reason = error.strerror or str(error)
        raise StorageError(f"{path}: cannot be unpacked ({reason}). Free space, or unpack it yourself.") from error


def _checked(path: Path, archive: zipfile.ZipFile, folder: Path) -> list[zipfile.ZipInfo]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > _MOST_FILES:
        raise DatasetError(f"{path}: it contains {len(entries)} files; the limit is {_MOST_FILES}. Unpack it yourself.")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise DatasetError(f"{path}: {entry.filename!r} is encrypted. Unpack it yourself, and name the folder.")
        if _leads_out(entry.filename):
            raise DatasetError(
                f"{path}: {entry.filename!r} points outside the archive. Do not trust it; use another archive."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DatasetError(f"{path}: {entry.filename!r} is a link. Put the file itself into the archive.")
    total, packed = sum(entry.file_size for entry in entries), path.stat().st_size
    if total > packed * _MOST_RATIO + _FREE_OF_RATIO:
        text = f"{path}: its {packed} bytes would unpack to {total}. Pictures and labels never compress that well."
        raise DatasetError(f"{text} Do not trust it; use another archive.")
    free = shutil.disk_usage(folder).free
    if total > free * (1 - _LEFT_SHARE):
        raise StorageError(f"{path}: it needs {total >> 20} MiB, but {free >> 20} MiB are free. Free space.")
    return [entry for entry in entries if not _is_hidden(entry.filename)]


def _leads_out(name: str) -> bool:
    plain = name.replace("\\", "/")
    is_drive = len(plain) > 1 and plain[1] == ":"
    return plain.startswith("/") or is_drive or ".." in plain.split("/") or any(letter < " " for letter in plain)


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not parts or parts[0] == _MAC_FOLDER or any(part.startswith(".") for part in parts)


def _extract(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Write one file and return how many bytes may still follow: an entry may be longer than it says."""
    target = folder / PurePosixPath(entry.filename.replace("\\", "/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise DatasetError(f"{path}: {entry.filename!r} is in it twice. Create the archive again.")
    with archive.open(entry) as packed, target.open("wb") as stream:
        while block := packed.read(_BLOCK_BYTES):
            left -= len(block)
            if left < 0:
                raise DatasetError(f"{path}: {entry.filename!r} is longer than its header says. Do not trust it.")
            stream.write(block)
    return left
