"""Recipes of GoCD agents: scripts that a shell understands, that refuse what they do not know, and calls that exist."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from ci.command_lines import fault_of
from edgetrain.edgetpu.device.pairs import PAIRS_PATH
from tests.support.places import PROJECT_DIR

_ROOT = PROJECT_DIR
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


@pytest.fixture
def agent_made(tmp_path):
    """Makes an agent below a folder, by programs that only tell what they were called for, and returns the calls."""
    programs, system, key_file = tmp_path / "bin", tmp_path / "system", tmp_path / "key"
    programs.mkdir()
    for name in (*_CHANGING, "useradd", "usermod"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "{tmp_path / "called"}"\n')
    # These do their part of the work, too.
    (programs / "install").write_text('#!/bin/sh\nfor name; do case $name in /*) mkdir -p "$name" ;; esac; done\n')
    (programs / "mv").write_text(f'#!/bin/sh\nexec {shutil.which("mv")} "$@"\n')
    (programs / "id").write_text("#!/bin/sh\necho 0\n")
    (programs / "uname").write_text("#!/bin/sh\necho x86_64\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    for name in ("etc/apt/sources.list.d", "etc/udev/rules.d", "usr/share/go-agent/wrapper-config"):
        (system / name).mkdir(parents=True)
    for name in ("usr/share/keyrings/gocd.gpg", "var/lib/edgetrain/environments/device-1/coral/a.deb"):
        (system / name).parent.mkdir(parents=True)
        (system / name).write_text("there")
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "EDGETRAIN_OS_RELEASE": str(tmp_path / "os-release"),
        "EDGETRAIN_SYSTEM_ROOT": str(system),
    }

    def make(key="388b633a"):
        key_file.write_text(key)
        (tmp_path / "called").write_text("")
        command = ["sh", str(_SCRIPT), "--server", "https://gocd.example.org/go", "--key-file", str(key_file)]
        called = {"capture_output": True, "text": True, "env": variables, "timeout": 30}
        # First what it would do: this machine must stay as it is.
        plan = subprocess.run([*command, "--dry-run"], check=True, **called).stdout
        written = re.findall(r"^would (?:write|fetch): (?:\S+ as )?(\S+)", plan, re.MULTILINE)
        assert [path for path in written if not path.startswith(f"{system}/")] == []
        subprocess.run(command, check=True, **called)
        return (tmp_path / "called").read_text()

    return make


def test_the_agent_is_restarted_only_if_something_changed(agent_made, tmp_path):
    """A restart ends the job that runs."""
    first, second, other_key = agent_made(), agent_made(), agent_made("another")

    restart = "systemctl restart go-agent"
    assert [restart in calls for calls in (first, second, other_key)] == [True, False, True]
    assert list((tmp_path / "system").rglob("*.new")) == []


def test_the_key_does_not_come_back_to_an_agent_that_is_registered(agent_made, tmp_path):
    """GoCD's agent comments it out when the server has accepted it, and does not read it again."""
    agent_made()
    registration = tmp_path / "system" / "var/lib/go-agent/config/autoregister.properties"
    scrubbed = registration.read_text().replace("agent.auto", "# removed by Go\n# agent.auto").replace("388b633a", "")
    registration.write_text(scrubbed)

    assert "systemctl restart go-agent" not in agent_made()
    assert registration.read_text() == scrubbed


def test_without_a_server_no_agent_is_installed(dry_run):
    ran = dry_run()
    assert ran.returncode == 0, ran.stderr
    assert "apt-get install --yes go-agent" not in ran.stdout
    assert "autoregister" not in ran.stdout
    assert "ci/inv --profile device ci.coral" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "machine_is", "message"),
    [
        pytest.param([], {"release": "ID=fedora\nVERSION_ID=40\n"}, '"fedora 40" is not Debian or', id="system"),
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


@pytest.mark.parametrize("system", ["debian 12", "debian 13", "ubuntu 22.04", "ubuntu 24.04"])
def test_the_systems_of_the_script_are_those_of_the_table(dry_run, system):
    known = json.loads(PAIRS_PATH.read_text(encoding="utf-8"))["systems"]
    name, version = system.split()

    assert set(re.findall(r"'(\w+ [\d.]+)'", _SCRIPT.read_text(encoding="utf-8"))) == set(known)
    assert dry_run(release=f'ID={name}\nVERSION_ID="{version}"\n').returncode == 0
