"""Fetch the weights that training starts from, and tell what they are."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from edgetrain.core.errors import SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.choices import NetworkType
from edgetrain.core.system.files import replacing_dir, write_json
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.networks.start.archive import LABEL_MAP_NAME, checkpoint_dir_of, copy_checkpoint, unpack_checkpoint
from edgetrain.networks.start.checkpoints import checkpoint_kind
from edgetrain.web.recorded_download import fetch_recorded, recorded_digest

_MEBIBYTE = 1 << 20
# Nearer to the 640 pixels of the second archive of its network than to the 320 of the first.
_LARGE_IMAGE_SIZE = 480


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Fetch and unpack the checkpoint of the settings, or copy that of a former run.

    Raises:
        SettingsError: the network type has no default checkpoint and none is given, or it is this workspace's own.
        DownloadError: it cannot be fetched, has another digest, or is no checkpoint archive.
        LabelMapError: the label map beside it is damaged.
        TrainingError: it is no checkpoint that training can start from.
    """
    url = _url(settings)
    name = PurePosixPath(re.split("[?#]", url)[0]).name or "checkpoint"
    folder = _folder(url, settings)
    notes = []
    with replacing_dir(workspace.checkpoint_dir) as temporary:
        if folder:
            prefix, digest = copy_checkpoint(folder, temporary), str(tree_digest(temporary))
        else:
            # A part of the URL's digest, against mix-ups of archives of one name.
            archive = workspace.downloads_dir / f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}"
            was_known = bool(settings.checkpoint.sha256 or recorded_digest(archive))
            fetched = fetch_recorded(url, archive, sha256=settings.checkpoint.sha256, advance=_tell)
            prefix, digest = unpack_checkpoint(fetched.path, temporary), fetched.sha256
            if url.startswith("http") and not was_known:
                notes.append(
                    "the digest was not checked, but is demanded from now on in this workspace; to have it checked "
                    f"everywhere, set checkpoint.sha256: {digest}"
                )
        kind = checkpoint_kind(prefix, name)
        classes = _classes(temporary / LABEL_MAP_NAME)
        source = {"type": kind.type, "tensorflow": kind.tensorflow, "archive": name, "sha256": digest}
        source |= {"classes": list(classes)} if classes else {}
        write_json(temporary / "checkpoint.json", source)
    form = f"{kind.type} checkpoint{' of TensorFlow 1' if kind.tensorflow == 1 else ''}"
    known = f" with {counted(len(classes), 'class')} of its own" if classes else ""
    return Outcome(f"{form} {name}{known}, SHA-256 {digest[:12]}…", source, tuple(notes))


def _url(settings: Settings) -> str:
    network = settings.network
    name = network.type.value
    if network.type is NetworkType.MOBILENET_V2_FPNLITE and network.image_size >= _LARGE_IMAGE_SIZE:
        name += "_640"
    url = settings.checkpoint.url or str(settings.value(f"checkpoint.{name}_url"))
    if not url:
        raise SettingsError(
            f"checkpoint.url: {network.type.value} has no default checkpoint. Give one with --url (an archive of this "
            f"network), or set checkpoint.{name}_url."
        )
    return url


def _folder(url: str, settings: Settings) -> Path | None:
    """Return the folder in which a former run has its checkpoint; ``None`` if the URL is none of a folder.

    Raises:
        SettingsError: it belongs to this workspace, or a digest is given for it.
    """
    path = Path(url.removeprefix("file://"))
    if not path.is_dir():
        return None
    folder = checkpoint_dir_of(path)
    if settings.workspace.root.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise SettingsError(
            f"checkpoint.url {url} lies in this workspace, whose run would start from itself. Give another --workspace."
        )
    if settings.checkpoint.sha256:
        raise SettingsError(
            f"checkpoint.sha256: {url} is a folder, which has no such digest. Leave it empty, or give an archive."
        )
    return folder


def _classes(label_map_path: Path) -> tuple[str, ...]:
    """Return the classes of the run that made the checkpoint; none where nothing says them."""
    return read_label_map(label_map_path).names if label_map_path.is_file() else ()


def _tell(done: int, total: int) -> None:
    listener().advanced(done // _MEBIBYTE, max(1, total // _MEBIBYTE), "MiB")
