"""What each profile needs of a machine, looked at one thing after the other, each with the remedy.

Sources: docs/packages.md, docs/coral.md (the pair of interpreter and libedgetpu), udev rules of libedgetpu, issues
812 (crash of a pair that does not fit) and 905 (driver) of google-coral/edgetpu, 115 of google-coral/pycoral (name).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetrain.doctor.host import Host
from edgetrain.edgetpu.compiler.set_up import INSTALL_COMPILER
from edgetrain.edgetpu.device.discovery import FRESH_USB_ID, USED_USB_ID, EdgeTpu, find_edge_tpus
from edgetrain.edgetpu.device.pairs import are_a_pair

TRAIN, CHECK, COMPILE, DEVICE, TEST, LEGACY, BEAM, LABEL, GPU = PROFILES = (
    *("train", "check", "compile", "device", "test", "legacy", "beam", "label", "gpu"),
)
_TENSORFLOW_PYTHONS = ((3, 11), (3, 12), (3, 13))
_LIGHT_PYTHONS = ((3, 9), (3, 10), *_TENSORFLOW_PYTHONS)
_ENDING_PYTHONS = ((3, 9), (3, 10))
PYTHONS = {
    **dict.fromkeys((TRAIN, TEST, GPU), _TENSORFLOW_PYTHONS),
    **dict.fromkeys((LEGACY, BEAM), ((3, 11),)),
    **dict.fromkeys((CHECK, LABEL, COMPILE, DEVICE), _LIGHT_PYTHONS),
}
_PACKAGES = {
    TRAIN: ("tensorflow", "tf-keras", "tf-object-detection-api", "ai-edge-litert", "numpy", "pandas", "lxml", "tflite"),
    TEST: ("tensorflow", "tf-keras", "tf-object-detection-api", "pytest", "ruff", "mypy"),
    LEGACY: ("tensorflow", "tf-object-detection-api", "pytest"),
    GPU: ("tensorflow", "tf-keras", "tf-object-detection-api", "nvidia-cudnn-cu12", "numpy", "pandas", "lxml"),
    CHECK: ("lxml", "pillow", "google-crc32c"),
    BEAM: ("apache-beam", "lxml", "pillow", "google-crc32c"),
    LABEL: ("labelimgplusplus", "pyqt5", "lxml", "pillow"),
    COMPILE: ("tflite", "flatbuffers"),
    DEVICE: ("tflite", "numpy", "pillow", "google-crc32c", "pycocotools"),
}
_GIBIBYTE = 1 << 30
_TRAINING_MEMORY = 6 * _GIBIBYTE
_TRAINING_DISK = 5 * _GIBIBYTE
_LIGHT_DISK = _GIBIBYTE
_X86 = ("x86_64", "AMD64")
_ARM = ("aarch64", "arm64")
# CUDA 12.x runs with any driver from this one on (NVIDIA, CUDA compatibility: minor versions); the wheels are of 12.9.
_CUDA_DRIVER = (525, 60)
# TensorFlow's .bazelrc, cuda_clang_official: sm_60, sm_70, sm_80, sm_89, compute_90. Newer cards compile at first use.
_LEAST_COMPUTE_CAPABILITY = (6, 0)
_USB2_MBPS = 480
_STOCK_LIMIT = (2, 12)  # stock libedgetpu 16.0 crashes with this tflite-runtime and later ones
# Builds known to work with more interpreters than that of their own version, by their maker's notes: first and last.
_WIDER_BUILDS = {(2, 15): ((2, 11), (2, 15))}
_LIBRARIES = ("libedgetpu1-max", "libedgetpu1-std")
_LIBRARY_FOLDERS = ("usr/lib", "usr/lib/*-linux-gnu*", "usr/local/lib", "lib", "lib/*-linux-gnu*")
_RULE_FOLDERS = ("etc/udev/rules.d", "run/udev/rules.d", "lib/udev/rules.d", "usr/lib/udev/rules.d")
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
    """Return everything that a profile depends on, in the order in which it is best fixed."""
    looks: dict[str, tuple[Look, ...]] = {
        TRAIN: (_python, _architecture, _packages, _memory, _disk, _gpu),
        TEST: (_python, _architecture, _packages, _memory, _disk),
        LEGACY: (_python, _architecture, _packages, _memory, _disk),
        GPU: (_python, _architecture, _packages, _memory, _disk, _gpu),
        CHECK: (_python, _packages, _disk),
        BEAM: (_python, _packages, _disk),
        LABEL: (_python, _packages, _disk),
        COMPILE: (_python, _packages, _compiler, _disk),
        DEVICE: (_python, _packages, _pycoral, _interpreter, _library, _devices, _rights, _driver, _disk),
    }
    return [check for look in looks[profile] for check in look(host, profile)]


def _python(host: Host, profile: str) -> Iterator[HostCheck]:
    found, supported = ".".join(map(str, host.python)), PYTHONS[profile]
    names = ", ".join(".".join(map(str, version)) for version in supported)
    is_good = host.python in supported
    fix = "" if is_good else f"Profile {profile} is for Python {names}: install one, or name it in EDGETRAIN_PYTHON."
    if host.python > max(supported):
        fix += " Newer ones follow when all packages have wheels for them."
    state = State.OK if is_good else State.FAIL
    if is_good and host.python in _ENDING_PYTHONS:
        state, fix = State.WARN, "The next minor release is for Python 3.11 and newer: install one in time."
    yield HostCheck(state, "Python", found, fix)


def _architecture(host: Host, profile: str) -> Iterator[HostCheck]:
    if host.machine in _X86:
        yield HostCheck(State.OK, "processor", host.machine)
    elif host.machine in _ARM and profile in (TRAIN, TEST):
        fix = "The packages are resolved for it (Linux, macOS) and were never run there: unproven."
        yield HostCheck(State.WARN, "processor", host.machine, fix)
    else:
        fix = "There are no packages for it: train on x86-64."
        yield HostCheck(State.FAIL, "processor", host.machine, fix)


def _packages(host: Host, profile: str) -> Iterator[HostCheck]:
    versions = {name: host.package_version(name) for name in _PACKAGES[profile]}
    if versions.get("tensorflow", "") is None:
        # The same files without CUDA; it has no wheels but for Linux on x86-64.
        versions["tensorflow"] = host.package_version("tensorflow-cpu")
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        fix = f"Run this in the profile's own environment: ci/inv --profile {profile} doctor --profile {profile}"
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
    wanted = _TRAINING_DISK if profile in (TRAIN, TEST, LEGACY, GPU) else _LIGHT_DISK
    fix = "" if free >= wanted else f"Free some space: {wanted / _GIBIBYTE:.0f} GiB are comfortable."
    yield HostCheck(State.WARN if fix else State.OK, "disk", f"{free / _GIBIBYTE:.1f} GiB free", fix)


def _gpu(host: Host, profile: str) -> Iterator[HostCheck]:
    said = host.said_by("nvidia-smi", "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader")
    if said and profile == GPU:
        yield _gpu_fit(said.splitlines()[0])
    elif said:
        yield HostCheck(State.OK, "GPU", said.splitlines()[0], "The profile gpu would use it (unproven).")
    elif profile == GPU:
        yield HostCheck(
            State.FAIL, "GPU", "nvidia-smi finds none", "Install NVIDIA's driver, or use the profile train."
        )


def _gpu_fit(found: str) -> HostCheck:
    """Return whether driver and card are those of TensorFlow's CUDA wheels; ``found``: name, driver, capability."""
    _, driver, capability = (*found.rsplit(", ", 2), "", "")[:3]
    for text, least, fix in (
        (driver, _CUDA_DRIVER, "CUDA 12.9 of the wheels needs driver {}.{} or newer: install one."),
        (capability, _LEAST_COMPUTE_CAPABILITY, "TensorFlow is compiled for compute capability {}.{} and newer."),
    ):
        numbers = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
        if numbers and numbers < least:
            return HostCheck(State.FAIL, "GPU", found, fix.format(*least))
    return HostCheck(State.OK, "GPU", found, "Driver and card fit; what training gains by it is unproven.")


def _compiler(host: Host, _profile: str) -> Iterator[HostCheck]:
    if host.machine not in _X86:
        fix = "Google made edgetpu_compiler for x86-64 only: compile there, or in ci/edgetpu-compiler.Containerfile."
        yield HostCheck(State.FAIL, "processor", host.machine, fix)
    program = host.program(host.compiler)
    if program is None:
        yield HostCheck(State.FAIL, "edgetpu_compiler", f"{host.compiler} not found", INSTALL_COMPILER)
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
    files = _library_files(host)
    if not version and not files:
        yield HostCheck(State.FAIL, "libedgetpu", f"{host.library} not found", _PAIR_FIX)
        return
    state, fix = _fit(version, _interpreter_version(host))
    yield HostCheck(state, "libedgetpu", version or f"{files[0]}, of unknown version", fix)


def _library_files(host: Host) -> list[Path]:
    if "/" in host.library:
        path = host.root / host.library.lstrip("/")
        return [path] if path.is_file() else []
    return sorted(path for folder in _LIBRARY_FOLDERS for path in host.root.glob(f"{folder}/{host.library}*"))


def _fit(version: str, interpreter: tuple[str, str] | None) -> tuple[State, str]:
    """Return how a libedgetpu fits an interpreter: its package's version ends in the TensorFlow that it is built for.

    Google's own has no such end (16.0); it is for tflite-runtime up to 2.11.
    """
    runs = re.match(r"(\d+)\.(\d+)", interpreter[1]) if interpreter else None
    if interpreter is None or runs is None:
        return State.WARN, "Without an interpreter its fit cannot be told."
    name = " ".join(interpreter)
    built_for = re.search(r"tf(\d+)\.(\d+)", version, re.IGNORECASE)
    if interpreter[0] == "ai-edge-litert":  # its versions are not TensorFlow's
        is_known = built_for and are_a_pair(*interpreter, ".".join(built_for.groups()))
        unknown = f"It is not known to fit {name}. {_PAIR_FIX}"
        return State.WARN, f"Others run it with {name}; unproven by this project." if is_known else unknown
    if not version:
        return State.WARN, f"What it was built for is unknown; a crash means that it does not fit {name}."
    pair = int(runs[1]), int(runs[2])
    if built_for is None:
        is_good = pair < _STOCK_LIMIT
        return (State.OK, "") if is_good else (State.FAIL, f"Stock 16.0 crashes with {name}. {_PAIR_FIX}")
    build = int(built_for[1]), int(built_for[2])
    first, last = _WIDER_BUILDS.get(build, (build, build))
    if first <= pair <= last:
        return State.OK, ""
    return State.WARN, f"It was not built for {name}: it may crash. {_PAIR_FIX}"


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
    """Look if the devices that are there may be opened, and if USB ones may still be after their id has changed."""
    found = find_edge_tpus(host.root)
    for device in found:
        node = device.place if not device.usb_id else _usb_node(host, device)
        if host.may_open(node):
            yield HostCheck(State.OK, "rights", f"{device.name} may be opened ({node})")
        elif not node.exists():
            fix = "In a container or virtual machine: pass on both USB ids, or /dev/bus/usb as a whole."
            yield HostCheck(State.FAIL, "rights", f"{device.name} has no {node}", fix)
        elif device.usb_id:
            fix = "See udev rule and group below; then plug it in again."
            yield HostCheck(State.FAIL, "rights", f"{device.name} may not be opened ({node})", fix)
        else:
            fix = f"Make a group apex, give it {node} (udev), and put this user into it."
            yield HostCheck(State.FAIL, "rights", f"{device.name} may not be opened ({node})", fix)
    if not host.is_root() and (not found or any(device.usb_id for device in found)):
        yield from _usb_rights(host)


def _usb_node(host: Host, device: EdgeTpu) -> Path:
    numbers = [host.text(str(device.place.relative_to(host.root) / name)) for name in ("busnum", "devnum")]
    return host.root.joinpath("dev/bus/usb", *(number.zfill(3) for number in numbers))


def _usb_rights(host: Host) -> Iterator[HostCheck]:
    """Look at what gives a user the rights; whether they suffice now is said by the devices themselves."""
    paths = [path for folder in _RULE_FOLDERS for path in sorted((host.root / folder).glob("*.rules"))]
    rules = "\n".join(host.text(str(path.relative_to(host.root))) for path in paths)
    missing = [usb_id for usb_id in (FRESH_USB_ID, USED_USB_ID) if usb_id.split(":")[0] not in rules]
    if missing:
        fix = (
            "libedgetpu's package brings it (60-libedgetpu1-*.rules). Both are needed: the first use changes "
            f"{FRESH_USB_ID} into {USED_USB_ID}."
        )
        yield HostCheck(State.WARN, "udev rule", f"none for {' and '.join(missing)}", fix)
    else:
        yield HostCheck(State.OK, "udev rule", f"for {FRESH_USB_ID} and {USED_USB_ID}")
    if "plugdev" in host.groups():
        yield HostCheck(State.OK, "group", "this user is in plugdev")
    else:
        fix = "sudo usermod -aG plugdev $USER, then log in again."
        yield HostCheck(State.WARN, "group", "this user is not in plugdev", fix)


def _driver(host: Host, _profile: str) -> Iterator[HostCheck]:
    """Look for a PCIe device without a node: the driver is missing."""
    ids = [(host.text(f"{p}/vendor"), host.text(f"{p}/device")) for p in _pci_folders(host)]
    has_card, has_node = ("0x1ac1", "0x089a") in ids, any(not device.usb_id for device in find_edge_tpus(host.root))
    if has_card and not has_node:
        fix = "Build and load gasket and apex (gasket-dkms; kernels from 6.8 on need feranick/gasket-driver)."
        yield HostCheck(State.FAIL, "driver", "a PCIe Edge TPU is there, but /dev/apex_0 is not", fix)


def _pci_folders(host: Host) -> list[str]:
    return [str(path.relative_to(host.root)) for path in sorted((host.root / "sys/bus/pci/devices").glob("*"))]
