"""The archives in which TensorFlow checkpoints are published, and the folders in which former runs leave theirs.

Accepted: a tar, plain or gzip, such as ``NAME.tar.gz`` with ``NAME/checkpoint/ckpt-0.*``, that holds exactly one
checkpoint, that is one ``X.index`` with all of its ``X.data-?????-of-?????``; or a folder with exactly one, or the
workspace of a finished run. Where a run's label map lies beside the checkpoint, or at its place in the workspace, it is
taken too; other files stay where they are. Refused: no checkpoint or several, and members that are not plain files.
Nothing is written but those files, under names that this module chooses.
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
from edgetrain.core.system.files import storage_error
from edgetrain.core.workspace import Workspace

CHECKPOINT_NAME = "ckpt-0"
LABEL_MAP_NAME = "label_map.pbtxt"
_BLOCK_BYTES = 1 << 16
_GZIP_START = b"\x1f\x8b"
# Where a workspace has its label map; its checkpoint is two folders deep.
_LABEL_MAP_OF_RUN = Workspace(Path()).label_map_path.as_posix()
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
            plain = {member.name: member for member in tar.getmembers() if member.isfile()}
            for name, target_name in _chosen(archive, plain).items():
                source = tar.extractfile(plain[name])
                if source is None:
                    raise DownloadError(f"{archive}: {name} is not a plain file. Fetch another archive.")
                with (output_dir / target_name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            _read_to_end(tar)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DownloadError(
            f"{archive}: this is no readable tar archive ({_reason(archive, error)}). Check the URL and fetch it again."
        ) from error
    return output_dir / CHECKPOINT_NAME


def checkpoint_dir_of(path: Path) -> Path:
    """Return where a folder has its checkpoint: a run's workspace in ``train/final``, any other folder in itself."""
    final = Workspace(path).trained_dir
    return final if final.is_dir() else path


def copy_checkpoint(folder: Path, output_dir: Path) -> Path:
    """Copy the folder's one checkpoint, and its label map if there is one; return the prefix, ``output_dir/ckpt-0``.

    Args:
        folder: with the checkpoint's files in it.
        output_dir: an existing folder.

    Raises:
        DownloadError: not exactly one checkpoint in the folder.
        StorageError: the disk is full, or a file cannot be read.
    """
    folder = folder.resolve()
    try:
        near = [*sorted(folder.iterdir()), folder.parent.parent / _LABEL_MAP_OF_RUN]
        for name, target_name in _chosen(folder, [str(path) for path in near if path.is_file()]).items():
            shutil.copyfile(name, output_dir / target_name)
    except OSError as error:
        raise storage_error(folder, error) from error
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


def _chosen(place: Path, names: Collection[str]) -> dict[str, str]:
    """Return the files of the one checkpoint among ``names``, and its label map, with the names that they shall get."""
    by_prefix: dict[str, dict[str, str]] = {}
    for name in names:
        match = _PART.fullmatch(name)
        if match and not PurePosixPath(name).name.startswith("."):
            by_prefix.setdefault(match["prefix"], {})[match["part"]] = name
    whole = {prefix: parts for prefix, parts in by_prefix.items() if _is_whole(parts)}
    if len(whole) != 1:
        found = ", ".join(sorted(whole)) or "none"
        raise DownloadError(
            f"{place}: exactly one TensorFlow checkpoint is expected (NAME.index and NAME.data-…), found: {found}. "
            "Give the archive or folder of one checkpoint."
        )
    ((prefix, parts),) = whole.items()
    folder = PurePosixPath(prefix).parent
    maps = [str(folder / LABEL_MAP_NAME), str(folder.parent.parent / _LABEL_MAP_OF_RUN)]
    label_map = next((name for name in maps if name in names), None)
    chosen = {name: f"{CHECKPOINT_NAME}.{part}" for part, name in sorted(parts.items())}
    return chosen | ({label_map: LABEL_MAP_NAME} if label_map else {})


def _is_whole(parts: Collection[str]) -> bool:
    """Return whether there is an index, and as many pieces of data as their names say."""
    data = [part for part in parts if part != "index"]
    return "index" in parts and bool(data) and len(data) == int(data[0].rpartition("-")[2])
