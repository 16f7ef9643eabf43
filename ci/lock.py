"""Makes the requirements files with exact versions and hashes from their sources in ``ci/requirements``.

Run ``python3 ci/lock.py``: pins that still fit stay as they are. With ``--upgrade``: the newest of everything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_SOURCES = "ci/requirements"
_UV_LOCK = _ROOT / "ci" / "requirements" / "uv.txt"


@dataclass(frozen=True)
class Lock:
    """One requirements file.

    Attributes:
        source: in ``ci/requirements``.
        target: relative to the project's root.
        agrees_with: another lock whose versions it must have, made before it; empty: none.
        options: of the resolver.
    """

    source: str
    target: str
    agrees_with: str
    options: tuple[str, ...]


_LEAN = f"--excludes={_SOURCES}/excludes.txt"
_LIGHT = ("--universal", "--python-version=3.9", "--only-binary=:all:")
_CURRENT = ("--universal", "--python-version=3.11", _LEAN)
_LINUX_3_11 = ("--python-version=3.11", "--python-platform=x86_64-manylinux_2_28")
_CPU = f"--overrides={_SOURCES}/overrides-cpu.txt"
_BEAM = (f"--excludes={_SOURCES}/excludes-beam.txt", f"--overrides={_SOURCES}/overrides-beam.txt")
LOCKS = (
    Lock("check.in", "requirements-check.txt", "", (*_LIGHT, _LEAN)),
    Lock("compile.in", "requirements-compile.txt", "requirements-check.txt", _LIGHT),
    Lock("device.in", "requirements-device.txt", "requirements-check.txt", (*_LIGHT, _LEAN)),
    Lock("train.in", "requirements.txt", "requirements-check.txt", (*_CURRENT, _CPU)),
    Lock("test.in", "requirements-test.txt", "requirements.txt", (*_CURRENT, _CPU)),
    Lock("gpu.in", "requirements-gpu.txt", "requirements.txt", _CURRENT),
    Lock("legacy.in", "requirements-legacy.txt", "requirements-check.txt", (*_LINUX_3_11, _LEAN)),
    Lock("beam.in", "requirements-beam.txt", "requirements-check.txt", (*_LINUX_3_11, *_BEAM)),
    Lock("label.in", "requirements-label.txt", "requirements-check.txt", _LIGHT),
    Lock("uv.in", f"{_SOURCES}/uv.txt", "", ("--universal", "--python-version=3.9")),
    Lock("build.in", f"{_SOURCES}/build.txt", "requirements.txt", ("--universal", "--python-version=3.11")),
    Lock("audit.in", f"{_SOURCES}/audit.txt", "", (*_LINUX_3_11, "--only-binary=:all:")),
)


def main() -> None:
    """Writes every lock, in an order in which each can follow the one it agrees with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions that fit, not those pinned before"
    )
    upgrade = parser.parse_args().upgrade
    with tempfile.TemporaryDirectory() as tools_dir:
        uv = _install_uv(Path(tools_dir))
        for lock in LOCKS:
            _compile(uv, lock, upgrade=upgrade)


def _install_uv(tools_dir: Path) -> Path:
    venv.create(tools_dir, with_pip=True)
    pip = tools_dir / "bin" / "pip"
    command: list[str | Path] = [
        pip,
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        _UV_LOCK,
    ]
    subprocess.run(command, check=True)  # noqa: S603 - our own
    return tools_dir / "bin" / "uv"


def _compile(uv: Path, lock: Lock, *, upgrade: bool) -> None:
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--annotation-style=line",
        *lock.options,
    ]
    if lock.agrees_with:
        command.append(f"--constraints={lock.agrees_with}")
    if upgrade:
        command.append("--upgrade")
    command += [f"--output-file={lock.target}", f"{_SOURCES}/{lock.source}"]
    # Sources are named relative to the root, so that the comments in a lock name no machine's folders.
    environ = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "python3 ci/lock.py"}
    subprocess.run(command, cwd=_ROOT, env=environ, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own
    sys.stdout.write(f"{lock.target}\n")


if __name__ == "__main__":
    main()
