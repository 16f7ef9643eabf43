"""The committed backbone is what the checkpoint stage accepts, and small."""

import tarfile
from pathlib import Path

from edgetrain import demo

ARCHIVE = Path(str(demo.__file__)).with_name("backbone.tar.gz")


def test_the_committed_archive_holds_one_small_anonymous_checkpoint():
    """Nothing else is in it, and nothing tells who made it or when."""
    with tarfile.open(ARCHIVE) as archive:
        members = archive.getmembers()
    files = [member.name for member in members if member.isfile()]

    assert ARCHIVE.stat().st_size < 2_000_000
    assert files == [
        "backbone/checkpoint/checkpoint",
        "backbone/checkpoint/ckpt-0.data-00000-of-00001",
        "backbone/checkpoint/ckpt-0.index",
    ]
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", 1_577_836_800)}
