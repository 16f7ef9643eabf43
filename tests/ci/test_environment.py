"""``ci/inv`` makes an environment once, whole or not at all, and gets out of the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from checkout import Checkout, make_checkout

from ci.builder import Environment, Uv, _explain
from ci.environment import describe_environment, refuse_system, split_arguments
from ci.errors import SetupError
from ci.interpreters import find_python

PROFILES = ["train", "check", "test", "gpu"]
NO_UV = Uv(Environment(Path("/nowhere/uv"), ""), Path("/nowhere/uv.txt"))


def fake_python(folder: Path, version: list[int], *, has_venv: bool = True) -> dict[str, str]:
    """Gives variables that name a program which says to be that Python."""
    program = folder / "python-of-a-test"
    program.write_text(f"#!/bin/sh\necho '{json.dumps([*version, '/opt/bin/python3.11', has_venv])}'\n")
    program.chmod(0o755)
    return {"EDGETRAIN_PYTHON": str(program)}


@pytest.fixture(scope="module")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, wheels_dir: Path
) -> tuple[Checkout, subprocess.CompletedProcess[str]]:
    """A checkout, and what its first run said."""
    checkout = make_checkout(tmp_path_factory.mktemp("ready") / "a checkout", wheels_dir)
    return checkout, checkout.inv("hello")


@pytest.fixture
def ready(first_run: tuple[Checkout, subprocess.CompletedProcess[str]]) -> Checkout:
    """A checkout whose environment is ready. Tests leave it so."""
    return first_run[0]


def test_the_first_run_makes_the_environment_and_says_so(
    first_run: tuple[Checkout, subprocess.CompletedProcess[str]],
) -> None:
    checkout, result = first_run

    assert result.returncode == 0
    assert json.loads(result.stdout)["prefix"] == str(checkout.environment_dir)
    assert "setting up" in result.stderr
    assert "installing 1 packages" in result.stderr


def test_a_later_run_installs_nothing_and_says_nothing(ready: Checkout) -> None:
    result = ready.inv("hello", PIP_FIND_LINKS="/nowhere")

    assert (result.returncode, result.stderr) == (0, "")


def test_invoke_gets_the_arguments_and_the_folder_of_the_caller(ready: Checkout, tmp_path: Path) -> None:
    told = ready.told("hello", "--name", "two words", cwd=tmp_path)

    assert told["arguments"] == ["--search-root", str(ready.root), "hello", "--name", "two words"]
    assert told["cwd"] == str(tmp_path)


def test_it_runs_through_a_relative_symlink(ready: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "inv"
    link.symlink_to(os.path.relpath(ready.root / "ci" / "inv", tmp_path))

    status = os.spawnve(os.P_WAIT, str(link), ["inv", "--profile", "check", "hello"], ready.environ())  # noqa: S606 - no shell is the point

    assert status == 0


def test_the_exit_code_is_that_of_invoke(ready: Checkout) -> None:
    assert ready.inv("fail").returncode == 7


def test_foreign_packages_of_the_caller_play_no_part(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "hashlib.py").write_text("raise SystemExit('foreign')")

    told = ready.told("hello", cwd=tmp_path, PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path))

    assert (told["PYTHONPATH"], told["PYTHONHOME"], told["PYTHONNOUSERSITE"]) == (None, None, "1")
    assert told["VIRTUAL_ENV"] == str(ready.environment_dir)


def test_a_changed_lock_makes_it_anew(ready: Checkout) -> None:
    with ready.lock_path.open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    leftover = ready.environment_dir / "leftover"
    leftover.touch()

    assert "setting up" in ready.inv().stderr
    assert not leftover.exists()
    assert ready.inv().stderr == ""


def test_an_environment_without_a_stamp_is_made_anew(checkout: Checkout) -> None:
    (checkout.environment_dir / "lib").mkdir(parents=True)
    (checkout.environment_dir / "lib" / "half").touch()

    assert checkout.inv().returncode == 0
    assert not (checkout.environment_dir / "lib" / "half").exists()


def test_an_environment_that_was_moved_is_made_anew(ready: Checkout, tmp_path: Path) -> None:
    moved = Checkout(shutil.copytree(ready.root, tmp_path / "moved", symlinks=True), ready.wheels_dir)

    assert "setting up" in moved.inv().stderr


@pytest.mark.whole
@pytest.mark.parametrize(
    "moment",
    [
        *("check.lock", "uv.lock", "uv.log", "uv/pyvenv.cfg", "uv/bin/pip3", "uv/bin/uv", "uv/edgetrain-stamp"),
        *("check.log", "check/pyvenv.cfg", "check/bin/python", "check/lib/*/site-packages/invoke*"),
    ],
)
def test_a_killed_set_up_is_done_anew(checkout: Checkout, moment: str) -> None:
    """Killed as soon as a file is there, of all that are made on the way."""
    with checkout.start() as process:
        while not any((checkout.root / ".venv").glob(moment)) and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)

    assert checkout.inv().returncode == 0
    assert json.loads(checkout.inv("again").stdout)["prefix"] == str(checkout.environment_dir)


def test_of_two_at_once_one_makes_it_and_the_other_waits(checkout: Checkout) -> None:
    with checkout.start() as first, checkout.start() as second:
        errors = [process.communicate()[1] for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0]
    assert sum(f"setting up {checkout.environment_dir} " in error for error in errors) == 1
    assert sum("waiting for another set-up" in error for error in errors) == 1


def test_checkouts_share_environments_in_the_folder_that_is_named(checkout: Checkout, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other", checkout.wheels_dir)
    shared_dir = tmp_path / "shared environments"

    first = checkout.inv(EDGETRAIN_ENV_DIR=str(shared_dir))
    second = other.inv(EDGETRAIN_ENV_DIR=str(shared_dir))

    assert sorted(path.name.split("-")[0] for path in shared_dir.iterdir() if path.is_dir()) == ["check", "uv"]
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")


def test_a_link_to_another_checkouts_environments_lends_them(ready: Checkout, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other", ready.wheels_dir)
    other.lock_path.write_text(ready.lock_path.read_text())
    (other.root / ".venv").symlink_to(ready.root / ".venv")

    result = other.inv("hello")

    assert (result.returncode, result.stderr) == (0, "")


def test_another_lock_or_python_is_another_shared_environment(checkout: Checkout) -> None:
    on_3_11 = describe_environment(checkout.root, "check", (3, 11), "/shared").directory
    on_3_12 = describe_environment(checkout.root, "check", (3, 12), "/shared").directory
    checkout.lock_path.write_text("changed")
    changed = describe_environment(checkout.root, "check", (3, 11), "/shared").directory

    assert len({on_3_11, on_3_12, changed}) == 3


def test_a_file_that_is_not_the_pinned_one_is_refused_and_the_next_run_starts_over(checkout: Checkout) -> None:
    pinned = checkout.lock_path.read_text()
    checkout.lock_path.write_text(f"invoke==1.0 --hash=sha256:{'0' * 64}\n")
    refused = checkout.inv()
    checkout.lock_path.write_text(pinned)

    assert refused.returncode == 1
    assert "installing requirements-check.txt failed" in refused.stderr
    assert "hash mismatch" in refused.stderr
    assert f"All of the output: {checkout.root}/.venv/check.log" in refused.stderr
    assert not (checkout.environment_dir / "edgetrain-stamp").exists()
    assert checkout.inv().returncode == 0


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param("OSError: [Errno 28] No space left on device", "the disk is full", id="disk"),
        pytest.param("Failed to establish a new connection: refused", "index cannot be reached", id="network"),
        pytest.param("SSLError(SSLCertVerificationError(1", "certificate is not trusted", id="certificate"),
        pytest.param("ERROR: No matching distribution found for x==1", "no file for this system", id="platform"),
        pytest.param("cause: error sending request for url (https://a.b/", "index cannot be reached", id="uv, network"),
        pytest.param("error: Hash mismatch for `x==1`", "not the pinned one (hash mismatch)", id="uv, hash"),
        pytest.param("cause: invalid peer certificate: UnknownIssuer", "is not trusted", id="uv, certificate"),
        pytest.param("ERROR: something new", "the lines above say why", id="unknown"),
    ],
)
def test_a_failure_says_why(output: str, expected: str) -> None:
    message = _explain("installing", output, Path("check.log"))

    assert expected in message
    assert output in message


@pytest.mark.parametrize("name", ["device", "train"])
def test_a_profile_without_a_lock_is_wrong_usage(ready: Checkout, name: str) -> None:
    result = ready.inv("--profile", name, "hello")

    assert result.returncode == 2
    assert result.stderr == f'ci/inv: there is no profile "{name}". Choose one of: check.\n'


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], ("train", []), id="nothing"),
        pytest.param(["train", "--steps", "3"], ("train", ["train", "--steps", "3"]), id="a task"),
        pytest.param(["test"], ("test", ["test"]), id="test"),
        pytest.param(["ci.lint"], ("test", ["ci.lint"]), id="a task of CI"),
        pytest.param(["-e", "-f", "my.yaml", "test"], ("test", ["-e", "-f", "my.yaml", "test"]), id="after flags"),
        pytest.param(["validate", "test"], ("train", ["validate", "test"]), id="the first task counts"),
        pytest.param(["--profile", "check", "test"], ("check", ["test"]), id="named"),
        pytest.param(["--profile=check", "split"], ("check", ["split"]), id="named in one word"),
        pytest.param(["doctor", "--profile", "gpu"], ("train", ["doctor", "--profile", "gpu"]), id="a task's own flag"),
        pytest.param(["doctor", "--profile", "check"], ("check", ["doctor", "--profile", "check"]), id="doctor's own"),
        pytest.param(["doctor", "--profile=check"], ("check", ["doctor", "--profile=check"]), id="in one word"),
        pytest.param(["split", "--profile", "check"], ("train", ["split", "--profile", "check"]), id="only doctor's"),
    ],
)
def test_the_profile_follows_from_the_arguments(arguments: list[str], expected: tuple[str, list[str]]) -> None:
    assert split_arguments(arguments, PROFILES) == expected


def test_a_python_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match=r"EDGETRAIN_PYTHON=.* is Python 3\.12; the train profile needs Python 3\.11\."
    ):
        find_python("train", [(3, 11)], fake_python(tmp_path, [3, 12]), NO_UV)


def test_a_python_without_venv_names_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"apt install python3\.11-venv"):
        find_python("train", [(3, 11)], fake_python(tmp_path, [3, 11], has_venv=False), NO_UV)


def test_no_python_names_the_one_to_install() -> None:
    """Newer ones than TensorFlow has wheels for do not count."""
    expected = r'needs Python 2\.0, and there is none \(TensorFlow has no wheels for 3\.\d+\)\. .*"pyenv install 2\.0"'
    with pytest.raises(SetupError, match=expected):
        find_python("train", [(2, 0)], {"PATH": "/nowhere", "HOME": "/nowhere"}, NO_UV)


def test_what_is_no_python_is_refused_before_anything_else(ready: Checkout) -> None:
    result = ready.inv(EDGETRAIN_PYTHON="/nowhere/python")

    assert (result.returncode, result.stdout) == (1, "")
    assert "EDGETRAIN_PYTHON=/nowhere/python is not a Python 3.9 or newer" in result.stderr


@pytest.mark.parametrize(
    ("name", "system", "machine", "said"),
    [
        pytest.param("train", "win32", "AMD64", "on Windows, WSL2 is one", id="Windows"),
        pytest.param("train", "darwin", "x86_64", "no packages for darwin on x86_64", id="Intel Mac"),
        pytest.param("gpu", "linux", "aarch64", "only for linux on x86_64", id="GPU on ARM64"),
        pytest.param("legacy", "darwin", "arm64", "only for linux on x86_64", id="legacy on a Mac"),
    ],
)
def test_a_system_without_packages_is_refused(name: str, system: str, machine: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        refuse_system(name, system, machine)


def test_a_system_that_nobody_has_run_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    refuse_system("train", "linux", "aarch64")

    assert "resolved for linux on aarch64 and never run" in capsys.readouterr().err


def test_uv_installs_and_leaves_bytecode(ready: Checkout) -> None:
    site = next(ready.environment_dir.glob("lib/*/site-packages"))

    assert "Installed 1 package" in (ready.root / ".venv" / "check.log").read_text()
    assert list(site.glob("invoke/__pycache__/__init__.*.pyc"))
    assert not (site / "pip").exists()
