"""The archives in which TensorFlow checkpoints are published: ``NAME.tar.gz`` with ``NAME/checkpoint/ckpt-0.*``.

Accepted: a tar, plain or gzip, that holds exactly one checkpoint, that is one ``X.index`` with all of its
``X.data-?????-of-?????``; other files are left in the archive. Refused: no checkpoint or several, and members
that are not plain files. Nothing is written but the checkpoint's own files, under names that this module chooses.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from edgetrain.core.errors import DownloadError

CHECKPOINT_NAME = "ckpt-0"
_BLOCK_BYTES = 1 << 16
_GZIP_START = b"\x1f\x8b"
_PART = re.compile(r"(?P<prefix>.+)\.(?P<part>index|data-\d{5}-of-\d{5})")


def unpack_checkpoint(archive: Path, output_dir: Path) -> Path:
    """Unpack the archive's one checkpoint and return its prefix, ``output_dir/ckpt-0``.

    Args:
        archive: the tar file.
        output_dir: an existing folder.

    Raises:
        DownloadError: not a readable tar file, or not exactly one checkpoint in it.
    """
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode=_mode(file)) as tar:
            members = _checkpoint_members(archive, tar)
            for part, member in sorted(members.items()):
                source = tar.extractfile(member)
                if source is None:
                    raise DownloadError(f"{archive}: {member.name} is not a plain file. Fetch another archive.")
                with (output_dir / f"{CHECKPOINT_NAME}.{part}").open("wb") as target:
                    shutil.copyfileobj(source, target)
            _read_to_end(tar)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DownloadError(
            f"{archive}: this is no readable tar archive ({_reason(archive, error)}). Check the URL and fetch it again."
        ) from error
    return output_dir / CHECKPOINT_NAME


def _mode(file: BinaryIO) -> Literal["r:gz", "r:"]:
    """Return how to open a file: the standard library's own guess tells of four failures in one error."""
    start = file.read(2)
    file.seek(0)
    return "r:gz" if start == _GZIP_START else "r:"


def _read_to_end(tar: tarfile.TarFile) -> None:
    """Read what follows the last member: at its very end gzip has the checksum of everything before."""
    while tar.fileobj is not None and tar.fileobj.read(_BLOCK_BYTES):
        pass


def _reason(archive: Path, error: Exception) -> str:
    with archive.open("rb") as file:
        start = file.read(_BLOCK_BYTES).lstrip().lower()
    return "it is a web page" if start.startswith((b"<!doctype html", b"<html")) else str(error)


def _checkpoint_members(archive: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members of the one checkpoint by their part (``index``, ``data-…``)."""
    by_prefix: dict[str, dict[str, tarfile.TarInfo]] = {}
    for member in tar.getmembers():
        match = _PART.fullmatch(member.name)
        if match and member.isfile() and not PurePosixPath(member.name).name.startswith("."):
            by_prefix.setdefault(match["prefix"], {})[match["part"]] = member
    whole = {prefix: parts for prefix, parts in by_prefix.items() if _is_whole(parts)}
    if len(whole) != 1:
        found = ", ".join(sorted(whole)) or "none"
        raise DownloadError(
            f"{archive}: exactly one TensorFlow checkpoint is expected (NAME.index and NAME.data-…), found: {found}. "
            "Give the archive of one checkpoint."
        )
    return next(iter(whole.values()))


def _is_whole(parts: Collection[str]) -> bool:
    """Return whether there is an index, and as many pieces of data as their names say."""
    data = [part for part in parts if part != "index"]
    return "index" in parts and bool(data) and len(data) == int(data[0].rpartition("-")[2])
