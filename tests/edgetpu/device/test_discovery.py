"""Edge TPUs in the kernel's lists."""

from __future__ import annotations

import pytest

from edgetrain.edgetpu.device.discovery import find_edge_tpus


def plug_usb(root, place, usb_id, speed="5000"):
    folder = root / "sys/bus/usb/devices" / place
    folder.mkdir(parents=True)
    vendor, product = usb_id.split(":")
    for name, text in (("idVendor", vendor), ("idProduct", product), ("speed", speed)):
        (folder / name).write_text(f"{text}\n")


def plug_pci(root, number, millidegrees=None):
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / f"apex_{number}").touch()
    if millidegrees is not None:
        folder = root / f"sys/class/apex/apex_{number}"
        folder.mkdir(parents=True)
        (folder / "temp").write_text(f"{millidegrees}\n")


def test_a_machine_without_one_has_none(tmp_path):
    plug_usb(tmp_path, "1-1", "1d6b:0002")

    assert find_edge_tpus(tmp_path) == []


@pytest.mark.parametrize("usb_id", ["1a6e:089a", "18d1:9302"])
def test_a_usb_device_is_known_by_both_of_its_ids(tmp_path, usb_id):
    plug_usb(tmp_path, "2-1", usb_id, speed="480")

    (found,) = find_edge_tpus(tmp_path)

    assert (found.name, found.usb_id, found.speed_mbps) == ("usb:0", usb_id, 480)


def test_devices_are_counted_for_each_bus(tmp_path):
    plug_usb(tmp_path, "2-1", "1a6e:089a")
    plug_usb(tmp_path, "2-2", "18d1:9302")
    plug_pci(tmp_path, 0)
    plug_pci(tmp_path, 1)

    assert [found.name for found in find_edge_tpus(tmp_path)] == ["pci:0", "pci:1", "usb:0", "usb:1"]


def test_a_pci_device_tells_where_its_temperature_stands(tmp_path):
    plug_pci(tmp_path, 0, millidegrees=51_300)
    plug_pci(tmp_path, 1)

    with_sensor, without = find_edge_tpus(tmp_path)

    assert with_sensor.temperature_path.read_text() == "51300\n"
    assert without.temperature_path is None
