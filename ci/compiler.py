"""Fetches edgetpu_compiler, checks it, and unpacks it without root; nothing is unpacked or run without a digest.

Sources are tried in the order of ``ci/compiler_sources.json``. Accepted are a Debian package (ar with a tar inside) and
a tar, plain or compressed by gzip or xz, that hold a program ``edgetpu_compiler``. Nothing of it is passed on.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ci.apt_repository import AptSource, find_package
from edgetrain.core.errors import DownloadError, EdgetrainError, ToolError
from edgetrain.core.system.files import replacing_dir
from edgetrain.web.download import fetch

SOURCES_PATH = Path(__file__).resolve().parent / "compiler_sources.json"
_NAME = "edgetpu_compiler"
_VERSION = "version 16."
_MOST_BYTES = 256 << 20
_MOST_FILES = 1000
_SMALL_FILE_BYTES = 16 << 20


class Wish(NamedTuple):
    """What the caller gave: a source of his own, and the digest of its file; both may be empty."""

    url: str = ""
    sha256: str = ""


def install(folder: Path, wish: Wish, *, sources_path: Path = SOURCES_PATH) -> list[str]:
    """Put the compiler into a folder, with a program in its ``bin``, and return what there is to say.

    Args:
        folder: an environment, or any folder; ``edgetpu_compiler`` in it is replaced.
        wish: of the caller.
        sources_path: the sources where the wish names none.

    Raises:
        EdgetrainError: the machine is not amd64, no source gave a file of a known digest, or it is no such compiler.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        raise ToolError(
            f"{_NAME} was made for amd64 only, this is {platform.machine()}. Run it on such a machine, or in the "
            "container of ci/edgetpu-compiler.Containerfile."
        )
    with tempfile.TemporaryDirectory() as temporary:
        said, archive, digest = _fetch_first(wish, Path(temporary), sources_path)
        with replacing_dir(folder / _NAME) as target:
            unpack(archive, target)
            program = _program_in(target)
            version = _version_of(program)
            licences = [path.relative_to(target) for path in sorted(target.rglob("*")) if _is_licence(path)]
            relative = program.relative_to(target)
    link = folder / "bin" / _NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    # A program that calls the other: a link would hide from it the folder in which its own libraries are.
    link.write_text(f'#!/bin/sh\nexec "{folder.absolute() / _NAME / relative}" "$@"\n', encoding="utf-8")
    link.chmod(0o755)
    terms = [f"its licence, which is Google's: {folder / _NAME / path}" for path in licences]
    terms = terms or ["it brings no licence text; Google's terms are at coral.ai/software/#edgetpu-compiler-terms"]
    return [*said, f"SHA-256 {digest}", f"{link}: {version}", *terms]


def _fetch_first(wish: Wish, folder: Path, sources_path: Path) -> tuple[list[str], Path, str]:
    """Return what became of each source up to the first that gave a file of the right digest, that file and digest."""
    if wish.url:
        sources = [{"name": wish.url, "kind": "file", "url": wish.url, "sha256": wish.sha256}]
    else:
        sources = json.loads(sources_path.read_text(encoding="utf-8"))["sources"]
    said: list[str] = []
    for source in sources:
        try:
            url, sha256 = _located(source, folder)
            archive = folder / PurePosixPath(urllib.parse.urlsplit(url).path).name
            download = fetch(url, archive, sha256=sha256, most_bytes=_MOST_BYTES, wait_seconds=0.2)
        except EdgetrainError as error:
            said.append(f"{source['name']}: {error}")
            continue
        if not sha256:
            raise DownloadError(
                f"{url}: its SHA-256 is {download.sha256}, and nothing says whether that is right, so it is not "
                f"unpacked. If you trust it: --sha256 {download.sha256}"
            )
        return [*said, f"fetched from {url}"], archive, download.sha256
    reasons = "".join(f"\n  {reason}" for reason in said)
    raise DownloadError(
        f"no source gave {_NAME} 16.0:{reasons}\nOr name a file that you have: --url FILE --sha256 DIGEST."
    )


def _located(source: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    if source["kind"] == "file":
        return source["url"], source["sha256"]
    apt = AptSource(**{name: source[name] for name in AptSource._fields})

    def small(url: str) -> bytes:
        path = folder / "part-of-repository"
        path.unlink(missing_ok=True)
        return fetch(url, path, most_bytes=_SMALL_FILE_BYTES, wait_seconds=0.2).path.read_bytes()

    return find_package(apt, small)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a Debian package or a tar: plain files, folders and links that stay inside.

    Args:
        archive: of the right digest.
        target: an existing, empty folder.

    Raises:
        DownloadError: it is neither, is too large, or a member would lie outside.
    """
    content = archive.read_bytes()
    if content.startswith(b"!<arch>\n"):
        content = _data_of_package(content, archive)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as tar:
            for member in _members(tar, archive):
                _extract(tar, member, target / _inside(member.name, archive))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DownloadError(f"{archive.name}: it cannot be unpacked ({error}). Try another source.") from error


def _data_of_package(content: bytes, archive: Path) -> bytes:
    """Return the tar with a package's files: deb(5), an ar of debian-binary, control.tar and data.tar."""
    place = 8
    while place + 60 <= len(content):
        name, size = content[place : place + 16].decode("ascii", "replace").strip(), content[place + 48 : place + 58]
        if not size.strip().isdigit():
            break
        start = place + 60
        if name.startswith("data.tar"):
            return content[start : start + int(size)]
        place = start + int(size) + int(size) % 2
    raise DownloadError(f"{archive.name}: this Debian package has no data.tar. Try another source.")


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        if total > _MOST_BYTES or count > _MOST_FILES:
            raise DownloadError(
                f"{archive.name}: more than {_MOST_BYTES} bytes or {_MOST_FILES} files. Try another one."
            )
        yield member


def _inside(name: str, archive: Path) -> str:
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in parts:
        raise DownloadError(f"{archive.name}: {name} would lie outside of its folder. Try another source.")
    return "/".join(parts)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one member; what is neither file, folder nor link (devices) is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member) if member.isfile() else None
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        # Only to a name beside it: libraries link to their versions.
        if "/" in member.linkname or member.linkname in (".", ".."):
            raise DownloadError(f"{member.name} links to {member.linkname}, out of its folder. Try another source.")
        path.symlink_to(member.linkname)
    elif source:
        if path.is_symlink():
            raise DownloadError(f"{member.name} occurs twice in the archive, once as a link. Try another source.")
        with path.open("wb") as file:
            shutil.copyfileobj(source, file)
        path.chmod(0o755 if member.mode & 0o111 else 0o644)


def _program_in(folder: Path) -> Path:
    """Return the program that is called: the one that lies highest, since its own folder has one of that name, too."""
    found = [path for path in folder.rglob(_NAME) if path.is_file() and os.access(path, os.X_OK)]
    if not found:
        raise DownloadError(f"there is no program {_NAME} in the archive. Try another source.")
    return min(found, key=lambda path: len(path.parts))


def _version_of(program: Path) -> str:
    try:
        ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - of the right digest
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{program.name} does not run here ({error}). Try another source.") from error
    said = (ran.stdout + ran.stderr).strip()
    if ran.returncode or _VERSION not in said:
        raise ToolError(f"{program.name} --version says {said!r}, not {_VERSION}…. Try another source.")
    return said.splitlines()[0]


def _is_licence(path: Path) -> bool:
    return path.is_file() and path.name.lower().startswith(("copyright", "license", "licence", "terms", "notice"))
