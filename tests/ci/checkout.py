"""A checkout as small as can be: this project's ``ci/inv``, and a lock with one package that stands in for Invoke.

Its package index is a folder with that package and with uv, packed again from this environment.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import PROJECT_DIR

_INVOKE = """
import json, os, sys
__version__ = "1.0"
class Program:
  def __init__(self, **about): pass
  def run(self):
    told = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix}
    names = ["PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "VIRTUAL_ENV"]
    told.update({name: os.environ.get(name) for name in names})
    print(json.dumps(told))
    sys.exit(7 if "fail" in sys.argv else 0)
"""
_WHEEL_FILES = {
    "invoke/__init__.py": _INVOKE,
    "invoke/config.py": "class AmbiguousMergeError(Exception): pass\nclass Config: pass",
    "invoke/exceptions.py": "class ParseError(Exception): pass\nclass UnknownFileType(Exception): pass",
    "invoke/util.py": "class yaml: YAMLError = ValueError",
    "invoke-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: invoke\nVersion: 1.0\n",
    "invoke-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "invoke-1.0.dist-info/entry_points.txt": "[console_scripts]\ninv = invoke:Program\n",
}


@dataclass(frozen=True)
class Checkout:
    """A checkout with a ``ci/inv`` and a lock of the check profile."""

    root: Path
    wheels_dir: Path

    @property
    def environment_dir(self) -> Path:
        """Where the environment of the check profile belongs."""
        return self.root / ".venv" / "check"

    @property
    def lock_path(self) -> Path:
        """The pinned requirements of the check profile, the only one there is."""
        return self.root / "requirements-check.txt"

    def environ(self, **variables: str) -> dict[str, str]:
        """The caller's variables, with a package index that is a folder."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "EDGETRAIN_", "UV_"))}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels_dir)}
        uv = {"UV_CACHE_DIR": str(self.root.parent / "uv cache")}
        chosen = {**kept, **pip, **uv, **variables}
        return {key: value for key, value in chosen.items() if value}

    def inv(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs ``ci/inv --profile check``, or with the profile in front of the arguments."""
        profile = () if arguments[:1] == ("--profile",) else ("--profile", "check")
        command = [self.root / "ci" / "inv", *profile, *arguments]
        environ = self.environ(**variables)
        return subprocess.run(command, cwd=cwd or self.root, env=environ, capture_output=True, text=True, check=False)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts the same, without waiting for its end."""
        command = [self.root / "ci" / "inv", "--profile", "check", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=self.environ(**variables), **pipes)

    def told(self, *arguments: str, cwd: Path | None = None, **variables: str) -> dict[str, object]:
        """What the stand-in for Invoke saw."""
        return json.loads(self.inv(*arguments, cwd=cwd, **variables).stdout)


def make_checkout(root: Path, wheels_dir: Path) -> Checkout:
    """Makes a checkout whose lock pins the stand-in for Invoke, and which has uv from the same folder."""
    root.mkdir(parents=True)
    shutil.copytree(PROJECT_DIR / "ci", root / "ci", ignore=shutil.ignore_patterns("__pycache__", "requirements"))
    (root / "ci" / "requirements").mkdir()
    checkout = Checkout(root, wheels_dir)
    checkout.lock_path.write_text(_pin(wheels_dir, "invoke"), encoding="utf-8")
    (root / "ci" / "requirements" / "uv.txt").write_text(_pin(wheels_dir, "uv"), encoding="utf-8")
    return checkout


def _pin(wheels_dir: Path, name: str) -> str:
    wheel = next(wheels_dir.glob(f"{name}-*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={wheel.name.split('-')[1]} \\\n    --hash=sha256:{digest}\n"


def make_wheels(folder: Path) -> None:
    """Writes the wheels of the stand-in for Invoke and of uv into a folder, which then is a package index."""
    _write_wheel(folder / "invoke-1.0-py3-none-any.whl", {name: text.encode() for name, text in _WHEEL_FILES.items()})
    uv = importlib.metadata.distribution("uv")
    home = f"uv-{uv.version}"
    files = {f"{home}.data/scripts/uv": Path(next(f for f in uv.files if f.name == "uv").locate()).read_bytes()}
    files[f"{home}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: uv\nVersion: {uv.version}\n".encode()
    files[f"{home}.dist-info/WHEEL"] = _WHEEL_FILES["invoke-1.0.dist-info/WHEEL"].encode()
    _write_wheel(folder / f"{home}-py3-none-any.whl", files)


def _write_wheel(path: Path, files: dict[str, bytes]) -> None:
    record = next(name for name in files if name.endswith("/METADATA")).replace("METADATA", "RECORD")
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in {**files, record: "".join(f"{name},,\n" for name in [*files, record]).encode()}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100755 << 16  # else a program in it cannot be run
            wheel.writestr(info, content)
