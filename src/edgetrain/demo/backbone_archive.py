"""Write a backbone as the archive that the checkpoint stage unpacks: a ``.tar.gz``, same weights, same bytes."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from pathlib import Path

import tensorflow as tf

_TIME = 1_577_836_800
"""2020-01-01, the time of every member: nothing in the archive tells when it was made."""


def write_archive(backbone: tf.keras.Model, archive_path: Path) -> None:
    """Write weights and moving averages for ``fine_tune_checkpoint_type: "classification"``.

    Args:
        backbone: the feature extractor's ``classification_backbone``.
        archive_path: ``NAME.tar.gz``, its folder must exist; replaced only when the new one is complete. Members:
            ``NAME/checkpoint/checkpoint`` and ``NAME/checkpoint/ckpt-0.{index,data-00000-of-00001}``.
    """
    name = archive_path.name.removesuffix(".tar.gz")
    with tempfile.TemporaryDirectory(dir=archive_path.parent) as work:
        checkpoint_dir = Path(work) / name / "checkpoint"
        checkpoint = tf.train.Checkpoint(feature_extractor=backbone)
        checkpoint.save_counter.assign(0)  # creates it: the API refuses a checkpoint without
        checkpoint.write(str(checkpoint_dir / "ckpt-0"))
        (checkpoint_dir / "checkpoint").write_text('model_checkpoint_path: "ckpt-0"\n', encoding="utf-8", newline="\n")
        unfinished = Path(work) / archive_path.name
        with unfinished.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
            _write_tar(packed, Path(work), name)
        unfinished.replace(archive_path)


def _write_tar(packed: gzip.GzipFile, root: Path, name: str) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in [root / name, *sorted((root / name).rglob("*"))]:
            archive.add(path, arcname=str(path.relative_to(root)), recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Fixed owner, time and rights, whoever runs this."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = _TIME
    member.mode = 0o755 if member.isdir() else 0o644
    return member
