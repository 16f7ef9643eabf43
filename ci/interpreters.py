"""Finds the Python that an environment is made with: this one, those on PATH, pyenv's, or the one the caller names.

If the caller wishes so (``EDGETRAIN_PYTHON=download``), uv fetches one where none is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ci.builder import Uv, provide_uv, say
from ci.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    PythonVersion = tuple[int, int]

DOWNLOAD = "download"

# The real path is the installation itself, never a link in an environment, which may be about to be removed.
_PROBE = """
import importlib.util as u, json, os, sys
has_venv = bool(u.find_spec("ensurepip") and u.find_spec("venv"))
print(json.dumps([*sys.version_info[:2], os.path.realpath(sys.executable), has_venv]))
"""


def find_python(
    profile_name: str, versions: Sequence[PythonVersion], environ: Mapping[str, str], uv: Uv
) -> tuple[PythonVersion, Path]:
    """Gives an installed Python that can make environments: its version, and the absolute path of its program.

    Args:
        profile_name: what it is for, for the message.
        versions: the supported ones, the preferred one first.
        environ: the caller's variables. If ``EDGETRAIN_PYTHON`` is a program, it is the only one considered; if it is
            ``download``, one is fetched where none is installed.
        uv: fetches it.

    Raises:
        SetupError: there is none, it has no venv module, or it cannot be fetched.
    """
    wish = environ.get("EDGETRAIN_PYTHON", "")
    chosen = "" if wish == DOWNLOAD else wish
    without_venv = None
    for candidate in [chosen] if chosen else _candidates(versions, environ):
        version, path, has_venv = _probe(candidate)
        if version and version in versions:
            if has_venv:
                return version, path
            without_venv = without_venv or path
        elif chosen:
            raise SetupError(_not_supported(chosen, version, profile_name, versions))
    if wish == DOWNLOAD:
        return versions[0], _download(versions[0], environ, uv)
    raise SetupError(_without_venv(without_venv) if without_venv else _not_found(profile_name, versions))


def _download(version: PythonVersion, environ: Mapping[str, str], uv: Uv) -> Path:
    """Has uv fetch a Python, beside the environments."""
    wanted, folder = "{}.{}".format(*version), uv.environment.directory.parent / "pythons"
    folder.mkdir(parents=True, exist_ok=True)
    variables = provide_uv(uv, environ)
    if variables is None:
        raise SetupError(f"EDGETRAIN_PYTHON={DOWNLOAD}: only uv could fetch a Python. Install Python {wanted} instead.")
    say(f"fetching Python {wanted} into {folder}")
    variables |= {"UV_PYTHON_INSTALL_DIR": str(folder)}
    fetch: list[str | Path] = [uv.program, "python", "install", "--no-bin", wanted]
    find: list[str | Path] = [uv.program, "python", "find", "--managed-python", "--no-python-downloads", wanted]
    for command in (fetch, find):
        answer = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if answer.returncode:
            raise SetupError(
                f"Python {wanted} cannot be fetched:\n{answer.stderr.rstrip()}\nci/inv: name a mirror in "
                f"UV_PYTHON_INSTALL_MIRROR, or install Python {wanted} another way."
            )
    return Path(answer.stdout.strip())


def _candidates(versions: Sequence[PythonVersion], environ: Mapping[str, str]) -> Iterator[str]:
    yield sys.executable
    folders = [Path(folder) for folder in environ.get("PATH", os.defpath).split(os.pathsep)]
    folders += [Path("/usr/local/bin"), Path("/usr/bin")]
    pyenv_dir = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    for major, minor in versions:
        yield from (str(folder / f"python{major}.{minor}") for folder in folders)
        yield from (str(path) for path in sorted(pyenv_dir.glob(f"versions/{major}.{minor}.*/bin/python3")))
    yield from (str(folder / "python3") for folder in folders)


def _probe(candidate: str) -> tuple[PythonVersion | None, Path, bool]:
    """Asks a program for its version, the installation behind it, and whether it can make environments."""
    try:
        answer = subprocess.run(  # noqa: S603 - a Python, by name or by the caller's choice
            [candidate, "-ISc", _PROBE], capture_output=True, text=True, timeout=30, check=True
        )
        major, minor, path, has_venv = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None, Path(candidate), False
    return (major, minor), Path(path), has_venv


def _not_supported(
    chosen: str, version: PythonVersion | None, profile_name: str, versions: Sequence[PythonVersion]
) -> str:
    found = "Python {}.{}".format(*version) if version else "not a Python"
    wanted = f"the {profile_name} profile needs Python {_any_of(versions)}"
    return f"EDGETRAIN_PYTHON={chosen} is {found}; {wanted}. Name another one, or unset it."


def _without_venv(path: Path) -> str:
    return (
        f"{path} cannot make environments: its venv and ensurepip modules are not installed. "
        f'Install them (Debian, Ubuntu: "apt install {path.name}-venv"), or name another Python in EDGETRAIN_PYTHON.'
    )


def _not_found(profile_name: str, versions: Sequence[PythonVersion]) -> str:
    preferred, running = "{}.{}".format(*versions[0]), sys.version_info[:2]
    too_new = " (TensorFlow has no wheels for {}.{})".format(*running) if running > max(versions) else ""
    return (
        f"the {profile_name} profile needs Python {_any_of(versions)}, and there is none{too_new}. Install it (Debian, "
        f'Ubuntu: "apt install python{preferred}-venv"; elsewhere: "pyenv install {preferred}"), name it in '
        f"EDGETRAIN_PYTHON, or set EDGETRAIN_PYTHON={DOWNLOAD}, which fetches one."
    )


def _any_of(versions: Sequence[PythonVersion]) -> str:
    return " or ".join(f"{major}.{minor}" for major, minor in sorted(versions))
