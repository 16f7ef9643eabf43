"""What each profile needs of a machine, looked at one thing after the other, each with the remedy.

Sources: README (profiles), docs/coral.md (the pair of interpreter and libedgetpu), udev rules of libedgetpu, issues
812 (crash of a pair that does not fit) and 905 (driver) of google-coral/edgetpu, 115 of google-coral/pycoral (name).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgetrain.devices.discovery import EdgeTpu, find_edge_tpus
from edgetrain.devices.host import Host

TRAIN, CHECK, COMPILE, DEVICE, TEST, GPU = PROFILES = ("train", "check", "compile", "device", "test", "gpu")
_TENSORFLOW_PYTHONS = ((3, 11),)
_LIGHT_PYTHONS = ((3, 9), (3, 10), (3, 11), (3, 12), (3, 13))
PYTHONS = {
    **dict.fromkeys((TRAIN, TEST, GPU), _TENSORFLOW_PYTHONS),
    CHECK: _LIGHT_PYTHONS,
    **dict.fromkeys((COMPILE, DEVICE), _LIGHT_PYTHONS[:-1]),
}
_PACKAGES = {
    TRAIN: ("tensorflow-cpu", "tf-object-detection-api", "numpy", "pandas", "lxml", "pillow", "jinja2", "tflite"),
    TEST: ("tensorflow-cpu", "tf-object-detection-api", "pytest", "ruff", "mypy"),
    GPU: ("tensorflow", "tf-object-detection-api", "numpy", "pandas", "lxml", "pillow"),
    CHECK: ("lxml", "pillow", "google-crc32c"),
    COMPILE: ("tflite", "flatbuffers"),
    DEVICE: ("tflite", "numpy", "pillow", "google-crc32c", "pycocotools"),
}
_GIBIBYTE = 1 << 30
_TRAINING_MEMORY = 6 * _GIBIBYTE
_TRAINING_DISK = 5 * _GIBIBYTE
_LIGHT_DISK = _GIBIBYTE
_X86 = ("x86_64", "AMD64")
_USB2_MBPS = 480
_STOCK_LIMIT = (2, 12)  # stock libedgetpu 16.0 crashes with this tflite-runtime and later ones
_LIBRARIES = ("libedgetpu1-max", "libedgetpu1-std")
_LIBRARY_FOLDERS = ("usr/lib", "usr/local/lib")
_RULE_FOLDERS = ("etc/udev/rules.d", "lib/udev/rules.d", "usr/lib/udev/rules.d")
_PAIR_FIX = 'Install a pair that fits: "ci/inv --profile device ci.coral", see docs/coral.md.'


class State(enum.Enum):
    """How something stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class HostCheck:
    """One thing that was looked at: what was found, and what to do if it is not right."""

    state: State
    subject: str
    found: str
    fix: str = ""


Look = Callable[[Host, str], Iterator[HostCheck]]


def check_host(host: Host, profile: str) -> list[HostCheck]:
    """Return everything that a profile depends on, in the order in which it is best mended."""
    looks: dict[str, tuple[Look, ...]] = {
        TRAIN: (_python, _architecture, _packages, _memory, _disk, _gpu),
        TEST: (_python, _architecture, _packages, _memory, _disk),
        GPU: (_python, _architecture, _packages, _memory, _disk, _gpu),
        CHECK: (_python, _packages, _disk),
        COMPILE: (_python, _packages, _compiler, _disk),
        DEVICE: (_python, _packages, _pycoral, _interpreter, _library, _devices, _rights, _driver, _disk),
    }
    return [check for look in looks[profile] for check in look(host, profile)]


def _python(host: Host, profile: str) -> Iterator[HostCheck]:
    found, supported = ".".join(map(str, host.python)), PYTHONS[profile]
    names = ", ".join(".".join(map(str, version)) for version in supported)
    is_good = host.python in supported
    fix = "" if is_good else f"Profile {profile} is for Python {names}: install one, or name it in EDGETRAIN_PYTHON."
    yield HostCheck(State.OK if is_good else State.FAIL, "Python", found, fix)


def _architecture(host: Host, _profile: str) -> Iterator[HostCheck]:
    is_good = host.machine in _X86
    fix = "" if is_good else "TensorFlow 2.15 and its companions are pinned for x86-64: train on such a machine."
    yield HostCheck(State.OK if is_good else State.FAIL, "processor", host.machine, fix)


def _packages(host: Host, profile: str) -> Iterator[HostCheck]:
    versions = {name: host.package_version(name) for name in _PACKAGES[profile]}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        fix = f"Run this with the profile's own environment: ci/inv --profile {profile} doctor --profile {profile}"
        yield HostCheck(State.FAIL, "packages", f"missing: {', '.join(missing)}", fix)
    else:
        yield HostCheck(State.OK, "packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _memory(host: Host, _profile: str) -> Iterator[HostCheck]:
    size = host.memory_bytes()
    if size is None:
        yield HostCheck(State.WARN, "memory", "unknown", "Training takes about 4 GiB with the default settings.")
        return
    is_good = size >= _TRAINING_MEMORY
    fix = "" if is_good else "Training takes about 4 GiB with the default settings: lower training.batch_size."
    yield HostCheck(State.OK if is_good else State.WARN, "memory", f"{size / _GIBIBYTE:.1f} GiB", fix)


def _disk(host: Host, profile: str) -> Iterator[HostCheck]:
    free = host.free_bytes()
    wanted = _TRAINING_DISK if profile in (TRAIN, TEST, GPU) else _LIGHT_DISK
    fix = "" if free >= wanted else f"Free some space: {wanted / _GIBIBYTE:.0f} GiB are comfortable."
    yield HostCheck(State.WARN if fix else State.OK, "disk", f"{free / _GIBIBYTE:.1f} GiB free", fix)


def _gpu(host: Host, profile: str) -> Iterator[HostCheck]:
    said = host.said_by("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    if said:
        hint = "" if profile == GPU else "The profile gpu would use it (unproven)."
        yield HostCheck(State.OK, "GPU", said.splitlines()[0], hint)
    elif profile == GPU:
        yield HostCheck(
            State.FAIL, "GPU", "nvidia-smi finds none", "Install NVIDIA's driver, or use the profile train."
        )


def _compiler(host: Host, _profile: str) -> Iterator[HostCheck]:
    if host.machine not in _X86:
        fix = "Google made edgetpu_compiler for x86-64 only: compile there, or in ci/edgetpu-compiler.Containerfile."
        yield HostCheck(State.FAIL, "processor", host.machine, fix)
    program = host.program("edgetpu_compiler")
    if program is None:
        yield HostCheck(State.FAIL, "edgetpu_compiler", "not found", '"ci/inv compile" tells how to install it.')
        return
    said = host.said_by(program, "--version") or "no answer"
    is_good = "version 16." in said
    fix = "" if is_good else "The gates are those of version 16.0: install that one."
    yield HostCheck(State.OK if is_good else State.FAIL, "edgetpu_compiler", f"{program}: {said}", fix)


def _pycoral(host: Host, _profile: str) -> Iterator[HostCheck]:
    version = host.package_version("pycoral")
    if version is None:
        yield HostCheck(State.OK, "pycoral", "not installed; the interpreter is used with libedgetpu directly")
    elif host.has_module("pycoral.utils.edgetpu"):
        yield HostCheck(State.OK, "pycoral", f"{version}, Google's")
    else:
        fix = "Remove it: pip uninstall pycoral. Google's is at google-coral.github.io/py-repo (Python 3.9 at most)."
        yield HostCheck(State.FAIL, "pycoral", f"{version}: this is PyPI's package of that name, another project", fix)


def _interpreter_version(host: Host) -> tuple[str, str] | None:
    """Return name and version of what runs TFLite models here."""
    for package in ("tflite-runtime", "ai-edge-litert", "tensorflow-cpu", "tensorflow"):
        version = host.package_version(package)
        if version:
            return package, version
    return None


def _interpreter(host: Host, _profile: str) -> Iterator[HostCheck]:
    found = _interpreter_version(host)
    if found is None:
        yield HostCheck(State.FAIL, "interpreter", "none", _PAIR_FIX)
    elif found[0] == "ai-edge-litert":
        yield HostCheck(State.WARN, "interpreter", " ".join(found), f"It is unproven with an Edge TPU. {_PAIR_FIX}")
    else:
        yield HostCheck(State.OK, "interpreter", " ".join(found))


def _library(host: Host, _profile: str) -> Iterator[HostCheck]:
    """Look at libedgetpu's package, whose version names the TensorFlow that it was built for."""
    versions = [host.said_by("dpkg-query", "--show", "--showformat=${Version}", name) for name in _LIBRARIES]
    version = next((text for text in versions if text), "")
    files = sorted(path for folder in _LIBRARY_FOLDERS for path in (host.root / folder).glob("**/libedgetpu.so.1*"))
    if not version and not files:
        yield HostCheck(State.FAIL, "libedgetpu", "not found", _PAIR_FIX)
        return
    found = version or f"{files[0]}, of unknown version"
    built_for = re.search(r"tf(\d+)\.(\d+)", version, re.IGNORECASE)
    interpreter = _interpreter_version(host)
    runs = re.match(r"(\d+)\.(\d+)", interpreter[1]) if interpreter else None
    if runs is None or interpreter is None:
        yield HostCheck(State.WARN, "libedgetpu", found, "Without an interpreter its fit cannot be told.")
        return
    pair = tuple(map(int, runs.groups()))
    if built_for:
        fits = tuple(map(int, built_for.groups())) == pair
        fix = "" if fits else f"It was not built for {' '.join(interpreter)}: it may crash. {_PAIR_FIX}"
        yield HostCheck(State.OK if fits else State.WARN, "libedgetpu", found, fix)
    elif version and pair >= _STOCK_LIMIT:
        fix = f"Stock 16.0 crashes with {' '.join(interpreter)}. {_PAIR_FIX}"
        yield HostCheck(State.FAIL, "libedgetpu", found, fix)
    else:
        fix = "What it was built for is unknown; a crash means that it does not fit."
        yield HostCheck(State.WARN, "libedgetpu", found, fix)


def _devices(host: Host, _profile: str) -> Iterator[HostCheck]:
    found = find_edge_tpus(host.root)
    if not found:
        fix = "Plug one in; a container needs both USB ids, 1a6e:089a and 18d1:9302, or /dev/apex_0."
        yield HostCheck(State.FAIL, "Edge TPU", "none", fix)
    for device in found:
        yield _device(device)


def _device(device: EdgeTpu) -> HostCheck:
    if device.speed_mbps is not None and device.speed_mbps <= _USB2_MBPS:
        text = f"{device.name} {device.usb_id}, USB at {device.speed_mbps} Mbit/s"
        return HostCheck(State.WARN, "Edge TPU", text, "Use a USB 3 port and cable: pictures travel ten times as fast.")
    return HostCheck(State.OK, "Edge TPU", f"{device.name} {device.usb_id}".strip())


def _rights(host: Host, _profile: str) -> Iterator[HostCheck]:
    found = find_edge_tpus(host.root)
    if any(device.usb_id for device in found):
        yield from _usb_rights(host)
    for device in found:
        if not device.usb_id and not host.may_open(device.place):
            fix = f"Make a group apex, give it {device.place} (udev), and put this user into it."
            yield HostCheck(State.FAIL, "rights", f"{device.place} may not be opened", fix)


def _usb_rights(host: Host) -> Iterator[HostCheck]:
    rules = [path for folder in _RULE_FOLDERS for path in sorted((host.root / folder).glob("*.rules"))]
    has_rule = any("1a6e" in host.text(str(path.relative_to(host.root))) for path in rules)
    is_member = host.is_root() or "plugdev" in host.groups()
    if has_rule and is_member:
        yield HostCheck(State.OK, "rights", "udev rule for the USB ids; the user is in plugdev or is root")
    if not has_rule:
        fix = "libedgetpu's package brings it (60-libedgetpu1-*.rules); without it only root may open the device."
        yield HostCheck(State.OK if host.is_root() else State.FAIL, "udev rule", "none for 1a6e:089a", fix)
    if not is_member:
        fix = "sudo usermod -aG plugdev $USER, then log in again."
        yield HostCheck(State.FAIL, "group", "this user is not in plugdev", fix)


def _driver(host: Host, _profile: str) -> Iterator[HostCheck]:
    """Look for a PCIe device without a node: the driver is missing."""
    ids = [(host.text(f"{p}/vendor"), host.text(f"{p}/device")) for p in _pci_folders(host)]
    has_card, has_node = ("0x1ac1", "0x089a") in ids, any(not device.usb_id for device in find_edge_tpus(host.root))
    if has_card and not has_node:
        fix = "Build and load gasket and apex (gasket-dkms; kernels from 6.8 on need feranick/gasket-driver)."
        yield HostCheck(State.FAIL, "driver", "a PCIe Edge TPU is there, but /dev/apex_0 is not", fix)


def _pci_folders(host: Host) -> list[str]:
    return [str(path.relative_to(host.root)) for path in sorted((host.root / "sys/bus/pci/devices").glob("*"))]
