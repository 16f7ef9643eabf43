"""Files fetched by http, https or file, continued after a broken connection and checked by digest."""

from __future__ import annotations

import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from edgetrain.core.errors import DownloadError
from edgetrain.core.system.files import file_digest, replacing_file, storage_error
from edgetrain.core.system.progress import listener
from edgetrain.web.request import RequestError, Requests

_HTTP = ("http", "https")
_SILENCE_SECONDS = 30.0
_ATTEMPTS = 5
# Sixty times the largest checkpoint of the zoo that is a detector for the Edge TPU.
_MOST_BYTES = 4 << 30

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Download:
    """A fetched file and the SHA-256 of its content."""

    path: Path
    sha256: str


def fetch(  # noqa: PLR0913 - all but the first two are keyword-only
    url: str,
    path: Path,
    *,
    sha256: str = "",
    most_bytes: int = _MOST_BYTES,
    advance: Advance | None = None,
    wait_seconds: float = 1.0,
) -> Download:
    """Fetch a file to ``path``; a part left by an earlier try is continued, a whole file from the network kept.

    Args:
        url: ``http://``, ``https://`` or ``file://`` URL, or a path.
        path: where the file goes; written only when it is whole and its digest agrees. A file of the expected digest
            that is there already is not fetched again.
        sha256: expected digest, or empty to accept any.
        most_bytes: how long it may be, where it comes over the network.
        advance: called with the bytes that are there and the bytes expected (0: unknown).
        wait_seconds: pause before the second attempt; doubled for each further one.

    Raises:
        DownloadError: the source cannot be reached or read, is too long, or the digest differs.
        StorageError: the disk is full or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if scheme_of(url) in _HTTP:
            known = file_digest(path) if path.is_file() else ""
            if known and sha256.lower() in ("", known):
                return Download(path, known)
            _fetch_http(url, part, most_bytes, advance or _ignore, wait_seconds)
        else:
            _copy_file(url, part)
        digest = file_digest(part)
        _version_path(part).unlink(missing_ok=True)
        if sha256 and digest != sha256.lower():
            part.unlink()
            raise DownloadError(
                f"{url}: the SHA-256 is {digest}, but {sha256.lower()} is expected. "
                "Check the URL; if the file is really meant to be another one, correct checkpoint.sha256."
            )
        part.replace(path)
    except OSError as error:
        raise storage_error(path, error) from error
    return Download(path, digest)


def _ignore(_done: int, _total: int) -> None:
    """Hear nothing."""


def scheme_of(url: str) -> str:
    """Return ``http``, ``https``, ``file``, …; empty for a path.

    Raises:
        DownloadError: this is no URL.
    """
    try:
        return urllib.parse.urlsplit(url).scheme
    except ValueError as error:
        raise DownloadError(f"{url}: this is no URL ({error}). Correct checkpoint.url or --url.") from error


def _version_path(part: Path) -> Path:
    """Return where the server's mark of the version that a part belongs to is kept."""
    return part.with_name(f"{part.name}.version")


def _copy_file(url: str, part: Path) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise DownloadError(f"{url}: {parts.scheme}:// is not supported. Use http://, https://, file:// or a path.")
    source = Path(urllib.request.url2pathname(parts.path) if parts.scheme else url)
    if parts.netloc not in ("", "localhost"):
        raise DownloadError(f"{url}: {parts.netloc} is taken for the name of a machine. Write file:// and a full path.")
    if not source.is_file():
        raise DownloadError(f"{source}: no such file. Correct checkpoint.url or --url.")
    with replacing_file(part) as temporary:
        shutil.copyfile(source, temporary)


def _fetch_http(url: str, part: Path, most_bytes: int, advance: Advance, wait_seconds: float) -> None:
    """Fetch over the network, several times if the connection breaks, each time from where the part ends."""
    requests, reason = Requests("edgetrain", silence_seconds=_SILENCE_SECONDS), ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            listener().noted(f"{reason}; trying again ({attempt + 1} of {_ATTEMPTS})")
            time.sleep(wait_seconds * 2 ** (attempt - 1))
        try:
            _fetch_rest(requests, url, part, most_bytes, advance)
        except RequestError as error:
            reason = error.reason
            if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)  # the part is longer than the file: it is of another one
            elif not error.may_pass:
                break
        else:
            return
        finally:
            requests.close()
    kept = part.stat().st_size if part.exists() else 0
    rest = f"; {kept} bytes are kept and the rest is fetched" if kept else ""
    raise DownloadError(
        f"{url}: {reason}. Check the URL and the network, then run the same command again{rest}. "
        "A file that is on this machine is taken by --url FILE."
    )


def _fetch_rest(requests: Requests, url: str, part: Path, most_bytes: int, advance: Advance) -> None:
    """Append what is missing to the part; start anew where the server does not continue the same version.

    Raises:
        RequestError: it does not come, or not whole.
    """
    version_path = _version_path(part)
    version = version_path.read_text(encoding="utf-8") if version_path.exists() else ""
    done = part.stat().st_size if version and part.exists() else 0
    headers = {"Range": f"bytes={done}-", "If-Range": version} if done else {}
    with requests.asked(url, headers) as answer:
        continues = answer.status == HTTPStatus.PARTIAL_CONTENT
        if continues and not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            part.unlink(missing_ok=True)
            raise RequestError(url, "the server continued at another place than asked for", may_pass=True)
        done = done if continues else 0
        total = done + (answer.length or 0) if answer.length else 0
        with part.open("ab" if continues else "wb") as stream:
            if not continues:
                version_path.write_text(_version(answer.headers), encoding="utf-8")
            for block in answer.blocks(most_bytes=most_bytes, start=done):
                stream.write(block)
                done += len(block)
                advance(done, total)


def _version(headers: Mapping[str, str]) -> str:
    """Return what tells one version of a file from another, or nothing: a weak ETag may stand for several."""
    etag = str(headers.get("ETag", ""))
    return etag if etag.startswith('"') else str(headers.get("Last-Modified", ""))
