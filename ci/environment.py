"""Runs Invoke in the environment that a task needs, made first where it is missing: what ``gradlew`` is to Gradle.

Started by ``ci/inv`` with any Python from 3.9 on and without its site-packages, so it is standard library only.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ci.builder import Environment, Uv, build_once, say
from ci.errors import SetupError, SetupUsageError
from ci.interpreters import DOWNLOAD, find_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ci.interpreters import PythonVersion


class Profile(NamedTuple):
    """A set of pinned packages and the Pythons it is made for.

    Attributes:
        lock_name: requirements file in the project's root, every package in it with hashes.
        pythons: versions that have wheels for all of it, the preferred one first.
        builds_sdists: whether some package is built here, by what ``ci/requirements/build.txt`` pins.
    """

    lock_name: str
    pythons: tuple[PythonVersion, ...]
    builds_sdists: bool


# TensorFlow 2.21 has no wheel for 3.14. docs/packages.md has this table for its readers; a test compares them.
_TENSORFLOW_PYTHONS = ((3, 13), (3, 12), (3, 11))
_LIGHT_PYTHONS = (*_TENSORFLOW_PYTHONS, (3, 10), (3, 9))
_OLD_PYTHONS = ((3, 11),)
PROFILES = {
    "train": Profile("requirements.txt", _TENSORFLOW_PYTHONS, builds_sdists=True),
    "check": Profile("requirements-check.txt", _LIGHT_PYTHONS, builds_sdists=False),
    "compile": Profile("requirements-compile.txt", _LIGHT_PYTHONS, builds_sdists=False),
    "device": Profile("requirements-device.txt", _LIGHT_PYTHONS, builds_sdists=False),
    "test": Profile("requirements-test.txt", _TENSORFLOW_PYTHONS, builds_sdists=True),
    "legacy": Profile("requirements-legacy.txt", _OLD_PYTHONS, builds_sdists=True),
    "beam": Profile("requirements-beam.txt", _OLD_PYTHONS, builds_sdists=False),
    "label": Profile("requirements-label.txt", _LIGHT_PYTHONS, builds_sdists=False),
    "gpu": Profile("requirements-gpu.txt", _TENSORFLOW_PYTHONS, builds_sdists=True),
}

# Invoke's own flags that take a value: what follows them is not a task.
_INVOKE_FLAGS_WITH_VALUE = frozenset(
    {"-c", "--collection", "-f", "--config", "-r", "--search-root", "-T", "--command-timeout"}
    | {"-D", "--list-depth", "-F", "--list-format"}
)
_FOREIGN_PACKAGES_VARIABLES = frozenset(["PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"])


def split_arguments(arguments: Sequence[str], available: Sequence[str]) -> tuple[str, list[str]]:
    """Gives the profile's name and the arguments that are Invoke's.

    Args:
        arguments: those of ``ci/inv``. Only a ``--profile`` before everything else is ours: tasks have one, too.
        available: names of the profiles to choose from.

    Raises:
        SetupUsageError: the profile is unknown.
    """
    first, rest = arguments[:1], list(arguments[1:])
    if first == ["--profile"]:
        name = rest.pop(0) if rest else ""
    elif first and first[0].startswith("--profile="):
        name = first[0].partition("=")[2]
    else:
        rest = list(arguments)
        name = _default_profile(rest)
    if name not in available:
        raise SetupUsageError(f'there is no profile "{name}". Choose one of: {", ".join(available)}.')
    return name, rest


def _default_profile(arguments: Sequence[str]) -> str:
    remaining = iter(arguments)
    for argument in remaining:
        if argument in _INVOKE_FLAGS_WITH_VALUE:
            next(remaining, None)
        elif not argument.startswith("-"):
            return _profile_of_task(argument, list(remaining))
    return "train"


def _profile_of_task(task: str, rest: Sequence[str]) -> str:
    if task == "doctor":
        # It looks at the packages around it. Those of gpu are gigabytes: too much to learn that there is no GPU.
        asked = "".join(rest[:2]) if rest[:1] == ["--profile"] else "".join(rest[:1])
        return next(
            (name for name in PROFILES if asked in (f"--profile{name}", f"--profile={name}") and name != "gpu"), "train"
        )
    return "test" if task == "test" or task.startswith("ci.") else "train"


def requirements_paths(root: Path, profile: Profile) -> list[Path]:
    """Gives the pinned requirements of a profile in the order of their installation."""
    build_paths = [root / "ci" / "requirements" / "build.txt"] if profile.builds_sdists else []
    return [*build_paths, root / profile.lock_name]


def describe_environment(root: Path, name: str, version: PythonVersion, shared_dir: str | None) -> Environment:
    """Gives the environment of a profile, made or not.

    Args:
        root: absolute path of the project.
        name: a profile of ``PROFILES`` whose requirements file exists.
        version: of the Python it runs on.
        shared_dir: folder for the environments of several checkouts, kept apart by a digest; None: ``root/.venv``.
    """
    return _environment(root, name, requirements_paths(root, PROFILES[name]), version, shared_dir)


def _environment(
    root: Path, name: str, requirements: Sequence[Path], version: PythonVersion, shared_dir: str | None
) -> Environment:
    python = f"python {version[0]}.{version[1]} {sys.platform}-{os.uname().machine}"
    digest = hashlib.sha256(python.encode())
    for requirements_path in requirements:
        digest.update(requirements_path.read_bytes())
    if shared_dir:
        directory = Path(shared_dir).expanduser().absolute() / f"{name}-{digest.hexdigest()[:16]}"
    else:
        directory = root / ".venv" / name
    # The folder is part of it since the programs in bin/ name it: an environment that was moved is made again.
    # A link to the folder is not another folder: the rehearsal of pipelines lends this checkout's environments.
    return Environment(directory, f"{digest.hexdigest()}\n{python}\n{directory.resolve()}\n")


def prepare(arguments: Sequence[str], root: Path, environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Gives the command to run and its variables, once the environment is ready.

    Args:
        arguments: those of ``ci/inv``.
        root: absolute path of the project.
        environ: the caller's variables.

    Raises:
        SetupError: unknown profile, no Python for it, or the environment cannot be made.
        OSError: a folder cannot be written.
    """
    available = [name for name, profile in PROFILES.items() if (root / profile.lock_name).exists()]
    name, invoke_arguments = split_arguments(arguments, available)
    variables = {key: value for key, value in environ.items() if key not in _FOREIGN_PACKAGES_VARIABLES}
    variables["PYTHONNOUSERSITE"] = "1"
    environment = _ready_environment(root, name, environ) or _make_environment(root, name, environ, variables)
    bin_dir = environment.directory / "bin"
    variables |= {
        "VIRTUAL_ENV": str(environment.directory),
        "PATH": f"{bin_dir}{os.pathsep}{environ.get('PATH', os.defpath)}",
    }
    program = root / "ci" / "program.py"
    return [str(environment.python), str(program), "--search-root", str(root), *invoke_arguments], variables


def _ready_environment(root: Path, name: str, environ: Mapping[str, str]) -> Environment | None:
    """Gives one that stands, of whichever Python, the running one first; of the caller's if one is named."""
    running = sys.version_info[:2]
    versions = sorted(PROFILES[name].pythons, key=lambda version: version != running)
    if environ.get("EDGETRAIN_PYTHON", DOWNLOAD) != DOWNLOAD:
        # ci/inv has started this very program with it.
        versions = [version for version in versions if version == running]
    known = (describe_environment(root, name, version, environ.get("EDGETRAIN_ENV_DIR")) for version in versions)
    return next((environment for environment in known if environment.is_ready()), None)


def _make_environment(root: Path, name: str, environ: Mapping[str, str], variables: Mapping[str, str]) -> Environment:
    refuse_system(name, sys.platform, os.uname().machine)
    shared_dir = environ.get("EDGETRAIN_ENV_DIR")
    uv_requirements = root / "ci" / "requirements" / "uv.txt"
    uv = Uv(_environment(root, "uv", [uv_requirements], sys.version_info[:2], shared_dir), uv_requirements)
    version, python = find_python(name, PROFILES[name].pythons, environ, uv)
    environment = describe_environment(root, name, version, shared_dir)
    build_once(environment, python, requirements_paths(root, PROFILES[name]), variables, uv)
    return environment


def refuse_system(name: str, system: str, machine: str) -> None:
    """Says it where a profile has no packages for a system, before any is fetched.

    Args:
        name: a profile.
        system: ``sys.platform``.
        machine: processor, as the kernel calls it.

    Raises:
        SetupError: the system is not supported.
    """
    if PROFILES[name].pythons == _LIGHT_PYTHONS:
        return
    only_x86 = name in ("gpu", "legacy", "beam")
    supported = {("linux", "x86_64")} if only_x86 else {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}
    if (system, machine) not in supported:
        names = ", ".join(" on ".join(pair) for pair in sorted(supported))
        raise SetupError(
            f"the {name} profile has no packages for {system} on {machine}, only for {names}. Use such a machine; on "
            "Windows, WSL2 is one."
        )
    if system == "linux" and not _has_glibc():
        raise SetupError(
            f"the {name} profile needs a Linux with glibc: TensorFlow has no wheels for musl, as Alpine has it. "
            "Use Debian, Ubuntu, Fedora or alike, or a container of them."
        )
    if (system, machine) != ("linux", "x86_64"):
        say(f"the {name} profile has been resolved for {system} on {machine} and never run there.")


def _has_glibc() -> bool:
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (OSError, ValueError):
        return False


def main() -> None:
    """Becomes ``inv``, so that its exit code and Ctrl-C are the caller's own."""
    try:
        command, variables = prepare(sys.argv[1:], Path(__file__).resolve().parent.parent, os.environ)
    except SetupError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        say(f"the environment cannot be set up: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted; the next run starts over.")
        sys.exit(130)
    os.execve(command[0], command, variables)  # noqa: S606 - no shell is the point
