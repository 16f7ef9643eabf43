"""Files whose digest nobody has set: it is recorded at the first download, beside the file, and demanded from then on.

Over plain http anybody on the way may give another file, so the first download without a digest needs https.
"""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.errors import DownloadError
from edgetrain.core.system.files import write_text
from edgetrain.web.download import Advance, Download, fetch, scheme_of

_ZOO, _ZOO_OVER_TLS = "http://download.tensorflow.org/", "https://storage.googleapis.com/download.tensorflow.org/"


def record_path(path: Path) -> Path:
    """Return where the digest of a downloaded file is recorded."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str:
    """Return the digest of the first download to a place; empty if there was none."""
    record = record_path(path)
    return record.read_text(encoding="ascii").strip() if record.is_file() else ""


def fetch_recorded(url: str, path: Path, *, sha256: str, advance: Advance | None = None) -> Download:
    """Fetch a file as ``fetch`` does; what comes over the network is recorded and demanded the next time.

    Args:
        url: ``http://``, ``https://`` or ``file://`` URL, or a path.
        path: where the file goes.
        sha256: expected digest; empty: the recorded one, if any.
        advance: called with the bytes that are there and the bytes expected (0: unknown).

    Raises:
        DownloadError: plain http without a digest; the source cannot be reached or read; the digest differs.
        StorageError: the disk is full or the folder cannot be written.
    """
    scheme = scheme_of(url)
    is_remote = scheme in ("http", "https")
    known = sha256 or (recorded_digest(path) if is_remote else "")
    if scheme == "http" and not known:
        raise DownloadError(
            f"{url}: over plain http anybody on the way may give another file, and no digest is set. "
            f"Use {_over_tls(url)}, or set the digest of the file that you mean: --sha256 DIGEST."
        )
    try:
        download = fetch(url, path, sha256=known, advance=advance)
    except DownloadError as error:
        if sha256 or "SHA-256" not in str(error):
            raise
        raise DownloadError(
            f"{error} The expected one was recorded at the first download, in {record_path(path)}: if the new file is "
            "the right one, remove that record."
        ) from error
    if is_remote:
        write_text(record_path(path), f"{download.sha256}\n")
    return download


def _over_tls(url: str) -> str:
    if url.startswith(_ZOO):
        return _ZOO_OVER_TLS + url.removeprefix(_ZOO)
    return f"https://{url.partition('://')[2]}"
