"""Machines of all kinds, described in a folder, and what is said of them."""

from __future__ import annotations

import importlib.util
import json

import pytest

from ci.environment import PROFILES as ENVIRONMENTS
from edgetrain.core.errors import SettingsError
from edgetrain.doctor.doctor import examine
from edgetrain.doctor.host import Host
from edgetrain.doctor.host_checks import PROFILES, PYTHONS, check_host
from tests.edgetpu.device.test_discovery import plug_pci, plug_usb

GOOD = {
    "tflite": "2.18.0",
    "numpy": "1.26.4",
    "pillow": "13.0.0",
    "google-crc32c": "1.9.0",
    "pycocotools": "2.0.11",
    "tflite-runtime": "2.17.1",
}
LIBRARY = "16.0tf2.17.1-1.bookworm"


class FakeHost(Host):
    """A machine whose packages, programs and rights are given; its files lie below ``root``."""

    def __init__(self, root, *, packages=GOOD, said=None, modules=(), groups=("plugdev",), **given):
        super().__init__(root=root, **{"machine": "x86_64", "python": (3, 11), "folder": root, **given})
        facts = {"packages": packages, "said": said or {}, "modules": modules, "names": set(groups)}
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def package_version(self, name):
        return self.packages.get(name)

    def has_module(self, name):
        return name in self.modules

    def program(self, name):
        return f"/usr/bin/{name}" if f"/usr/bin/{name}" in self.said else None

    def said_by(self, *command):
        return self.said.get(command[-1] if "dpkg-query" in command[0] else command[0], "")

    def groups(self):
        return self.names

    def is_root(self):
        return False

    def may_open(self, path):
        return path.exists() and ("apex" if "apex" in path.name else "plugdev") in self.names


def give_node(root, place):
    """Make the file through which a plugged USB device is opened."""
    folder = root / "sys/bus/usb/devices" / place
    (folder / "busnum").write_text("2\n")
    (folder / "devnum").write_text("17\n")
    node = root / "dev/bus/usb/002/017"
    node.parent.mkdir(parents=True)
    node.touch()


@pytest.fixture
def coral(tmp_path):
    """Return a function that describes a Coral agent, by default a good one with a USB device."""
    rule = tmp_path / "lib/udev/rules.d/60-libedgetpu1-max.rules"
    rule.parent.mkdir(parents=True)
    rule.write_text("".join(f'ATTRS{{idVendor}}=="{vendor}",GROUP="plugdev"\n' for vendor in ("1a6e", "18d1")))

    def coral(*, usb="1a6e:089a", speed="5000", library=LIBRARY, **changes):
        if usb:
            plug_usb(tmp_path, "2-1", usb, speed)
            give_node(tmp_path, "2-1")
        return FakeHost(tmp_path, said={"libedgetpu1-max": library}, **changes)

    return coral


def bad(host, profile="device"):
    """Return what is not right, by subject."""
    return {check.subject: check for check in check_host(host, profile) if check.state.value != "ok"}


def test_a_good_coral_agent_is_ready(coral):
    text, is_good = examine("device", "text", coral())

    assert is_good
    assert text.splitlines()[-1] == "profile device: ready"
    assert "usb:0 1a6e:089a" in text


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        pytest.param({"usb": ""}, "Edge TPU", "1a6e:089a and 18d1:9302", id="no device"),
        pytest.param({"speed": "480"}, "Edge TPU", "USB 3", id="slow port"),
        pytest.param({"groups": ()}, "group", "usermod -aG plugdev", id="not in plugdev"),
        pytest.param({"library": ""}, "libedgetpu", "ci.coral", id="no library"),
        pytest.param({"library": "16.0"}, "libedgetpu", "Stock 16.0 crashes with tflite-runtime 2.17.1", id="stock"),
        pytest.param(
            {"library": "16.0tf2.15.1-1"}, "libedgetpu", "not built for tflite-runtime 2.17.1", id="other pair"
        ),
        pytest.param({"python": (3, 14)}, "Python", "3.9, 3.10, 3.11, 3.12, 3.13", id="new Python"),
        pytest.param({"python": (3, 10)}, "Python", "The next minor release is for Python 3.11", id="old Python"),
        pytest.param({"packages": {**GOOD, "numpy": None}}, "packages", "doctor --profile device", id="package"),
        pytest.param({"packages": {**GOOD, "tflite-runtime": None}}, "interpreter", "ci.coral", id="no interpreter"),
        pytest.param(
            {"packages": {**GOOD, "pycoral": "0.1.0"}}, "pycoral", "pip uninstall pycoral", id="PyPI's pycoral"
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(coral, changes, subject, words):
    found = bad(coral(**changes))

    assert words in found[subject].fix


def test_google_s_pycoral_is_known_by_its_modules(coral):
    host = coral(packages={**GOOD, "pycoral": "2.0.0"}, modules=("pycoral.utils.edgetpu",))

    assert "pycoral" not in bad(host)


@pytest.mark.parametrize(
    ("version", "interpreter", "expected"),
    [
        pytest.param("16.0", ("tflite-runtime", "2.5.0.post1"), "ok", id="Google's own pair"),
        pytest.param("16.0", ("tflite-runtime", "2.11.0"), "ok", id="stock, last that works"),
        pytest.param("16.0", ("tflite-runtime", "2.12.0"), "fail", id="stock, first that crashes"),
        pytest.param("16.0tf2.15.1-1.bookworm", ("tflite-runtime", "2.11.1"), "ok", id="wide build, first"),
        pytest.param("16.0tf2.15.1-1.bookworm", ("tflite-runtime", "2.16.1"), "warn", id="wide build, too new"),
        pytest.param("16.0tf2.17.1-1.bookworm", ("tflite-runtime", "2.17.1"), "ok", id="same version"),
        pytest.param("16.0tf2.17.1-1.bookworm", ("ai-edge-litert", "2.17.0"), "warn", id="LiteRT is unproven"),
        pytest.param("16.0tf2.19.1-1.trixie", ("ai-edge-litert", "2.3.0"), "warn", id="LiteRT that others run"),
    ],
)
def test_a_library_fits_the_interpreter_that_it_was_built_for(coral, version, interpreter, expected):
    packages = {**GOOD, "tflite-runtime": None, interpreter[0]: interpreter[1]}

    found = {check.subject: check for check in check_host(coral(library=version, packages=packages), "device")}

    assert found["libedgetpu"].state.value == expected


@pytest.mark.parametrize("name", ["libedgetpu.so.1", "/opt/coral/libedgetpu.so.1"])
def test_a_library_without_a_package_is_found_by_its_file(tmp_path, name):
    path = tmp_path / (name.lstrip("/") if "/" in name else f"usr/lib/aarch64-linux-gnu/{name}.0")
    path.parent.mkdir(parents=True)
    path.touch()

    assert bad(FakeHost(tmp_path, library=name))["libedgetpu"].found == f"{path}, of unknown version"


def test_a_rule_for_the_fresh_id_only_is_half_a_rule(tmp_path, coral):
    (tmp_path / "lib/udev/rules.d/60-libedgetpu1-max.rules").write_text('ATTRS{idVendor}=="1a6e"\n')

    found = bad(coral())

    assert list(found) == ["udev rule"]
    assert found["udev rule"].found == "none for 18d1:9302"


def test_a_device_that_a_container_was_not_given_is_told(tmp_path, coral):
    host = coral()
    (tmp_path / "dev/bus/usb/002/017").unlink()

    assert "pass on both USB ids" in bad(host)["rights"].fix


def test_rule_and_group_are_told_before_a_device_is_plugged_in(tmp_path):
    found = bad(FakeHost(tmp_path, groups=()))

    assert found["Edge TPU"].state.value == "fail"
    assert (found["udev rule"].state.value, found["group"].state.value) == ("warn", "warn")


def test_a_device_that_may_not_be_opened_fails(coral):
    assert bad(coral(groups=()))["rights"].state.value == "fail"


def test_a_pci_card_without_a_node_lacks_its_driver(tmp_path, coral):
    card = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    card.mkdir(parents=True)
    (card / "vendor").write_text("0x1ac1\n")
    (card / "device").write_text("0x089a\n")

    assert "gasket" in bad(coral(usb=""))["driver"].fix


def test_a_pci_node_that_may_not_be_opened_wants_a_group(tmp_path, coral):
    plug_pci(tmp_path, 0)

    assert "group apex" in bad(coral(usb=""))["rights"].fix
    assert "rights" not in bad(coral(usb="", groups=("apex",)))


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        pytest.param({}, "edgetpu_compiler", "ci/inv --profile compile ci.compiler", id="not there"),
        pytest.param({"machine": "aarch64"}, "processor", "for x86-64 only", id="ARM"),
        pytest.param(
            {"said": {"/usr/bin/edgetpu_compiler": "Edge TPU Compiler version 15.0.340273435"}},
            "edgetpu_compiler",
            "version 16.0",
            id="old",
        ),
    ],
)
def test_a_machine_that_cannot_compile(tmp_path, changes, subject, words):
    assert (
        words
        in bad(FakeHost(tmp_path, packages={"tflite": "2", "flatbuffers": "25"}, **changes), "compile")[subject].fix
    )


def test_a_machine_that_can_compile(tmp_path):
    said = {"/usr/bin/edgetpu_compiler": "Edge TPU Compiler version 16.0.384591198"}

    assert bad(FakeHost(tmp_path, packages={"tflite": "2", "flatbuffers": "25"}, said=said), "compile") == {}


def test_training_wants_memory_and_the_right_processor(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:        2048000 kB\n")

    found = bad(FakeHost(tmp_path, machine="riscv64"), "train")

    assert found["memory"].found == "2.0 GiB"
    assert found["processor"].state.value == "fail"


@pytest.mark.parametrize(("profile", "state"), [("train", "warn"), ("gpu", "fail"), ("legacy", "fail")])
def test_arm_is_unproven_for_training_and_has_no_cuda(tmp_path, profile, state):
    assert bad(FakeHost(tmp_path, machine="aarch64"), profile)["processor"].state.value == state


def test_a_gpu_is_only_demanded_by_its_profile(tmp_path):
    assert "GPU" in bad(FakeHost(tmp_path), "gpu")
    assert "GPU" not in bad(FakeHost(tmp_path), "train")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param("NVIDIA L4, 575.51.03, 8.9", "", id="fits"),
        pytest.param("Tesla P100, 470.82.01, 6.0", "needs driver 525.60 or newer", id="old driver"),
        pytest.param("GTX 980, 535.10.01, 5.2", "compute capability 6.0", id="old card"),
    ],
)
def test_driver_and_card_are_those_that_the_cuda_wheels_need(tmp_path, said, words):
    found = bad(FakeHost(tmp_path, said={"nvidia-smi": said}), "gpu")

    assert words in found["GPU"].fix if words else "GPU" not in found


def test_json_says_the_same(coral):
    text, is_good = examine("device", "json", coral(usb=""))

    checks = {check["subject"]: check for check in json.loads(text)["checks"]}
    assert (is_good, checks["Edge TPU"]["state"]) == (False, "fail")


@pytest.mark.parametrize(("profile", "output_format"), [("devise", "text"), ("device", "jsn")])
def test_an_unknown_word_is_told_with_the_nearest(profile, output_format):
    with pytest.raises(SettingsError, match=r'Did you mean "(device|json)"'):
        examine(profile, output_format, Host())


def test_profiles_and_their_pythons_are_those_that_ci_inv_makes():
    assert set(PROFILES) == set(ENVIRONMENTS)
    assert {name: set(PYTHONS[name]) for name in PROFILES} == {
        name: set(profile.pythons) for name, profile in ENVIRONMENTS.items()
    }


def test_this_machine_can_run_the_tests():
    """In the environment that it runs in: only the profile legacy has no package tf_keras."""
    profile = "test" if importlib.util.find_spec("tf_keras") else "legacy"

    assert examine(profile, "text", Host())[1]
