"""Files fetched by http, https or file, continued after a broken connection and checked by digest."""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from edgetrain.core.errors import DownloadError
from edgetrain.core.files import file_digest, replacing_file, storage_error

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 5
_REFUSED = (400, 401, 403, 404, 405, 410)

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Download:
    """A fetched file and the SHA-256 of its content."""

    path: Path
    sha256: str


class _BrokenOff(Exception):  # noqa: N818 - an event inside this module, not an error of the caller
    """The connection ended before the whole file was there."""


def fetch(
    url: str, path: Path, *, sha256: str = "", advance: Advance | None = None, wait_seconds: float = 1.0
) -> Download:
    """Fetch a file to ``path``; a part left by an earlier try is continued.

    Args:
        url: ``http://``, ``https://`` or ``file://`` URL, or a path.
        path: where the file goes; written only when it is whole and its digest agrees.
        sha256: expected digest, or empty to accept any.
        advance: called with the bytes that are there and the bytes expected (0: unknown).
        wait_seconds: pause before the second attempt; doubled for each further one.

    Raises:
        DownloadError: the source cannot be reached or read, or the digest differs.
        StorageError: the disk is full or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme in ("http", "https"):
            _fetch_http(url, part, advance or _ignore, wait_seconds)
        else:
            _copy_file(url, part)
        digest = file_digest(part)
    except OSError as error:
        raise storage_error(path, error) from error
    if sha256 and digest != sha256.lower():
        part.unlink()
        raise DownloadError(
            f"{url}: the SHA-256 is {digest}, but {sha256.lower()} is expected. "
            "Check the URL; if the file is really meant to be another one, correct checkpoint.sha256."
        )
    part.replace(path)
    return Download(path, digest)


def _ignore(_done: int, _total: int) -> None:
    """Hear nothing."""


def _copy_file(url: str, part: Path) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise DownloadError(f"{url}: {parts.scheme}:// is not supported. Use http://, https://, file:// or a path.")
    source = Path(urllib.request.url2pathname(parts.path) if parts.scheme else url)
    if not source.is_file():
        raise DownloadError(f"{source}: no such file. Correct checkpoint.url or --url.")
    with replacing_file(part) as temporary:
        shutil.copyfile(source, temporary)


def _fetch_http(url: str, part: Path, advance: Advance, wait_seconds: float) -> None:
    """Fetch over the network, several times if the connection breaks, each time from where the part ends."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(wait_seconds * 2 ** (attempt - 1))
        try:
            _fetch_rest(url, part, advance)
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            if error.code == 416:  # noqa: PLR2004 - the part is longer than the file: it is of another file
                part.unlink(missing_ok=True)
            elif error.code in _REFUSED:
                break
        except (_BrokenOff, HTTPException, urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", "") or error)
        else:
            return
    kept = part.stat().st_size if part.exists() else 0
    raise DownloadError(
        f"{url}: {reason}. Check the URL and the network, then run the same command again; "
        f"{kept} bytes are kept and the rest is fetched."
    )


def _fetch_rest(url: str, part: Path, advance: Advance) -> None:
    """Append what is missing to the part; start anew where the server does not continue."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "edgetrain"})  # noqa: S310 - http(s) only, see fetch
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        continues = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {done}-")  # noqa: PLR2004
        done = done if continues else 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = done + length if length else 0
        with part.open("ab" if continues else "wb") as stream:
            while block := answer.read(_BLOCK_BYTES):
                stream.write(block)
                done += len(block)
                advance(done, total)
    if done < total:
        raise _BrokenOff(f"the connection ended after {done} of {total} bytes")
