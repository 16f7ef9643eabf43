"""Which Edge TPUs are plugged in, read from the kernel's own lists, without opening any.

Sources: USB ids and PCIe nodes of libedgetpu's udev rules and gasket driver. A USB Accelerator is 1a6e:089a until a
program has used it, then 18d1:9302.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FRESH_USB_ID = "1a6e:089a"
USED_USB_ID = "18d1:9302"
_USB_DEVICES = "sys/bus/usb/devices"
_APEX_CLASS = "sys/class/apex"


@dataclass(frozen=True)
class EdgeTpu:
    """One Edge TPU.

    ``name`` is ``usb:N`` or ``pci:N`` as libedgetpu counts; ``place`` is where the kernel shows it; ``usb_id`` and
    ``speed_mbps`` are those of a USB device; ``temperature_path`` has thousandths of a degree Celsius (PCIe only).
    """

    name: str
    place: Path
    usb_id: str = ""
    speed_mbps: int | None = None
    temperature_path: Path | None = None


def find_edge_tpus(root: Path = Path("/")) -> list[EdgeTpu]:
    """Return all Edge TPUs: PCIe first, then USB, each by its place.

    Args:
        root: what ``/sys`` and ``/dev`` are below.
    """
    return [*_pci_devices(root), *_usb_devices(root)]


def _pci_devices(root: Path) -> list[EdgeTpu]:
    nodes = sorted((root / "dev").glob("apex_[0-9]*"))
    return [_pci_device(number, node, root / _APEX_CLASS / node.name / "temp") for number, node in enumerate(nodes)]


def _pci_device(number: int, node: Path, temperature_path: Path) -> EdgeTpu:
    return EdgeTpu(f"pci:{number}", node, temperature_path=temperature_path if temperature_path.is_file() else None)


def _usb_devices(root: Path) -> list[EdgeTpu]:
    places = sorted((root / _USB_DEVICES).glob("*"))
    found = [(place, f"{_text(place / 'idVendor')}:{_text(place / 'idProduct')}") for place in places]
    known = [(place, usb_id) for place, usb_id in found if usb_id in {FRESH_USB_ID, USED_USB_ID}]
    return [
        EdgeTpu(f"usb:{number}", place, usb_id, _speed(place / "speed")) for number, (place, usb_id) in enumerate(known)
    ]


def _speed(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    """Return a kernel attribute; empty where it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
