"""Archives ``NAME.tar.gz`` whose bytes depend on names and contents of their files only: no time, owner or order."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from edgetrain.core.system.files import replacing_file


def write_archive(path: Path, folder: str, files: Mapping[str, bytes]) -> None:
    """Write an archive, whole or not at all.

    Args:
        path: the file to write.
        folder: what all files lie in.
        files: contents by name, with forward slashes.
    """
    with (
        replacing_file(path) as temporary,
        temporary.open("wb") as stream,
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(files[name]), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
