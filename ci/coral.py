"""Fetches what runs models on a Coral agent and is not on PyPI: the interpreter's wheel and the Edge TPU's library.

``ci/coral.json`` names them by URL. A digest that is there must agree; one that is not is measured at the first
download, kept beside the file, and demanded from then on.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import DownloadError, ToolError
from edgetrain.core.system.files import write_text
from edgetrain.networks.start.download import fetch

LIST_PATH = Path(__file__).resolve().parent / "coral.json"


@dataclass(frozen=True)
class ExternalPackage:
    """A file outside PyPI; ``python`` is empty for what is no wheel, ``sha256`` where nobody has measured it."""

    name: str
    url: str
    sha256: str
    machine: str
    python: str = ""

    @property
    def file_name(self) -> str:
        """Return the last part of the URL."""
        return self.url.rsplit("/", maxsplit=1)[-1]


@dataclass(frozen=True)
class Fetched:
    """A package that was fetched, and whether its digest was known before."""

    package: ExternalPackage
    path: Path
    sha256: str
    was_known: bool


def packages_for(kind: str, *, machine: str, python: str, list_path: Path = LIST_PATH) -> list[ExternalPackage]:
    """Return the packages of a kind (``wheels``, ``debian_packages``) that fit a machine and a Python.

    Raises:
        ToolError: there is none.
    """
    entries = json.loads(list_path.read_text(encoding="utf-8"))[kind]
    found = [ExternalPackage(**entry) for entry in entries if entry["machine"] == machine]
    fitting = [package for package in found if package.python in ("", python)]
    if not fitting:
        known = ", ".join(sorted({f"{entry['machine']} {entry.get('python', '')}".strip() for entry in entries}))
        raise ToolError(
            f"{list_path.name}: no {kind.replace('_', ' ')} for {machine} with Python {python}; there are some for "
            f"{known}. Use such a machine, or build your own (docs/coral.md)."
        )
    return fitting


def fetch_package(package: ExternalPackage, folder: Path) -> Fetched:
    """Fetch a package; the digest of an earlier download must come again.

    Raises:
        DownloadError: the source cannot be reached, or the file is not the one that it was.
    """
    path = folder / package.file_name
    record_path = path.with_name(f"{path.name}.sha256")
    known = package.sha256 or (record_path.read_text(encoding="ascii").strip() if record_path.is_file() else "")
    try:
        download = fetch(package.url, path, sha256=known)
    except DownloadError as error:
        reason = str(error).split(". ")[0]
        raise DownloadError(f"{package.name}: {reason}. Or bring the file by hand to {path} and try again.") from error
    write_text(record_path, f"{download.sha256}\n")
    return Fetched(package, path, download.sha256, was_known=bool(known))


def install(folder: Path, *, list_path: Path = LIST_PATH) -> list[str]:
    """Fetch all packages of this machine, install the wheels, and return what there is to say and to do.

    Raises:
        EdgetrainError: nothing fits this machine, a download failed, or pip did.
    """
    machine, python = platform.machine(), f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = []
    for kind in ("wheels", "debian_packages"):
        for package in packages_for(kind, machine=machine, python=python, list_path=list_path):
            fetched = fetch_package(package, folder)
            said.append(f"{package.name}: SHA-256 {fetched.sha256}")
            if not fetched.was_known:
                said.append(f"  measured now for the first time: put it into ci/{list_path.name}")
            if kind == "wheels":
                _pip_install(fetched.path)
            else:
                said.append(f"  install it as root: apt install {fetched.path}")
    return said


def _pip_install(wheel: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--disable-pip-version-check", str(wheel)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if ran.returncode:
        last = ran.stderr.strip().splitlines()[-1:] or ["no word"]
        raise ToolError(
            f"{wheel.name}: pip could not install it ({last[0]}). Remove the file to have it fetched again."
        )
