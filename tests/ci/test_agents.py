"""Recipes of GoCD agents: scripts that a shell understands, that refuse what they do not know, and calls that exist."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ci.command_lines import fault_of

_ROOT = Path(__file__).resolve().parents[2]
_AGENTS = _ROOT / "ci" / "agents"
_SCRIPT = _AGENTS / "coral-agent.sh"
# Programs that would change the machine: a dry run that calls one of them fails.
_CHANGING = ("apt-get", "chown", "cp", "curl", "gpg", "groupadd", "install", "mv", "runuser", "systemctl", "udevadm")
_CALL = re.compile(r"(?<![\w/.-])ci/inv(?: [^\n`&|>;)]*)?")


@pytest.fixture
def dry_run(tmp_path):
    """Runs the script with --dry-run on a made-up machine, whose programs betray that they were called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    called = tmp_path / "called"
    for name in (*_CHANGING, "useradd", "usermod"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} >> "{called}"\nexit 9\n')
        (programs / name).chmod(0o755)

    def run(*arguments, release='ID=debian\nVERSION_ID="12"\n', machine="aarch64"):
        (programs / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
        (programs / "uname").chmod(0o755)
        (tmp_path / "os-release").write_text(release)
        variables = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "EDGETRAIN_OS_RELEASE": str(tmp_path / "os-release"),
        }
        command = ["sh", str(_SCRIPT), "--dry-run", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=30)
        assert not called.exists(), f"a dry run called {called.read_text()}"
        return ran

    return run


@pytest.mark.parametrize("path", sorted(_AGENTS.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_is_one_that_the_shell_understands_and_may_be_run(path):
    subprocess.run(["sh", "-n", str(path)], check=True)
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
    "path",
    [*sorted(_AGENTS.iterdir()), _ROOT / "docs" / "gocd.md", _ROOT / "ci" / "edgetpu-compiler.Containerfile"],
    ids=lambda path: path.name,
)
def test_every_call_of_the_wrapper_exists(path):
    calls = _CALL.findall(path.read_text(encoding="utf-8"))
    whole = [call for call in calls if len(shlex.split(call)) > 1]
    assert whole or path.name == "edgetpu-compiler.Containerfile"
    assert [fault for fault in (fault_of(tuple(shlex.split(call))) for call in whole) if fault] == []


def test_a_dry_run_tells_all_of_it_but_the_key(dry_run, tmp_path):
    key_file = tmp_path / "key"
    key_file.write_text("388b633a\n")
    ran = dry_run("--server", "https://gocd.example.org/go", "--key-file", str(key_file), "--environments", "bench")
    assert ran.returncode == 0, ran.stderr
    for part in (
        "apt-get install --yes go-agent",
        'ATTRS{idVendor}=="1a6e", ATTRS{idProduct}=="089a"',
        'ATTRS{idVendor}=="18d1", ATTRS{idProduct}=="9302"',
        "usermod --append --groups plugdev,apex go",
        "ci/inv --profile device ci.coral",
        "wrapper.app.parameter.101=https://gocd.example.org/go",
        "agent.auto.register.resources=coral",
        "agent.auto.register.environments=bench",
    ):
        assert part in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("ci/inv doctor --profile device")
    assert "388b633a" not in ran.stdout + ran.stderr


def test_without_a_server_no_agent_is_installed(dry_run):
    ran = dry_run()
    assert ran.returncode == 0, ran.stderr
    assert "apt-get install --yes go-agent" not in ran.stdout
    assert "autoregister" not in ran.stdout
    assert "ci/inv --profile device ci.coral" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "machine_is", "message"),
    [
        pytest.param([], {"release": "ID=fedora\nVERSION_ID=40\n"}, '"fedora 40" is not Debian 12', id="system"),
        pytest.param([], {"release": "ID=raspbian\nVERSION_ID=12\n"}, "of 64 bits", id="32 bits"),
        pytest.param([], {"machine": "armv7l"}, "processor armv7l", id="processor"),
        pytest.param(["--sever", "x"], {}, '"--sever" is not understood', id="flag"),
        pytest.param(["--server"], {}, "--server has no value", id="no value"),
        pytest.param(["--server", "https://gocd.example.org"], {}, "ends in /go", id="address"),
        pytest.param(["--server", "https://gocd.example.org/go"], {}, "agentAutoRegisterKey", id="no key"),
        pytest.param(["--environments", "bench"], {}, "Name the server", id="no server"),
    ],
)
def test_what_it_does_not_know_it_refuses(dry_run, arguments, machine_is, message):
    ran = dry_run(*arguments, **machine_is)
    assert ran.returncode == 1
    assert message in ran.stderr
    assert "would" not in ran.stdout


def test_the_resources_of_the_recipes_are_those_of_the_pipelines():
    pipelines = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "gocd").glob("*.gocd.yaml"))
    wanted = {name for names in re.findall(r"resources: \[([\w-]+)\]", pipelines) for name in names.split()}
    recipes = (_AGENTS / "Containerfile").read_text(encoding="utf-8")
    given = set(re.findall(r"^# Resource: ([\w-]+)\.", recipes, re.MULTILINE))
    given |= set(re.findall(r"auto\.register\.resources=([\w-]+)", _SCRIPT.read_text(encoding="utf-8")))
    assert wanted == given
