"""Why a PCIe or M.2 Edge TPU does not work here: one diagnosis, from what the kernel shows.

In the order in which it is best fixed: is the card there, is its driver loaded and new enough for the kernel, is there
a node, may this user open it, and does a Raspberry Pi 5 have the settings that the card needs.

Sources: libedgetpu's udev rules (ids); google/gasket-driver issues 23 to 51 and feranick/gasket-driver (kernels: from
6.13 without ``no_llseek``, 6.18 needs more); raspberrypi/linux issue 6126 (Raspberry Pi 5).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Optional

VENDOR, DEVICE = "0x1ac1", "0x089a"
_ROOT = Path("/")
_PAGE_BYTES = 4096
_MOST_BYTES = 1 << 16
_PATCHED_FROM, _NEWER_FROM = (6, 13), (6, 18)
_PI_5 = "Raspberry Pi 5"
_OVERLAY = "pcie-32bit-dma-pi5"
_CONFIGS = ("boot/firmware/config.txt", "boot/config.txt")
_DRIVER = "feranick/gasket-driver"


def diagnosis(root: Path = _ROOT, page_bytes: Optional[int] = None) -> list[str]:
    """Return what is wrong with a PCIe Edge TPU, each fault with its remedy; empty if nothing is known to be.

    Args:
        root: the file system.
        page_bytes: size of the kernel's pages; ``None``: ask it.
    """
    if not _has_card(root):
        return ["No PCIe Edge TPU is to be seen (1ac1:089a): seat the card, and switch PCIe on."]
    nodes = sorted((root / "dev").glob("apex_*"))
    faults = _driver_faults(root) if not nodes else []
    faults += [
        f"{node} may not be opened: put this user into the group of that node (apex)."
        for node in nodes
        if not _may(node)
    ]
    pages = page_bytes if page_bytes is not None else os.sysconf("SC_PAGE_SIZE")
    return [*faults, *_raspberry_faults(root, pages)]


def _has_card(root: Path) -> bool:
    folders = sorted((root / "sys/bus/pci/devices").glob("*"))
    return any((_text(folder / "vendor"), _text(folder / "device")) == (VENDOR, DEVICE) for folder in folders)


def _driver_faults(root: Path) -> list[str]:
    """Return why there is no node: which driver is loaded, and what this kernel needs."""
    kernel = _text(root / "proc/sys/kernel/osrelease")
    found = re.match(r"(\d+)\.(\d+)", kernel)
    release = (int(found[1]), int(found[2])) if found else (0, 0)
    if (root / "sys/module/apex").is_dir():
        version = _text(root / "sys/module/gasket/version") or "of unknown release"
        return [
            f"The driver gasket {version} is loaded, but there is no /dev/apex_0: see dmesg, and restart the machine."
        ]
    if release >= _NEWER_FROM:
        needs = (
            f"kernel {kernel} needs a gasket with the changes for 6.18: a build of jnicolson/gasket-builder, or a "
            f"newer one of {_DRIVER}"
        )
    elif release >= _PATCHED_FROM:
        needs = f"kernel {kernel} needs gasket 1.0-18.4 or later of {_DRIVER} (Google's does not build there)"
    else:
        needs = f"install gasket-dkms (from kernel 6.8 on that of {_DRIVER})"
    return [f"The card is there, but its driver (gasket, apex) is not loaded: {needs}."]


def _raspberry_faults(root: Path, page_bytes: int) -> list[str]:
    if not _text(root / "proc/device-tree/model").startswith(_PI_5):
        return []
    faults = []
    if page_bytes != _PAGE_BYTES:
        faults.append(
            f"This Raspberry Pi 5 has pages of {page_bytes // 1024} KiB, the driver needs 4: kernel=kernel8.img in "
            "config.txt."
        )
    lines = [line.strip() for name in _CONFIGS for line in _text(root / name).splitlines()]
    if not any(line.startswith("dtoverlay=") and _OVERLAY in line for line in lines):
        faults.append(
            f"This Raspberry Pi 5 gives PCIe devices addresses beyond 4 GiB: dtoverlay={_OVERLAY} in config.txt."
        )
    return faults


def _may(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


def _text(path: Path) -> str:
    """Return the beginning of a file without line ends and NULs; empty if there is none."""
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST_BYTES).decode(errors="replace").strip("\0 \n")
    except OSError:
        return ""
