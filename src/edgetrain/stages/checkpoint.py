"""Fetch the weights that training starts from, and tell what they are."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from edgetrain.core.download import fetch
from edgetrain.core.errors import SettingsError
from edgetrain.core.files import replacing_dir, write_json
from edgetrain.core.progress import listener
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.formats.checkpoint_archive import unpack_checkpoint
from edgetrain.training.checkpoints import checkpoint_kind

_MEBIBYTE = 1 << 20


def run(settings: Settings, workspace: Workspace) -> Report:
    """Fetch and unpack the checkpoint of the settings.

    Raises:
        SettingsError: the network type has no default checkpoint and none is given.
        DownloadError: it cannot be fetched, has another digest, or is no checkpoint archive.
        TrainingError: it is no checkpoint that training can start from.
    """
    url = _url(settings)
    name = PurePosixPath(re.split("[?#]", url)[0]).name or "checkpoint"
    # A part of the URL's digest, against mix-ups of archives of one name.
    archive = workspace.downloads_dir / f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}"
    fetched = fetch(url, archive, sha256=settings.checkpoint.sha256, advance=_tell)
    with replacing_dir(workspace.checkpoint_dir) as temporary:
        kind = checkpoint_kind(unpack_checkpoint(fetched.path, temporary), name)
        source = {"type": kind.type, "tensorflow": kind.tensorflow, "archive": name, "sha256": fetched.sha256}
        write_json(temporary / "checkpoint.json", source)
    notes = []
    if url.startswith("http") and not settings.checkpoint.sha256:
        notes.append(f"the digest was not checked; to have it checked, set checkpoint.sha256: {fetched.sha256}")
    form = f"{kind.type} checkpoint{' of TensorFlow 1' if kind.tensorflow == 1 else ''}"
    return Report(f"{form} {name}, SHA-256 {fetched.sha256[:12]}…", source, tuple(notes))


def _url(settings: Settings) -> str:
    network = settings.network.type.value
    url = settings.checkpoint.url or str(settings.value(f"checkpoint.{network}_url"))
    if not url:
        raise SettingsError(
            f"checkpoint.url: {network} has no default checkpoint. Give one with --url (an archive of this network), "
            f"or set checkpoint.{network}_url."
        )
    return url


def _tell(done: int, total: int) -> None:
    listener().advanced(done // _MEBIBYTE, max(1, total // _MEBIBYTE), "MiB")
