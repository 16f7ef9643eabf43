"""A PCIe Edge TPU that does not work: what the kernel shows, and what helps."""

from __future__ import annotations

import os

import pytest

from edgetrain.edgetpu.device.pcie import diagnosis


@pytest.fixture
def machine(tmp_path):
    """Return a function that makes a file system: a card, a kernel, and more files by path."""

    def make(kernel="6.1.0-1-amd64", **files):
        card = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
        card.mkdir(parents=True)
        given = {"proc/sys/kernel/osrelease": kernel, f"{card.relative_to(tmp_path)}/vendor": "0x1ac1"}
        given |= {f"{card.relative_to(tmp_path)}/device": "0x089a", **files}
        for name, text in given.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path

    return make


def test_without_a_card_nothing_else_is_looked_at(tmp_path):
    assert diagnosis(tmp_path, 4096) == [
        "No PCIe Edge TPU is to be seen (1ac1:089a): seat the card, and switch PCIe on."
    ]


@pytest.mark.parametrize(
    ("kernel", "remedy"),
    [
        pytest.param("6.1.0-1-amd64", "install gasket-dkms", id="old kernel"),
        pytest.param("6.13.0-generic", "gasket 1.0-18.4 or later", id="6.13"),
        pytest.param("6.18.1", "the changes for 6.18", id="6.18"),
        pytest.param("strange", "install gasket-dkms", id="unknown"),
    ],
)
def test_the_driver_s_remedy_is_that_of_the_kernel(machine, kernel, remedy):
    (fault,) = diagnosis(machine(kernel), 4096)

    assert fault.startswith("The card is there, but its driver (gasket, apex) is not loaded")
    assert remedy in fault


def test_a_loaded_driver_without_a_node_is_named_with_its_release(machine):
    root = machine(**{"sys/module/apex/x": "", "sys/module/gasket/version": "1.1.4"})

    assert diagnosis(root, 4096)[0].startswith("The driver gasket 1.1.4 is loaded, but there is no /dev/apex_0")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_node_that_may_not_be_opened(machine):
    root = machine(**{"dev/apex_0": ""})
    (root / "dev/apex_0").chmod(0)

    assert "may not be opened" in diagnosis(root, 4096)[0]


@pytest.mark.parametrize(
    ("page_bytes", "config", "words"),
    [
        pytest.param(16384, "dtoverlay=pcie-32bit-dma-pi5", ["pages of 16 KiB"], id="pages"),
        pytest.param(4096, "# dtoverlay=pcie-32bit-dma-pi5", ["dtoverlay=pcie-32bit-dma-pi5"], id="overlay"),
        pytest.param(16384, "", ["pages of 16 KiB", "beyond 4 GiB"], id="both"),
        pytest.param(4096, "dtoverlay=pcie-32bit-dma-pi5", [], id="neither"),
    ],
)
def test_a_raspberry_pi_5_needs_its_settings(machine, page_bytes, config, words):
    files = {"dev/apex_0": "", "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}

    faults = diagnosis(machine(**files, **{"boot/firmware/config.txt": config}), page_bytes)

    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults))
