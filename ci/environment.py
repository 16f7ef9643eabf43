"""Runs Invoke in the environment that a task needs, made first where it is missing: what ``gradlew`` is to Gradle.

Started by ``ci/inv`` with any Python from 3.9 on and without its site-packages, so it is standard library only.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ci.builder import Environment, build_once, say
from ci.errors import SetupError, SetupUsageError
from ci.interpreters import find_python

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


_TENSORFLOW_PYTHONS = ((3, 11),)
_LIGHT_PYTHONS = ((3, 11), (3, 13), (3, 12), (3, 10), (3, 9))
_NUMPY_1_PYTHONS = ((3, 11), (3, 9), (3, 10), (3, 12))
PROFILES = {
    "train": Profile("requirements.txt", _TENSORFLOW_PYTHONS, builds_sdists=True),
    "check": Profile("requirements-check.txt", _LIGHT_PYTHONS, builds_sdists=False),
    "compile": Profile("requirements-compile.txt", _NUMPY_1_PYTHONS, builds_sdists=False),
    "device": Profile("requirements-device.txt", _NUMPY_1_PYTHONS, builds_sdists=False),
    "test": Profile("requirements-test.txt", _TENSORFLOW_PYTHONS, builds_sdists=True),
    "beam": Profile("requirements-beam.txt", _TENSORFLOW_PYTHONS, builds_sdists=False),
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
    python = f"python {version[0]}.{version[1]} {sys.platform}-{os.uname().machine}"
    digest = hashlib.sha256(python.encode())
    for requirements_path in requirements_paths(root, PROFILES[name]):
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
    environment = describe_environment(root, name, _choose_version(name, environ), environ.get("EDGETRAIN_ENV_DIR"))
    variables = {key: value for key, value in environ.items() if key not in _FOREIGN_PACKAGES_VARIABLES}
    variables["PYTHONNOUSERSITE"] = "1"
    if not environment.is_ready():
        _, python = find_python(name, [_choose_version(name, environ)], environ)
        build_once(environment, python, requirements_paths(root, PROFILES[name]), variables)
    bin_dir = environment.directory / "bin"
    variables |= {
        "VIRTUAL_ENV": str(environment.directory),
        "PATH": f"{bin_dir}{os.pathsep}{environ.get('PATH', os.defpath)}",
    }
    program = root / "ci" / "program.py"
    return [str(environment.python), str(program), "--search-root", str(root), *invoke_arguments], variables


def _choose_version(name: str, environ: Mapping[str, str]) -> PythonVersion:
    """Gives the version of an environment's Python; it looks for an interpreter only if it has to."""
    versions = PROFILES[name].pythons
    if sys.version_info[:2] in versions:
        return sys.version_info[:2]
    if len(versions) == 1 and not environ.get("EDGETRAIN_PYTHON"):
        return versions[0]
    return find_python(name, versions, environ)[0]


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
