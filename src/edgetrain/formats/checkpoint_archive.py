"""The archives in which TensorFlow checkpoints are published: ``NAME.tar.gz`` with ``NAME/checkpoint/ckpt-0.*``.

Accepted: any tar (plain or compressed) that holds exactly one checkpoint, that is one ``X.index`` with
its ``X.data-?????-of-?????``; other files are left in the archive. Refused: no checkpoint or several, and members
that are not plain files. Nothing is written but the checkpoint's own files, under names that this module chooses.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from edgetrain.core.errors import DownloadError

CHECKPOINT_NAME = "ckpt-0"
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
        with tarfile.open(archive) as tar:
            members = _checkpoint_members(archive, tar)
            for part, member in sorted(members.items()):
                source = tar.extractfile(member)
                if source is None:
                    raise DownloadError(f"{archive}: {member.name} is not a plain file. Fetch another archive.")
                with (output_dir / f"{CHECKPOINT_NAME}.{part}").open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DownloadError(
            f"{archive}: this is no readable tar archive ({error}). Remove it and fetch it again."
        ) from error
    return output_dir / CHECKPOINT_NAME


def _checkpoint_members(archive: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members of the one checkpoint by their part (``index``, ``data-…``)."""
    by_prefix: dict[str, dict[str, tarfile.TarInfo]] = {}
    for member in tar.getmembers():
        match = _PART.fullmatch(member.name)
        if match and member.isfile() and not PurePosixPath(member.name).name.startswith("."):
            by_prefix.setdefault(match["prefix"], {})[match["part"]] = member
    whole = {prefix: parts for prefix, parts in by_prefix.items() if "index" in parts and len(parts) > 1}
    if len(whole) != 1:
        found = ", ".join(sorted(whole)) or "none"
        raise DownloadError(
            f"{archive}: exactly one TensorFlow checkpoint is expected (NAME.index and NAME.data-…), found: {found}. "
            "Give the archive of one checkpoint."
        )
    return next(iter(whole.values()))
