"""Archives of the tests' own making, unpacked the same way by every Python."""

from __future__ import annotations

import tarfile


def unpack_tar(archive, folder):
    """Write the files of an archive below a folder; ``extractall`` has its filter only since Python 3.11.4."""
    with tarfile.open(archive) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(member).read())
