"""Fetches what runs models on a Coral agent and is not on PyPI: the interpreter's wheel and the Edge TPU's library.

``edgetrain/edgetpu/device/pairs.json`` names them by URL. A digest that is there must agree; one that is not is
measured at the first download, kept beside the file, and demanded from then on.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import DownloadError, ToolError
from edgetrain.core.system.files import write_text
from edgetrain.edgetpu.device.pairs import PAIRS_PATH, PairFile, fitting_pair
from edgetrain.web.download import fetch
from edgetrain.web.recorded_download import record_path, recorded_digest

OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched, and whether its digest was known before."""

    file: PairFile
    path: Path
    sha256: str
    was_known: bool


def this_system(os_release: Path = OS_RELEASE) -> str:
    """Return what the system calls itself, such as ``debian 12``; empty if it does not say."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    return f"{values.get('ID', '')} {values.get('VERSION_ID', '')}".strip()


def fetch_file(file: PairFile, folder: Path) -> Fetched:
    """Fetch a file; the digest of an earlier download must come again.

    Raises:
        DownloadError: the source cannot be reached, or the file is not the one that it was.
    """
    path = folder / file.url.rsplit("/", maxsplit=1)[-1]
    known = file.sha256 or recorded_digest(path)
    try:
        download = fetch(file.url, path, sha256=known)
    except DownloadError as error:
        reason = str(error).split(". ")[0]
        raise DownloadError(f"{file.name}: {reason}. Or bring the file by hand to {path} and try again.") from error
    write_text(record_path(path), f"{download.sha256}\n")
    return Fetched(file, path, download.sha256, was_known=bool(known))


def install(folder: Path, *, pairs_path: Path = PAIRS_PATH, system: str | None = None) -> list[str]:
    """Fetch all that this machine needs, install the wheel, and return what there is to say and to do.

    Raises:
        EdgetrainError: nothing fits this machine, a download failed, or pip did.
    """
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pair = fitting_pair(python, platform.machine(), this_system() if system is None else system, path=pairs_path)
    said = [f"{pair.interpreter} {pair.version} with libedgetpu for TensorFlow {pair.tensorflow} ({pair.told_by})"]
    for file in (pair.wheel, pair.library):
        if file is None:
            said.append(f"{pair.interpreter} {pair.version} is in this environment already")
            continue
        fetched = fetch_file(file, folder)
        said.append(f"{file.name}: SHA-256 {fetched.sha256}")
        if not fetched.was_known:
            said.append(f"  unproven: measured now for the first time; put it into {pairs_path.name}")
        if file is pair.wheel:
            _pip_install(fetched.path)
        else:
            said.append(f"  install it as root: apt install {fetched.path}")
    return said


def _pip_install(wheel: Path) -> None:
    # The environment is made without pip; Python brings one along.
    ensured = subprocess.run([sys.executable, "-m", "ensurepip"], capture_output=True, text=True, check=False)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--disable-pip-version-check", str(wheel)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False) if not ensured.returncode else ensured  # noqa: S603 - our own
    if ran.returncode:
        last = ran.stderr.strip().splitlines()[-1:] or ["no word"]
        raise ToolError(
            f"{wheel.name}: pip could not install it ({last[0]}). Remove the file to have it fetched again."
        )
