"""A file of an apt repository and its digest: the signature of the release, the release's digest of the package list.

The chain is that of apt (Debian wiki, SecureApt): InRelease, signed by a key whose fingerprint is known, names the
SHA-256 of ``main/binary-amd64/Packages``, which names path and SHA-256 of the package.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from edgetrain.core.errors import DownloadError, ToolError

_LIST = "main/binary-amd64/Packages"

Fetch = Callable[[str], bytes]


class AptSource(NamedTuple):
    """A package of a repository, and the key that signs it."""

    url: str
    suite: str
    package: str
    version: str
    key_url: str
    key_fingerprints: Sequence[str]


def find_package(source: AptSource, fetch: Fetch) -> tuple[str, str]:
    """Return the URL of a package's file and its SHA-256.

    Args:
        source: the package.
        fetch: gives the content of a URL.

    Raises:
        DownloadError: something cannot be fetched, a signature or digest is wrong, or the package is not listed.
        ToolError: GnuPG is not installed.
    """
    folder = f"{source.url}/dists/{source.suite}"
    release = signed_text(fetch(f"{folder}/InRelease"), fetch(source.key_url), source)
    found = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(_LIST)}$", release.partition("SHA256:")[2], re.MULTILINE)
    if not found:
        raise DownloadError(f"{folder}/InRelease: it lists no SHA-256 of {_LIST}. Try another source.")
    packages = fetch(f"{folder}/{_LIST}")
    digest = hashlib.sha256(packages).hexdigest()
    if digest != found[1]:
        raise DownloadError(
            f"{folder}/{_LIST}: the SHA-256 is {digest}, but {found[1]} is signed. Try again later, or another source."
        )
    return _listed(packages.decode("utf-8", "replace"), source)


def _listed(packages: str, source: AptSource) -> tuple[str, str]:
    for entry in packages.split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", entry, re.MULTILINE))
        named = (fields.get("Package"), fields.get("Version"), fields.get("Architecture"))
        if named == (source.package, source.version, "amd64") and {"Filename", "SHA256"} <= fields.keys():
            return f"{source.url}/{fields['Filename']}", fields["SHA256"]
    raise DownloadError(f"{source.url}: {source.package} {source.version} for amd64 is not listed. Try another source.")


def signed_text(content: bytes, key: bytes, source: AptSource) -> str:
    """Return what is signed of a clear-signed file.

    Raises:
        DownloadError: the signature is bad, or of a key with another fingerprint.
        ToolError: GnuPG is not installed.
    """
    if not (shutil.which("gpg") and shutil.which("gpgv")):
        raise ToolError('gpg and gpgv are needed to check a signature. Install them ("apt install gpg gpgv").')
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "key").write_bytes(key)
        (folder / "signed").write_bytes(content)
        if b"BEGIN PGP" in key:
            _run("gpg", "--homedir", temporary, "--batch", "--output", folder / "ring", "--dearmor", folder / "key")
        else:
            shutil.copyfile(folder / "key", folder / "ring")
        options = ("--keyring", folder / "ring", "--status-fd", "1", "--output", folder / "text")
        status = _run("gpgv", "--homedir", temporary, *options, folder / "signed")
        # The last fingerprint of VALIDSIG is the primary key's.
        signers = {words[-1] for words in map(str.split, status.splitlines()) if words[1:2] == ["VALIDSIG"]}
        if not signers & set(source.key_fingerprints) or not (folder / "text").is_file():
            by = ", ".join(sorted(signers)) or "nobody"
            raise DownloadError(
                f"{source.url}: the release is signed by {by}, not by {', '.join(source.key_fingerprints)}. "
                "Try another source; if the key has really changed, correct ci/compiler_sources.json."
            )
        return (folder / "text").read_text(encoding="utf-8", errors="replace")


def _run(*command: str | Path) -> str:
    """Return what a program says; a failure is told by what it does not say."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - GnuPG, by name
    return ran.stdout
