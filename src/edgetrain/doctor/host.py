"""This machine, as far as a profile's programs depend on it: packages, programs, kernel lists, rights.

Everything is read through one value, so that a test can describe any machine. Standard library only: it must answer on
a machine where nothing is installed.
"""

from __future__ import annotations

import grp
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from edgetrain.core.errors import ToolError
from edgetrain.core.system.processes import run_program

_PROGRAM_SECONDS = 20
_MEMORY_PATH = "proc/meminfo"
_KIBIBYTE = 1 << 10


@dataclass(frozen=True)
class Host:
    """A machine; the defaults describe this one, ``root`` is what ``/sys``, ``/dev``, … are below.

    ``compiler`` and ``library`` are the names, or paths, under which edgetpu_compiler and libedgetpu are sought.
    """

    root: Path = Path("/")
    machine: str = field(default_factory=platform.machine)
    python: tuple[int, int] = field(default_factory=lambda: sys.version_info[:2])
    folder: Path = field(default_factory=Path.cwd)
    compiler: str = "edgetpu_compiler"
    library: str = "libedgetpu.so.1"

    def package_version(self, name: str) -> str | None:
        """Return the version of an installed package."""
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    def has_module(self, name: str) -> bool:
        """Return whether a module could be imported; its parents are imported for it."""
        try:
            return importlib.util.find_spec(name) is not None
        except (ImportError, AttributeError, ValueError):
            return False

    def program(self, name: str) -> str | None:
        """Return the path of a program."""
        return shutil.which(name)

    def said_by(self, *command: str) -> str:
        """Return what a program says, empty if it cannot be run or fails."""
        try:
            ended = run_program(command, timeout_seconds=_PROGRAM_SECONDS)
        except ToolError:
            return ""
        return "" if ended.code or ended.is_timed_out else ended.output.strip()

    def groups(self) -> set[str]:
        """Return the names of the groups of this user."""
        names = set()
        for number in os.getgroups():
            try:
                names.add(grp.getgrgid(number).gr_name)
            except KeyError:
                continue
        return names

    def is_root(self) -> bool:
        """Return whether this user may do everything."""
        return os.geteuid() == 0

    def may_open(self, path: Path) -> bool:
        """Return whether this user may read and write a device."""
        return os.access(path, os.R_OK | os.W_OK)

    def free_bytes(self) -> int:
        """Return the free space where the work is done."""
        return shutil.disk_usage(self.folder).free

    def memory_bytes(self) -> int | None:
        """Return the size of the memory; ``None`` where the kernel does not say."""
        for line in self.text(_MEMORY_PATH).splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * _KIBIBYTE
        return None

    def text(self, name: str) -> str:
        """Return the content of a small file below the root, empty if it cannot be read."""
        try:
            return (self.root / name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""
