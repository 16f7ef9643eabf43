"""Which TFLite interpreter and which libedgetpu fit each other, on which Python and system: the table ``pairs.json``.

libedgetpu calls into the interpreter that loads it, so both must be built from TensorFlow versions that agree; a pair
that does not fit crashes (google-coral/edgetpu issue 812). A system is named as ``/etc/os-release`` names it, ID and
VERSION_ID; Raspberry Pi OS of 64 bits calls itself debian.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import ToolError

PAIRS_PATH = Path(__file__).resolve().parent / "pairs.json"
_DEBIAN_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class PairFile:
    """A file outside PyPI; ``sha256`` is empty where nobody has measured it."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Pair:
    """An interpreter and the library for it.

    ``interpreter`` is a package's name, ``tensorflow`` the version that the library is built from; ``wheel`` is None
    where the interpreter comes from PyPI with the profile.
    """

    interpreter: str
    version: str
    tensorflow: str
    told_by: str
    wheel: PairFile | None
    library: PairFile


def fitting_pair(python: str, machine: str, system: str, *, path: Path = PAIRS_PATH) -> Pair:
    """Return the pair for a Python (``3.11``), a processor (``x86_64``, ``aarch64``) and a system (``debian 12``).

    Raises:
        ToolError: there is none.
    """
    table = json.loads(path.read_text(encoding="utf-8"))
    for entry in table["pairs"]:
        if python in entry["pythons"] and system in entry["systems"] and machine in _DEBIAN_MACHINES:
            return _pair(entry, table, (python, machine, system))
    known = "; ".join(f"Python {_listed(entry['pythons'])} on {_listed(entry['systems'])}" for entry in table["pairs"])
    raise ToolError(
        f"no interpreter and libedgetpu are known to fit each other for Python {python} on {system or 'this system'}, "
        f"{machine}; there are some for {known}, x86_64 and aarch64. Use such a machine, or build your own "
        "(docs/coral.md)."
    )


def are_a_pair(interpreter: str, version: str, tensorflow: str, *, path: Path = PAIRS_PATH) -> bool:
    """Return whether the table has these together; of versions the first two numbers count."""
    wanted = (interpreter, *_two(version), *_two(tensorflow))
    pairs = json.loads(path.read_text(encoding="utf-8"))["pairs"]
    return any((p["interpreter"], *_two(p["version"]), *_two(p["tensorflow"])) == wanted for p in pairs)


def _pair(entry: dict[str, object], table: dict[str, dict[str, str]], wanted: tuple[str, str, str]) -> Pair:
    python, machine, system = wanted
    interpreter, version, tensorflow = (str(entry[name]) for name in ("interpreter", "version", "tensorflow"))
    wheels: list[dict[str, str]] = entry["wheels"]  # type: ignore[assignment]
    wheel = next((w for w in wheels if (w["python"], w["machine"]) == (python, machine)), None)
    url = str(table["library_url"]).format(
        tensorflow=tensorflow, build=table["systems"][system], debian_machine=_DEBIAN_MACHINES[machine]
    )
    sha256 = table["library_sha256"].get(url.rsplit("/", maxsplit=1)[-1], "")
    return Pair(
        interpreter,
        version,
        tensorflow,
        str(entry["told_by"]),
        PairFile(f"{interpreter} {version}", wheel["url"], wheel["sha256"]) if wheel else None,
        PairFile(f"libedgetpu1-max 16.0tf{tensorflow}-1", url, sha256),
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _two(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
