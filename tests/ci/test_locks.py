"""The pinned requirements are exact, checked by hash, agree with one another, and name no machine or index."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.support.places import PROJECT_DIR

ROOT = PROJECT_DIR
LOCKS = sorted([*ROOT.glob("requirements*.txt"), *(ROOT / "ci" / "requirements" / f"{n}.txt" for n in ("build", "uv"))])
# PyPI's projects of these names are something else than the API and Coral's library.
ON_3_11 = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}
IMPOSTORS = {"object-detection", "pycoral"}

# Their interpreter or TensorFlow is built for an older numpy or protobuf: they agree with the check profile only.
OLDER = ("requirements-legacy.txt", "requirements-device.txt", "requirements-beam.txt")
# What stands in for them: edgetrain/tensorflow_setup.py.
STOOD_IN_FOR = {
    "tensorflow-io",
    "tf-models-official",
    "lvis",
    "opencv-python",
    "opencv-python-headless",
    "scipy",
}

each_lock = pytest.mark.parametrize("lock", [pytest.param(path, id=path.name) for path in LOCKS])


def read_entries(lock: Path) -> list[tuple[Requirement, int]]:
    """Gives each requirement of a lock with the number of its hashes; what is neither fails."""
    text = re.sub(r"#.*", "", lock.read_text()).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [(Requirement(line.partition("--hash")[0]), line.count("--hash=sha256:")) for line in lines]


def read_versions(lock: Path) -> dict[str, str]:
    """Gives the version of each package on the Python of the train profile."""
    entries = [requirement for requirement, _ in read_entries(lock)]
    chosen = [entry for entry in entries if not entry.marker or entry.marker.evaluate(ON_3_11)]
    return {entry.name: str(entry.specifier) for entry in chosen}


@each_lock
def test_every_package_is_exact_and_has_hashes(lock: Path) -> None:
    for requirement, hash_count in read_entries(lock):
        assert re.fullmatch(r"==[\w.+]+", str(requirement.specifier)), requirement
        assert hash_count, requirement


@each_lock
def test_no_impostor_is_in_a_lock(lock: Path) -> None:
    assert IMPOSTORS.isdisjoint(read_versions(lock))


@each_lock
def test_a_lock_names_no_index_and_no_folder(lock: Path) -> None:
    assert not re.search(r"://|--index-url|--find-links|(^|\s)/", lock.read_text(), re.MULTILINE)


@each_lock
def test_locks_agree_on_the_versions_they_share(lock: Path) -> None:
    versions = read_versions(lock)
    reference = read_versions(ROOT / ("requirements-check.txt" if lock.name in OLDER else "requirements-test.txt"))

    assert {name: reference[name] for name in versions if name in reference} == {
        name: version for name, version in versions.items() if name in reference
    }


def test_every_package_that_is_installed_is_for_this_python() -> None:
    """pip, which installs where uv cannot, refuses what uv takes: packages for older Pythons only."""
    running, refused = ".".join(map(str, sys.version_info[:3])), []
    for name in read_versions(ROOT / "requirements-test.txt"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            wanted = importlib.metadata.metadata(name)["Requires-Python"] or ""
            refused += [f"{name} {wanted}"] * (not SpecifierSet(wanted).contains(running))

    assert not refused


@pytest.mark.parametrize("wider", ["requirements.txt", "requirements-check.txt"])
def test_the_test_profile_holds_everything_that_is_tested(wider: str) -> None:
    assert set(read_versions(ROOT / wider)) <= set(read_versions(ROOT / "requirements-test.txt"))


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        pytest.param(source, lock, id=source)
        for source, lock in {
            "check.in": "requirements-check.txt",
            "compile.in": "requirements-compile.txt",
            "device.in": "requirements-device.txt",
            "training.in": "requirements.txt",
            "train.in": "requirements.txt",
            "tensorflow.in": "requirements.txt",
            "testing.in": "requirements-test.txt",
            "legacy.in": "requirements-legacy.txt",
            "uv.in": "ci/requirements/uv.txt",
            "beam.in": "requirements-beam.txt",
            "label.in": "requirements-label.txt",
            "gpu.in": "requirements-gpu.txt",
            "build.in": "ci/requirements/build.txt",
            "audit.in": "ci/requirements/audit.txt",
        }.items()
    ],
)
def test_a_lock_holds_what_its_source_asks_for(source: str, lock: str) -> None:
    lines = (ROOT / "ci" / "requirements" / source).read_text().splitlines()
    stated = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    asked = [entry for entry in stated if not entry.marker or entry.marker.evaluate(ON_3_11)]
    versions = read_versions(ROOT / lock)

    for requirement in asked:
        assert requirement.specifier.contains(versions[requirement.name].removeprefix("==")), requirement


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-test.txt", "requirements-gpu.txt", "requirements-legacy.txt"]
)
def test_what_the_api_imports_and_nobody_needs_is_not_installed(name: str) -> None:
    assert STOOD_IN_FOR.isdisjoint(read_versions(ROOT / name))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    ("system", "machine", "tensorflow"),
    [("linux", "x86_64", "tensorflow-cpu"), ("linux", "aarch64", "tensorflow"), ("darwin", "arm64", "tensorflow")],
)
def test_each_system_has_one_tensorflow_and_one_version_of_each_package(
    python: str, system: str, machine: str, tensorflow: str
) -> None:
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    place["platform_machine"] = machine
    entries = [entry for entry, _ in read_entries(ROOT / "requirements.txt")]
    chosen = [entry.name for entry in entries if not entry.marker or entry.marker.evaluate(place)]

    assert [name for name in chosen if name in ("tensorflow", "tensorflow-cpu")] == [tensorflow]
    assert len(chosen) == len(set(chosen))
