"""Archives of checkpoints: the usual ones are unpacked, hostile and broken ones write nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile

import pytest

from edgetrain.core.errors import DownloadError
from edgetrain.networks.start.archive import unpack_checkpoint

INDEX, DATA = "w/checkpoint/ckpt-0.index", "w/checkpoint/ckpt-0.data-00000-of-00001"
WHOLE = {INDEX: b"index", DATA: b"data" * 5000}
REST = {"w/pipeline.config": b"model { }", "w/saved_model/saved_model.pb": b"graph", "w/checkpoint/checkpoint": b""}


def tar_bytes(members, links=()):
    """Return an uncompressed tar with files by name, and links as (name, target, type)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, target, kind in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return buffer.getvalue()


def damaged(content):
    """Return the bytes with one bit in their middle turned."""
    half = len(content) // 2
    return content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]


@pytest.fixture
def unpack(tmp_path):
    """Return a function that unpacks bytes and gives the files that came out, by name."""
    output_dir = tmp_path / "inner" / "output"
    output_dir.mkdir(parents=True)
    archive = tmp_path / "archive.tar.gz"

    def unpack(content):
        archive.write_bytes(content)
        try:
            prefix = unpack_checkpoint(archive, output_dir)
        finally:
            outside = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != output_dir]
            assert outside == [archive]
        assert prefix == output_dir / "ckpt-0"
        return {path.name: path.read_bytes() for path in output_dir.iterdir()}

    return unpack


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(tar_bytes({**REST, **WHOLE})), id="as the model zoo has it"),
        pytest.param(tar_bytes(WHOLE), id="plain tar"),
        pytest.param(tar_bytes({f"./{name}": value for name, value in WHOLE.items()}), id="dot in front"),
        pytest.param(
            tar_bytes({name.replace("ckpt-0", "model.ckpt-99"): WHOLE[name] for name in WHOLE}), id="other name"
        ),
        pytest.param(tar_bytes({name.split("/")[-1]: WHOLE[name] for name in WHOLE}), id="no folder"),
        pytest.param(tar_bytes({f"../../{name}": value for name, value in WHOLE.items()}), id="name climbs up"),
        pytest.param(tar_bytes({f"/nowhere/{name}": value for name, value in WHOLE.items()}), id="absolute name"),
        pytest.param(tar_bytes({**WHOLE, "w/checkpoint/._ckpt-0.index": b"mac"}), id="files of macOS"),
        pytest.param(tar_bytes({**WHOLE, "w/other.index": b"no data of it"}), id="index alone beside it"),
    ],
)
def test_the_checkpoint_is_found_wherever_it_lies(unpack, content):
    assert unpack(content) == {"ckpt-0.index": b"index", "ckpt-0.data-00000-of-00001": b"data" * 5000}


def test_all_shards_of_the_data_are_unpacked(unpack):
    shards = {f"w/ckpt.data-0000{number}-of-00002": b"%d" % number for number in range(2)}

    assert len(unpack(tar_bytes({"w/ckpt.index": b"index", **shards}))) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(tar_bytes(REST), "found: none", id="none"),
        pytest.param(tar_bytes({INDEX: b"index"}), "found: none", id="no data"),
        pytest.param(tar_bytes({DATA: b"data"}), "found: none", id="no index"),
        pytest.param(tar_bytes({INDEX: b"i", DATA[:-1] + "2": b"one of two"}), "found: none", id="shard missing"),
        pytest.param(
            tar_bytes({**WHOLE, **{name.replace("w/", "v/"): WHOLE[name] for name in WHOLE}}),
            r"found: v/checkpoint/ckpt-0, w/checkpoint/ckpt-0\. Give the archive or folder of one",
            id="two",
        ),
        pytest.param(
            tar_bytes({DATA: b"data"}, [(INDEX, "/etc/passwd", tarfile.SYMTYPE)]), "found: none", id="symbolic link"
        ),
        pytest.param(tar_bytes({DATA: b"data"}, [(INDEX, DATA, tarfile.LNKTYPE)]), "found: none", id="hard link"),
        pytest.param(tar_bytes({DATA: b"data"}, [(INDEX, "", tarfile.CHRTYPE)]), "found: none", id="device"),
        pytest.param(tar_bytes({DATA: b"data"}, [(INDEX, "", tarfile.DIRTYPE)]), "found: none", id="folder"),
        pytest.param(tar_bytes({}), "found: none", id="empty tar"),
    ],
)
def test_anything_but_one_checkpoint_is_refused(unpack, content, message):
    with pytest.raises(DownloadError, match=rf"archive\.tar\.gz: exactly one TensorFlow checkpoint .*{message}"):
        unpack(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "empty file", id="empty"),
        pytest.param(b"PK\x03\x04 zip", "", id="zip"),
        pytest.param(b"\n <!DOCTYPE html>\n<html>log in</html>", "it is a web page", id="web page"),
        pytest.param(b"<html>" + b"x" * 100_000, "it is a web page", id="long web page"),
        pytest.param(gzip.compress(tar_bytes(WHOLE))[:-60], "", id="gzip cut"),
        pytest.param(
            gzip.compress(tar_bytes(WHOLE))[:-4] + b"\0\0\0\0", "Incorrect length", id="gzip of another length"
        ),
        pytest.param(gzip.compress(tar_bytes(WHOLE))[:90] + b"\xff" * 90, "", id="gzip damaged"),
        pytest.param(bz2.compress(tar_bytes(WHOLE)), "truncated header", id="bzip2"),
        pytest.param(damaged(gzip.compress(tar_bytes(WHOLE), 0)), "CRC check failed", id="one bit is wrong"),
        pytest.param(tar_bytes(WHOLE)[:2000], "unexpected end of data", id="tar cut"),
        pytest.param(gzip.compress(b"no tar" * 200), "", id="gzip of something else"),
    ],
)
def test_what_is_no_whole_tar_is_one_short_message(unpack, content, message):
    with pytest.raises(
        DownloadError, match=rf"archive\.tar\.gz: this is no readable tar archive \(.*{message}"
    ) as caught:
        unpack(content)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("Check the URL and fetch it again.")
